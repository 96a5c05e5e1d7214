//! Request bodies that a plugin makes.

use crate::{
    DeliveryError,
    host::Sink,
    payload::{CHUNK, PayloadStream},
};

/// The body of a request under way; see
/// [`Request::send_body`](super::Request::send_body).
pub struct Body {
    sink: Sink,
    broken: bool,
}

impl Body {
    pub(super) fn new(sink: Sink) -> Self {
        Self {
            sink,
            broken: false,
        }
    }

    /// Sends these bytes.
    ///
    /// # Errors
    /// If the connection broke; return it from the closure as it is.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), DeliveryError> {
        let written = self.sink.write(bytes);
        self.noting(written)
    }

    /// Passes at most `limit` bytes of the payload through the host, without
    /// bringing them into the plugin's memory. Returns how many went, 0 at the end
    /// of `stream`.
    ///
    /// # Errors
    /// If the connection broke or the payload could not be read.
    pub fn splice(&mut self, stream: &mut PayloadStream, limit: u64) -> Result<u64, DeliveryError> {
        let spliced = self.sink.splice(&mut stream.0, limit);
        self.noting(spliced)
    }

    /// Sends what is left of `stream`, each chunk changed by `change` on its way: in
    /// place, or longer, or shorter. Chunks are of at most [`CHUNK`] bytes before the
    /// change. `change` is also told where in the stream its chunk begins.
    ///
    /// # Errors
    /// If the connection broke or the payload could not be read.
    pub fn transform(
        &mut self,
        stream: &mut PayloadStream,
        mut change: impl FnMut(u64, &mut Vec<u8>),
    ) -> Result<(), DeliveryError> {
        let mut position = 0;
        while let Some(mut chunk) = stream.next_chunk(CHUNK)? {
            let length = chunk.len() as u64;
            change(position, &mut chunk);
            position += length;
            self.write(&chunk)?;
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<(), DeliveryError> {
        self.sink.finish()
    }

    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    fn noting<T>(&mut self, result: Result<T, DeliveryError>) -> Result<T, DeliveryError> {
        self.broken |= result.is_err();
        result
    }
}
