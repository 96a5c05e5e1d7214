//! Requests by `exchange`, where the host has their content, and by `wasi:http` where the
//! plugin writes it.

use super::PayloadStream;
use crate::{
    DeliveryError,
    bindings::delivery::{
        wasi::{
            http::{
                outgoing_handler,
                types::{
                    self, FutureIncomingResponse, IncomingBody, Method, OutgoingBody,
                    OutgoingRequest, Scheme,
                },
            },
            io::streams::{InputStream, OutputStream, StreamError},
        },
        windlass::plugin::exchange,
    },
    host::{Content, failure},
    http::{Fields, Head},
};

/// Sends a request whose content the host has, in one call.
pub(crate) fn send(head: Head, content: Content<'_>) -> Result<Incoming, DeliveryError> {
    let content = match content {
        Content::Nothing => exchange::Content::Nothing,
        Content::Payload(payload) => exchange::Content::Payload(payload.of_guest()),
        Content::Range {
            payload,
            offset,
            length,
        } => exchange::Content::Range((payload.of_guest(), offset, length)),
    };
    let Head {
        method,
        url,
        fields,
    } = head;
    let answer =
        exchange::send(&method, &url, fields.lines(), &content).map_err(failure::of_exchange)?;
    Ok(Incoming {
        status: answer.status,
        fields: Fields::of_lines(answer.headers),
        begun: answer.body,
        rest: answer.rest.map(Rest::of).transpose()?,
    })
}

pub(crate) fn send_streaming(head: Head) -> Result<(Sink, Pending), DeliveryError> {
    let request = outgoing(&head)?;
    let unusable = |()| DeliveryError::other("the host gave the request no body");
    let body = request.body().map_err(unusable)?;
    let stream = body.write().map_err(unusable)?;
    let pending = handle(request)?;
    Ok((Sink { stream, body }, pending))
}

fn outgoing(head: &Head) -> Result<OutgoingRequest, DeliveryError> {
    let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
    let fields = head.fields.iter();
    let fields: Vec<_> = fields
        .map(|(name, value)| (text(name), value.to_vec()))
        .collect();
    let fields = types::Fields::from_list(&fields)
        .map_err(|_| DeliveryError::other("a header's name or value is not allowed in HTTP"))?;
    let outgoing = OutgoingRequest::new(fields);
    outgoing
        .set_method(&method(&head.method))
        .map_err(|()| DeliveryError::other("the HTTP method is not one"))?;
    let (scheme, authority, path) = parts(&head.url);
    outgoing
        .set_scheme(Some(&scheme))
        .and_then(|()| outgoing.set_authority(Some(authority)))
        .and_then(|()| outgoing.set_path_with_query(Some(path)))
        .map_err(|()| DeliveryError::other("address and path make no URL"))?;
    Ok(outgoing)
}

fn method(name: &str) -> Method {
    match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "DELETE" => Method::Delete,
        "OPTIONS" => Method::Options,
        "PATCH" => Method::Patch,
        _ => Method::Other(name.to_owned()),
    }
}

/// Scheme, authority, and path with query of a device's URL.
fn parts(url: &str) -> (Scheme, &str, &str) {
    let (scheme, rest) = match url.strip_prefix("https://") {
        Some(rest) => (Scheme::Https, rest),
        None => (Scheme::Http, url.strip_prefix("http://").unwrap_or(url)),
    };
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    (scheme, authority, path)
}

fn handle(request: OutgoingRequest) -> Result<Pending, DeliveryError> {
    outgoing_handler::handle(request, None)
        .map(Pending)
        .map_err(failure::of_http)
}

/// An answer that has not come yet.
pub(crate) struct Pending(FutureIncomingResponse);

impl Pending {
    pub(crate) fn wait(self) -> Result<Incoming, DeliveryError> {
        let response = loop {
            match self.0.get() {
                None => self.0.subscribe().block(),
                Some(Ok(Ok(response))) => break response,
                Some(Ok(Err(code))) => return Err(failure::of_http(code)),
                Some(Err(())) => return Err(DeliveryError::other("the answer was taken before")),
            }
        };
        let body = response.consume().map_err(|()| unusable())?;
        let mut fields = Fields::default();
        for (name, value) in response.headers().entries() {
            fields.add(&name, &value)?;
        }
        Ok(Incoming {
            status: response.status(),
            fields,
            begun: Vec::new(),
            rest: Some(Rest::of(body)?),
        })
    }
}

/// A request's body under way. Fields are dropped in order, children first.
pub(crate) struct Sink {
    stream: OutputStream,
    body: OutgoingBody,
}

impl Sink {
    pub(crate) fn write(&mut self, mut bytes: &[u8]) -> Result<(), DeliveryError> {
        while !bytes.is_empty() {
            let room = usize::try_from(self.stream.check_write().map_err(broken)?);
            let room = room.unwrap_or(usize::MAX).min(bytes.len());
            if room == 0 {
                self.stream.subscribe().block();
                continue;
            }
            let (now, later) = bytes.split_at(room);
            self.stream.write(now).map_err(broken)?;
            bytes = later;
        }
        Ok(())
    }

    pub(crate) fn splice(
        &mut self,
        source: &mut PayloadStream,
        limit: u64,
    ) -> Result<u64, DeliveryError> {
        loop {
            match self.stream.blocking_splice(&source.0, limit) {
                // Room or bytes were awaited, and it was the other that lacked.
                Ok(0) if limit > 0 => source.0.subscribe().block(),
                Ok(count) => return Ok(count),
                // The sink is asked, because either end may have closed.
                Err(StreamError::Closed) => {
                    return self.stream.check_write().map(|_| 0).map_err(broken);
                }
                Err(error) => return Err(broken(error)),
            }
        }
    }

    pub(crate) fn finish(self) -> Result<(), DeliveryError> {
        let flushed = self.stream.blocking_flush().map_err(broken);
        drop(self.stream);
        flushed?;
        OutgoingBody::finish(self.body, None).map_err(failure::of_http)
    }
}

fn broken(error: StreamError) -> DeliveryError {
    match error {
        StreamError::Closed => {
            DeliveryError::interrupted("the device closed the connection during the transfer")
        }
        StreamError::LastOperationFailed(error) => failure::of_stream(&error),
    }
}

/// An answer.
pub(crate) struct Incoming {
    status: u16,
    fields: Fields,
    /// What has come of the body and was not read yet.
    begun: Vec<u8>,
    rest: Option<Rest>,
}

/// What is still to come of a body. Fields are dropped in order, children first.
struct Rest {
    stream: InputStream,
    _body: IncomingBody,
}

impl Rest {
    fn of(body: IncomingBody) -> Result<Self, DeliveryError> {
        let stream = body.stream().map_err(|()| unusable())?;
        Ok(Self {
            stream,
            _body: body,
        })
    }

    fn read(&mut self, limit: usize) -> Result<Option<Vec<u8>>, DeliveryError> {
        loop {
            match self.stream.blocking_read(limit as u64) {
                // Allowed by the contract of streams, though it waited for bytes.
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Ok(Some(bytes)),
                Err(StreamError::Closed) => return Ok(None),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(failure::of_stream(&error));
                }
            }
        }
    }
}

fn unusable() -> DeliveryError {
    DeliveryError::other("the host gave the answer no body")
}

impl Incoming {
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.fields.first(name)
    }

    pub(crate) fn read(&mut self, limit: usize) -> Result<Option<Vec<u8>>, DeliveryError> {
        if !self.begun.is_empty() {
            let later = self.begun.split_off(limit.min(self.begun.len()));
            return Ok(Some(std::mem::replace(&mut self.begun, later)));
        }
        match &mut self.rest {
            Some(rest) => rest.read(limit),
            None => Ok(None),
        }
    }
}
