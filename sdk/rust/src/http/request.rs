//! Requests.

use std::borrow::Cow;

use super::{Address, Body, Fields, Response};
use crate::{
    DeliveryError, Payload,
    host::{self, Content},
};

/// A request in the making, or what is wrong with it.
pub struct Request(Result<Head, DeliveryError>);

/// What goes before a request's body.
pub(crate) struct Head {
    pub(crate) method: Cow<'static, str>,
    pub(crate) url: String,
    pub(crate) fields: Fields,
}

impl Request {
    /// A request for `path` below a device's address. `path` may have a query.
    pub fn new(method: impl Into<Cow<'static, str>>, address: &Address<'_>, path: &str) -> Self {
        Self(Ok(Head {
            method: method.into(),
            url: address.join(path),
            fields: Fields::begin(),
        }))
    }

    /// Adds a header. What a value cannot hold is refused when the request is sent;
    /// [`encode_text`](super::encode_text) makes any text fit.
    #[must_use]
    pub fn header(self, name: impl AsRef<str>, value: impl AsRef<str>) -> Self {
        Self(self.0.and_then(|mut head| {
            head.fields.add(name.as_ref(), value.as_ref().as_bytes())?;
            Ok(head)
        }))
    }

    /// Sends it without a body and waits for the answer.
    ///
    /// # Errors
    /// If no answer came; one of any status is a [`Response`].
    pub fn send(self) -> Result<Response, DeliveryError> {
        host::send(self.0?, Content::Nothing).map(Response)
    }

    /// Sends the whole payload as the body, passed through by the host at native
    /// speed, and waits for the answer. Sets `Content-Length`.
    ///
    /// # Errors
    /// If no answer came.
    pub fn send_payload(self, payload: &Payload) -> Result<Response, DeliveryError> {
        host::send(self.0?, Content::Payload(&payload.0)).map(Response)
    }

    /// Sends `length` bytes of the payload from `offset`, as
    /// [`send_payload`](Self::send_payload) does.
    ///
    /// # Errors
    /// If the range does not lie within the payload, or no answer came.
    pub fn send_range(
        self,
        payload: &Payload,
        offset: u64,
        length: u64,
    ) -> Result<Response, DeliveryError> {
        let range = Content::Range {
            payload: &payload.0,
            offset,
            length,
        };
        host::send(self.0?, range).map(Response)
    }

    /// Sends a body that `write` makes, and waits for the answer. With a `length` the
    /// body must be of exactly that many bytes; without one it goes out chunked.
    ///
    /// A body is finished only if `write` succeeds: otherwise the connection is
    /// aborted, so that a device never takes a part for the whole. A device that
    /// refuses and closes before it has read everything ends `write` early, with its
    /// answer as the result; a success for a part is not believed.
    ///
    /// # Errors
    /// If `write` fails by itself, or no answer came.
    pub fn send_body(
        mut self,
        length: Option<u64>,
        write: impl FnOnce(&mut Body) -> Result<(), DeliveryError>,
    ) -> Result<Response, DeliveryError> {
        if let Some(length) = length {
            self = self.header("Content-Length", length.to_string());
        }
        let (sink, pending) = host::send_streaming(self.0?)?;
        let mut body = Body::new(sink);
        let written = write(&mut body);
        let failure = match written {
            Ok(()) => match body.finish() {
                Ok(()) => return pending.wait().map(Response),
                Err(failure) => failure,
            },
            Err(failure) if body.is_broken() => {
                drop(body);
                failure
            }
            // The body is dropped unfinished, which aborts the connection.
            Err(failure) => return Err(failure),
        };
        // The connection knows better than the stream why it broke.
        let response = Response(pending.wait()?);
        if (200..300).contains(&response.status()) {
            return Err(failure);
        }
        Ok(response)
    }
}
