//! The host's payload resource.

use crate::{
    DeliveryError,
    bindings::delivery::{
        wasi::io::streams::{InputStream, StreamError},
        windlass::plugin::payload::{self as host, PayloadError},
    },
};

pub(crate) struct Payload(host::Payload);

impl Payload {
    pub(crate) fn of_host(payload: host::Payload) -> Self {
        Self(payload)
    }

    pub(crate) fn size(&self) -> u64 {
        self.0.size()
    }

    pub(crate) fn sha256(&self) -> Vec<u8> {
        self.0.sha256()
    }

    pub(crate) fn media_type(&self) -> String {
        self.0.media_type()
    }

    pub(crate) fn open(&self, offset: u64, length: u64) -> Result<PayloadStream, DeliveryError> {
        self.0
            .open(offset, length)
            .map(PayloadStream)
            .map_err(refused)
    }

    /// As calls of the host take it.
    pub(super) fn of_guest(&self) -> &host::Payload {
        &self.0
    }
}

pub(crate) struct PayloadStream(pub(super) InputStream);

impl PayloadStream {
    pub(crate) fn read(&mut self, limit: usize) -> Result<Option<Vec<u8>>, DeliveryError> {
        loop {
            match self.0.blocking_read(limit as u64) {
                // Allowed by the contract of streams, though it waited for bytes.
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Ok(Some(bytes)),
                Err(StreamError::Closed) => return Ok(None),
                Err(StreamError::LastOperationFailed(error)) => {
                    return Err(DeliveryError::source(error.to_debug_string()));
                }
            }
        }
    }
}

fn refused(error: PayloadError) -> DeliveryError {
    match error {
        PayloadError::OutOfRange => {
            DeliveryError::other("a range outside the payload was asked for")
        }
        PayloadError::RequestNotPlain(why) => DeliveryError::other(why),
        PayloadError::LeaseEnded => DeliveryError::other("the payload's job has ended"),
        PayloadError::Other(why) => DeliveryError::source(why),
    }
}
