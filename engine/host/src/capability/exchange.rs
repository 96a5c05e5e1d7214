use futures_util::{FutureExt as _, stream};
use http::{Method, Request, Response, Uri, header::CONTENT_LENGTH, uri::Scheme};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Empty, StreamBody};
use wasmtime_wasi_http::{
    WasiBody,
    p2::{bindings::http::types::ErrorCode, body::HostIncomingBody},
};

use super::fields;
use crate::{
    bindings::exchange::{Answer, Content, ExchangeError, Host},
    egress::SMALL_ANSWER,
    guest::State,
    payload::{OutOfRange, PayloadBody},
};

/// So many headers are made room for: those of a push, and what the host adds.
const USUAL_HEADERS: usize = 12;

impl Host for State {
    async fn send(
        &mut self,
        method: String,
        url: String,
        headers: Vec<u8>,
        content: Content,
    ) -> wasmtime::Result<Result<Answer, ExchangeError>> {
        let body = match self.body(content)? {
            Ok(body) => body,
            Err(error) => return Ok(Err(error)),
        };
        let request = match assemble(&method, url, headers, body) {
            Ok(request) => request,
            Err(error) => return Ok(Err(error)),
        };
        match self.http_hooks.exchange(request).await {
            Ok(response) => self.answer(response).map(Ok),
            Err(error) => Ok(Err(error.into())),
        }
    }
}

impl State {
    fn body(&self, content: Content) -> wasmtime::Result<Result<WasiBody, ExchangeError>> {
        let (payload, range) = match content {
            Content::Nothing => {
                let nothing = Empty::new().map_err(|never| match never {});
                return Ok(Ok(nothing.boxed_unsync()));
            }
            Content::Payload(payload) => (payload, None),
            Content::Range((payload, offset, length)) => (payload, Some((offset, length))),
        };
        let Ok((source, lease)) = self.leased(&payload)? else {
            return Ok(Err(ExchangeError::LeaseEnded));
        };
        let (offset, length) = range.unwrap_or((0, source.size()));
        let body = PayloadBody::new(source, lease, offset, length);
        Ok(match body {
            Ok(body) => Ok(body.boxed_unsync()),
            Err(OutOfRange { .. }) => Err(ExchangeError::OutOfRange),
        })
    }

    fn answer(&mut self, response: Response<WasiBody>) -> wasmtime::Result<Answer> {
        let (head, body) = response.into_parts();
        let (body, rest) = at_hand(body);
        let rest = match rest {
            Some(rest) => Some(self.table.push(HostIncomingBody::new(rest))?),
            None => None,
        };
        Ok(Answer {
            status: head.status.as_u16(),
            headers: fields::lines(&head.headers),
            body,
            rest,
        })
    }
}

impl From<ErrorCode> for ExchangeError {
    fn from(code: ErrorCode) -> Self {
        Self::Http(code)
    }
}

fn assemble(
    method: &str,
    url: String,
    headers: Vec<u8>,
    body: WasiBody,
) -> Result<Request<WasiBody>, ExchangeError> {
    let uri = Uri::try_from(url).map_err(|_| ErrorCode::HttpRequestUriInvalid)?;
    match uri.scheme() {
        Some(scheme) if [Scheme::HTTP, Scheme::HTTPS].contains(scheme) => {}
        Some(_) => return Err(ErrorCode::HttpProtocolError.into()),
        None => return Err(ErrorCode::HttpRequestUriInvalid.into()),
    }
    let length = body.size_hint().exact().filter(|length| *length > 0);
    let mut request = Request::new(body);
    *request.method_mut() =
        Method::from_bytes(method.as_bytes()).map_err(|_| ErrorCode::HttpRequestMethodInvalid)?;
    *request.uri_mut() = uri;
    let known = request.headers_mut();
    known.reserve(USUAL_HEADERS);
    fields::parse(headers, known)?;
    if let Some(length) = length
        && known.insert(CONTENT_LENGTH, length.into()).is_some()
    {
        return Err(ExchangeError::Header(CONTENT_LENGTH.to_string()));
    }
    Ok(request)
}

/// What of `body` is here already, and what may follow.
fn at_hand(mut body: WasiBody) -> (Vec<u8>, Option<WasiBody>) {
    let mut begun = Vec::new();
    while !body.is_end_stream() {
        if begun.len() as u64 > SMALL_ANSWER {
            return (begun, Some(body));
        }
        match body.frame().now_or_never() {
            None => return (begun, Some(body)),
            Some(None) => break,
            Some(Some(Ok(frame))) => {
                if let Some(data) = frame.data_ref() {
                    begun.extend_from_slice(data);
                }
            }
            Some(Some(Err(error))) => {
                let broken = StreamBody::new(stream::iter([Err(error)]));
                return (begun, Some(broken.boxed_unsync()));
            }
        }
    }
    (begun, None)
}
