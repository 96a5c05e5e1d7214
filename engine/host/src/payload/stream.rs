use std::{future::poll_fn, sync::Arc};

use bytes::Bytes;
use wasmtime_wasi_io::{
    async_trait,
    poll::Pollable,
    streams::{InputStream, StreamError},
};

use super::{
    BLOCK_SIZE, PayloadSource,
    range::{OutOfRange, RangeReader},
};
use crate::lease::Lease;

/// A range of a payload as a `wasi:io` input stream: views of shared blocks, at most one
/// block a read. A guest that reads it counts as something that moves, because the host
/// cannot see where a guest writes; a guest that reads in circles runs into its deadline.
pub struct PayloadStream {
    reader: RangeReader,
}

impl PayloadStream {
    /// The stream of `length` bytes from `offset` under `lease`.
    ///
    /// # Errors
    ///
    /// If the range does not lie within the payload.
    pub fn new(
        source: Arc<dyn PayloadSource>,
        lease: Arc<Lease>,
        offset: u64,
        length: u64,
    ) -> Result<Self, OutOfRange> {
        RangeReader::new(source, lease, offset, length).map(|reader| Self { reader })
    }
}

#[async_trait]
impl InputStream for PayloadStream {
    fn read(&mut self, size: usize) -> Result<Bytes, StreamError> {
        self.reader.lease().check().map_err(failed)?;
        if self.reader.remaining() == 0 {
            return Err(StreamError::Closed);
        }
        // A read of nothing is allowed, and asks nothing of the source.
        let limit = size.min(BLOCK_SIZE as usize);
        if limit == 0 {
            return Ok(Bytes::new());
        }
        match self.reader.take(limit) {
            Some(taken) => {
                let bytes = taken.map_err(failed)?;
                self.reader.lease().moved();
                Ok(bytes)
            }
            None => Ok(Bytes::new()),
        }
    }
}

#[async_trait]
impl Pollable for PayloadStream {
    async fn ready(&mut self) {
        if self.reader.lease().check().is_ok() {
            poll_fn(|context| self.reader.poll_ready(context)).await;
        }
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> StreamError {
    StreamError::LastOperationFailed(wasmtime::Error::new(error))
}
