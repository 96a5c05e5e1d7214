use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame};
use http_body_util::BodyExt as _;
use wasmtime_wasi_http::Error;

use super::response::AnswerBody;
use crate::lease::Lease;

/// Answers up to this length are read whole before the guest hears of them: what devices say
/// of a push is in the segment that brings the head, and a guest that asked for it piece by
/// piece would change threads for each.
pub(crate) const SMALL_ANSWER: u64 = 16 * 1024;

/// A short answer that has come, or broken off; still fenced by the lease.
pub(super) struct GatheredBody {
    frames: std::vec::IntoIter<Frame<Bytes>>,
    failure: Option<Error>,
    lease: Arc<Lease>,
}

impl GatheredBody {
    /// Reads `body` to its end, which gives its connection back.
    pub(super) async fn new(mut body: AnswerBody, lease: Arc<Lease>) -> Self {
        let mut frames = Vec::with_capacity(1);
        let mut failure = None;
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => frames.push(frame),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        Self {
            frames: frames.into_iter(),
            failure,
            lease,
        }
    }
}

impl Body for GatheredBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        if let Err(error) = self.lease.check() {
            self.frames = Vec::new().into_iter();
            self.failure = None;
            return Poll::Ready(Some(Err(Error::InternalError(Some(error.to_string())))));
        }
        Poll::Ready(match self.frames.next() {
            Some(frame) => Some(Ok(frame)),
            None => self.failure.take().map(Err),
        })
    }

    fn is_end_stream(&self) -> bool {
        self.frames.len() == 0 && self.failure.is_none()
    }
}
