//! The bytes to deliver. They stay in the host: a delivery says where they go.

use crate::{DeliveryError, host};

/// A good size of chunk for those who must see the bytes: large enough that the
/// sandbox costs nothing next to a network, small enough for a guest's memory.
pub const CHUNK: usize = 256 * 1024;

/// A release's payload, valid for the job it came with.
///
/// Three ways to send it, the cheapest first:
/// [`Request::send_payload`](crate::http::Request::send_payload) passes it through as
/// the body of a request; [`Body::splice`](crate::http::Body::splice) passes parts of
/// it through between bytes of your own; [`PayloadStream::next_chunk`] brings it into
/// the plugin's memory, to be transformed.
pub struct Payload(pub(crate) host::Payload);

impl Payload {
    /// Its size in bytes, at least 1.
    pub fn size(&self) -> u64 {
        self.0.size()
    }

    /// SHA-256 of the whole payload.
    pub fn sha256(&self) -> Vec<u8> {
        self.0.sha256()
    }

    /// Such as `application/octet-stream`.
    pub fn media_type(&self) -> String {
        self.0.media_type()
    }

    /// Opens `length` bytes from `offset` as a stream. Every byte it yields was
    /// checked against the payload's digest.
    ///
    /// # Errors
    /// If the range does not lie within the payload.
    pub fn open(&self, offset: u64, length: u64) -> Result<PayloadStream, DeliveryError> {
        self.0.open(offset, length).map(PayloadStream)
    }
}

/// A range of a payload, read from its start to its end.
pub struct PayloadStream(pub(crate) host::PayloadStream);

impl PayloadStream {
    /// The next bytes, at most `limit` of them ([`CHUNK`] is a good limit); none at
    /// the end. May be fewer than `limit` before the end, never zero.
    ///
    /// # Errors
    /// [`DeliveryError::Source`] if the payload could not be read or has changed.
    pub fn next_chunk(&mut self, limit: usize) -> Result<Option<Vec<u8>>, DeliveryError> {
        self.0.read(limit)
    }
}
