use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use wasmtime_wasi_http::Error;

use super::{connection::Connection, pool::Pool, shared::Verdict};
use crate::lease::{Lease, LeaseError};

/// The body of a device's answer: bounded, fenced by the lease, and the keeper of its
/// connection, which goes back to the pool when the body has come to its end.
pub(super) struct AnswerBody {
    incoming: Option<Incoming>,
    connection: Option<Connection>,
    /// Where the connection goes then, unless this is its last answer.
    pool: Option<Arc<Pool>>,
    lease: Arc<Lease>,
    /// Bytes that may still come.
    allowance: u64,
}

impl AnswerBody {
    pub(super) fn new(
        incoming: Incoming,
        connection: Connection,
        pool: Option<Arc<Pool>>,
        lease: Arc<Lease>,
    ) -> Self {
        let allowance = lease.terms().response_limit;
        let mut body = Self {
            incoming: Some(incoming),
            connection: Some(connection),
            pool,
            lease,
            allowance,
        };
        body.release_at_end();
        body
    }

    fn release_at_end(&mut self) {
        if self.incoming.as_ref().is_some_and(Body::is_end_stream) {
            self.release();
        }
    }

    /// Lets go of the connection: it is kept if its request was sent whole, else closed,
    /// because the next job's request would follow the rest of this one's.
    fn release(&mut self) {
        self.incoming = None;
        let Some(connection) = self.connection.take() else {
            return;
        };
        let is_cut_off = matches!(self.lease.check(), Err(LeaseError::Poisoned(_)));
        if connection.shared.is_request_done()
            && !is_cut_off
            && let Some(pool) = &self.pool
        {
            pool.put(connection);
        }
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        self.incoming = None;
        self.connection = None;
        Poll::Ready(Some(Err(error)))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let Some(incoming) = &mut this.incoming else {
            return Poll::Ready(None);
        };
        if let Some(connection) = &mut this.connection {
            connection.drive(context);
        }
        let frame = ready!(Pin::new(incoming).poll_frame(context));
        if let Err(error) = self.lease.check() {
            return self.fail(Error::InternalError(Some(error.to_string())));
        }
        match frame {
            None => {
                self.release();
                Poll::Ready(None)
            }
            Some(Err(_)) => {
                let verdict = self
                    .connection
                    .as_ref()
                    .and_then(|connection| connection.shared.verdict());
                self.fail(match verdict {
                    Some(Verdict::Idle(_) | Verdict::Deadline) => Error::ConnectionReadTimeout,
                    None => Error::HttpResponseIncomplete,
                })
            }
            Some(Ok(frame)) => {
                let length = frame.data_ref().map_or(0, |data| data.len() as u64);
                match self.allowance.checked_sub(length) {
                    Some(allowance) => self.allowance = allowance,
                    None => {
                        let limit = self.lease.terms().response_limit;
                        return self.fail(Error::HttpResponseBodySize(Some(limit)));
                    }
                }
                self.release_at_end();
                Poll::Ready(Some(Ok(frame)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for AnswerBody {
    /// An answer that is not wanted costs no connection: hyper discards the rest if it is
    /// here already and closes the connection if not, which the pool notices.
    fn drop(&mut self) {
        self.release();
    }
}
