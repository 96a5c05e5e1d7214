use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::Error;

use super::{
    PayloadSource,
    range::{OutOfRange, RangeReader},
};
use crate::lease::Lease;

/// Largest piece handed to a connection at a time. It bounds how much is in flight inside
/// the HTTP client, and so how far progress can run ahead of the socket; larger pieces are
/// no faster.
const FRAME_BYTES: usize = 256 * 1024;

/// What a connection may send before others have their turn. A socket whose other end reads
/// fast takes dozens of MiB without a pause; devices that are served in small turns stay
/// together, and need each block only once.
const TURN_BYTES: usize = 1024 * 1024;

/// A range of a payload as the body of a request: views of shared blocks, with an exact
/// length, aborted with the job and by source errors (which are noted on the lease).
pub struct PayloadBody {
    reader: RangeReader,
    /// Bytes left of this turn.
    turn: usize,
}

impl PayloadBody {
    /// The body that sends `length` bytes from `offset` under `lease`.
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
        let reader = RangeReader::new(source, lease, offset, length)?;
        Ok(Self {
            reader,
            turn: TURN_BYTES,
        })
    }
}

impl Body for PayloadBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Self { reader, turn } = &mut *self;
        if let Err(error) = reader.lease().check() {
            return Poll::Ready(Some(Err(Error::InternalError(Some(error.to_string())))));
        }
        if *turn == 0 && reader.remaining() > 0 {
            *turn = TURN_BYTES;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        ready!(reader.poll_ready(context));
        Poll::Ready(reader.take(FRAME_BYTES).map(|taken| match taken {
            Ok(bytes) => {
                *turn = turn.saturating_sub(bytes.len());
                Ok(Frame::data(bytes))
            }
            Err(error) => Err(Error::InternalError(Some(error.to_string()))),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.reader.remaining() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.reader.remaining())
    }
}
