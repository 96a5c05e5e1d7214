use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use wasmtime_wasi_http::{Error, WasiBody};

use super::shared::Shared;
use crate::lease::Lease;

/// Boxed, because each connection keeps room for 32 requests.
pub(super) type Outgoing = Box<LeasedBody>;

/// A request's body on its way out. It makes sure that a body looks complete to the device
/// only if the guest finished it while its job was in order.
///
/// wasmtime ends a guest's body cleanly when its store is dropped, which after a trap means
/// in the middle. So the lease is asked *after* the inner body has ended; whoever drops the
/// store has poisoned the lease before. With a `Content-Length` the end is not a message of
/// its own, so the piece that completes the length is held back until the inner body ends.
pub(super) struct LeasedBody {
    inner: WasiBody,
    lease: Arc<Lease>,
    shared: Arc<Shared>,
    /// Bytes still to come from `inner`, where the length is known.
    remaining: Option<u64>,
    held: Option<Bytes>,
    /// Nothing comes any more.
    done: bool,
}

impl LeasedBody {
    /// Wraps `inner`, which is to have `length` bytes if that is known.
    pub(super) fn new(
        inner: WasiBody,
        length: Option<u64>,
        lease: Arc<Lease>,
        shared: Arc<Shared>,
    ) -> Self {
        let done = inner.is_end_stream();
        Self {
            inner,
            lease,
            shared,
            remaining: length,
            held: None,
            done,
        }
    }

    /// Moves an untouched body to another connection.
    pub(super) fn rebind(&mut self, shared: Arc<Shared>) {
        self.shared = shared;
    }

    /// Tells the connection that it has an empty body in full: hyper never asks for it.
    pub(super) fn finish_if_empty(&self) {
        if self.done {
            self.shared.finish_request();
        }
    }

    fn finish(&mut self) -> Result<(), Error> {
        self.lease.check().map_err(cut_off)?;
        self.done = true;
        self.shared.finish_request();
        Ok(())
    }

    fn poll_inner(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        loop {
            let frame = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
                Some(frame) => frame?,
                None => return Poll::Ready(self.end().transpose()),
            };
            let data = match frame.into_data() {
                Ok(data) => data,
                // Trailers end a body, and only a guest that finished it sends them; beside
                // a length HTTP/1.1 has no place for them.
                Err(_) if self.remaining.is_some() => return Poll::Ready(self.end().transpose()),
                Err(trailers) => {
                    self.finish()?;
                    return Poll::Ready(Some(Ok(trailers)));
                }
            };
            let Some(remaining) = self.remaining else {
                if self.inner.is_end_stream() {
                    self.finish()?;
                }
                return Poll::Ready(Some(Ok(Frame::data(data))));
            };
            let remaining = remaining
                .checked_sub(data.len() as u64)
                .ok_or(Error::HttpRequestBodySize(None))?;
            self.remaining = Some(remaining);
            if remaining > 0 || data.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            if self.inner.is_end_stream() {
                self.finish()?;
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
            self.held = Some(data);
        }
    }

    /// The inner body has ended: lets go of what was held, if all is in order.
    fn end(&mut self) -> Result<Option<Frame<Bytes>>, Error> {
        if let Some(remaining) = self.remaining.filter(|remaining| *remaining > 0) {
            return Err(Error::HttpRequestBodySize(Some(remaining)));
        }
        self.finish()?;
        Ok(self.held.take().map(Frame::data))
    }
}

impl Body for LeasedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.done {
            return Poll::Ready(None);
        }
        if let Err(error) = self.lease.check() {
            return Poll::Ready(Some(Err(cut_off(error))));
        }
        self.poll_inner(context)
    }

    fn is_end_stream(&self) -> bool {
        self.done
    }

    fn size_hint(&self) -> SizeHint {
        let held = self.held.as_ref().map_or(0, |held| held.len() as u64);
        self.remaining.map_or_else(SizeHint::default, |remaining| {
            SizeHint::with_exact(remaining + held)
        })
    }
}

fn cut_off(error: crate::lease::LeaseError) -> Error {
    Error::InternalError(Some(error.to_string()))
}
