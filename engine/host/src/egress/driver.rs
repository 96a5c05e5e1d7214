use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::Sleep;

use super::{
    meter::Wire,
    outgoing::Outgoing,
    shared::{Shared, Verdict},
};

/// Drives a connection until it is closed, broken or, in the middle of a job, stalled. It has
/// one timer for all its requests, which is moved only when it must fire earlier than it
/// would, so that a request costs none.
pub(super) struct Driver {
    connection: http1::Connection<TokioIo<Wire>, Outgoing>,
    shared: Arc<Shared>,
    timer: Pin<Box<Sleep>>,
}

impl Driver {
    /// Must be called in the context of the I/O runtime, whose timer it takes.
    pub(super) fn new(
        connection: http1::Connection<TokioIo<Wire>, Outgoing>,
        shared: Arc<Shared>,
    ) -> Self {
        let due = shared.due().map_or_else(Instant::now, |(due, _)| due);
        Self {
            connection,
            shared,
            timer: Box::pin(tokio::time::sleep_until(due.into())),
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if let Poll::Ready(ended) = Pin::new(&mut this.connection).poll(context) {
            if let Err(error) = ended {
                tracing::trace!(%error, "a connection broke");
            }
            return Poll::Ready(());
        }
        let Some((mut due, mut verdict)) = this.shared.due() else {
            return Poll::Pending;
        };
        // It has fired, or will too late, if another job had the connection before.
        if this.timer.is_elapsed() || due < this.timer.deadline().into_std() {
            this.timer.as_mut().reset(due.into());
        }
        while this.timer.as_mut().poll(context).is_ready() {
            if Instant::now() >= due {
                if let Verdict::Idle(idle) = verdict {
                    this.shared.blame(idle);
                }
                this.shared.give_up(verdict);
                return Poll::Ready(());
            }
            this.timer.as_mut().reset(due.into());
            // What moved since says more.
            if let Some(now_due) = this.shared.due() {
                (due, verdict) = now_due;
            }
        }
        Poll::Pending
    }
}
