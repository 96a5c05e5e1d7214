//! What a fake device gets and gives.

use crate::DeliveryError;

/// A request as a device would have got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Such as `POST`.
    pub method: String,
    /// Scheme, authority, path and query.
    pub url: String,
    /// In the order given, values as text; what is not UTF-8 is replaced.
    pub headers: Vec<(String, String)>,
    /// All bytes that were sent.
    pub body: Vec<u8>,
}

impl Received {
    /// The first header of this name, compared without regard to case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The URL's path and query.
    pub fn path(&self) -> &str {
        let rest = self.url.split_once("://").map_or("", |(_, rest)| rest);
        rest.find('/').map_or("/", |start| &rest[start..])
    }
}

/// What a fake device does with a request.
#[derive(Clone, Debug)]
pub struct Answer(pub(super) Result<Response, DeliveryError>);

#[derive(Clone, Debug, Default)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// An answer of this status, with no header and no body.
    pub fn status(status: u16) -> Self {
        Self(Ok(Response {
            status,
            ..Response::default()
        }))
    }

    /// No answer: what the SDK says when the connection fails in this way.
    pub fn failure(error: DeliveryError) -> Self {
        Self(Err(error))
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Ok(response) = &mut self.0 {
            response.headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        if let Ok(response) = &mut self.0 {
            response.body = body.into();
        }
        self
    }
}
