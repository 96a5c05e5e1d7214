use std::{
    future::poll_fn,
    mem,
    pin::{Pin, pin},
    sync::Arc,
    task::Context,
};

use http::{Request, Response};
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1::SendRequest},
};
use tokio::{runtime::Handle, task::AbortHandle};

use super::{driver::Driver, outgoing::Outgoing, pool::Key, shared::Shared};

/// A connection to one place. Dropping it closes its socket.
pub(super) struct Connection {
    pub(super) key: Key,
    pub(super) shared: Arc<Shared>,
    sender: SendRequest<Outgoing>,
    course: Course,
}

/// Who drives a connection.
enum Course {
    /// Whoever uses it, and nobody while it is at rest. With a task of its own each step of an
    /// exchange would wake one of two tasks for the other.
    User(Box<Driver>),
    /// A task, so that a guest that is slow to read holds up nothing but its answer.
    Task { _owned: TaskGuard },
    /// It has ended.
    Over,
}

/// Aborts a task when it is dropped.
pub(super) struct TaskGuard(pub(super) AbortHandle);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Connection {
    pub(super) fn new(
        key: Key,
        shared: Arc<Shared>,
        sender: SendRequest<Outgoing>,
        driver: Driver,
    ) -> Self {
        Self {
            key,
            shared,
            sender,
            course: Course::User(Box::new(driver)),
        }
    }

    /// Takes it a step further, unless a task does.
    pub(super) fn drive(&mut self, context: &mut Context<'_>) {
        if let Course::User(driver) = &mut self.course
            && Pin::new(driver).poll(context).is_ready()
        {
            // Who waits for an answer hears of the end when what would bring it goes.
            self.course = Course::Over;
        }
    }

    /// Whether it takes no further request. Of one that nobody drove since, only the socket knows.
    pub(super) fn is_closed(&self) -> bool {
        matches!(self.course, Course::Over) || self.sender.is_closed()
    }

    /// Whether all is said and heard, so that nothing is lost if nobody drives it.
    pub(super) fn is_at_rest(&self) -> bool {
        self.sender.is_ready() && self.shared.is_flushed()
    }

    /// Waits until its last answer has ended; whether it takes a request then.
    pub(super) async fn ready(&mut self) -> bool {
        poll_fn(|context| {
            self.drive(context);
            self.sender.poll_ready(context)
        })
        .await
        .is_ok()
    }

    /// Sends `request` and waits for the head of the answer.
    pub(super) async fn send(
        &mut self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, TrySendError<Request<Outgoing>>> {
        let mut answer = pin!(self.sender.try_send_request(request));
        poll_fn(|context| {
            self.drive(context);
            answer.as_mut().poll(context)
        })
        .await
    }

    /// Gives it a task on the runtime of `io`.
    pub(super) fn settle(&mut self, io: &Handle) {
        self.course = match mem::replace(&mut self.course, Course::Over) {
            Course::User(driver) => Course::Task {
                _owned: TaskGuard(io.spawn(driver).abort_handle()),
            },
            other => other,
        };
    }
}
