use std::{
    io,
    mem::MaybeUninit,
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::{Duration, Instant},
};

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::{net::TcpStream, task::AbortHandle, time::Sleep};

use super::{meter::Wire, outgoing::Outgoing, pool::Key};
use crate::{
    lease::{Lease, Stall},
    payload::SourceError,
};

/// A connection to one place. Dropping it ends its task and closes its socket.
pub(super) struct Connection {
    pub(super) key: Key,
    pub(super) shared: Arc<Shared>,
    pub(super) sender: SendRequest<Outgoing>,
    pub(super) _task: TaskGuard,
}

/// Aborts a connection's task when it is dropped.
pub(super) struct TaskGuard(pub(super) AbortHandle);

impl Drop for TaskGuard {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Why a connection's own task ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing moved for this long while a request was under way.
    Idle(Duration),
    /// The job's deadline passed.
    Deadline,
    /// Nobody used it for the pool's idle time.
    Unused,
}

/// What a connection's task, its socket, its request's body and its owner share.
pub(super) struct Shared {
    usage: Mutex<Usage>,
    /// The request in hand was given to the connection to its last byte.
    request_done: AtomicBool,
    verdict: OnceLock<Verdict>,
    /// Weak, so that the socket closes with the task.
    socket: OnceLock<Weak<TcpStream>>,
}

enum Usage {
    Lent { lease: Arc<Lease>, idle: Duration },
    Unused { until: Instant },
}

impl Shared {
    pub(super) fn lent(lease: Arc<Lease>, idle: Duration) -> Self {
        Self {
            usage: Mutex::new(Usage::Lent { lease, idle }),
            request_done: AtomicBool::new(false),
            verdict: OnceLock::new(),
            socket: OnceLock::new(),
        }
    }

    /// Takes note of the connection's socket.
    pub(super) fn watch(&self, socket: &Arc<TcpStream>) {
        // A connection has one socket.
        let _ = self.socket.set(Arc::downgrade(socket));
    }

    /// Whether the socket is open with nothing to read, asked of the kernel: the I/O driver
    /// may not have told the connection's task of its end yet, and a request that goes out
    /// meanwhile is lost. What an unused connection has to read is its end or nonsense.
    pub(super) fn is_quiet(&self) -> bool {
        let Some(socket) = self.socket.get().and_then(Weak::upgrade) else {
            return false;
        };
        let peeked = SockRef::from(&*socket).peek(&mut [MaybeUninit::uninit()]);
        matches!(peeked, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Gives the connection to a job. What moves from here on is the job's.
    pub(super) fn lend(&self, lease: Arc<Lease>, idle: Duration) {
        self.request_done.store(false, Ordering::Release);
        *self.usage() = Usage::Lent { lease, idle };
    }

    /// Takes it back from a job.
    pub(super) fn rest(&self, until: Instant) {
        *self.usage() = Usage::Unused { until };
    }

    pub(super) fn finish_request(&self) {
        self.request_done.store(true, Ordering::Release);
    }

    pub(super) fn is_request_done(&self) -> bool {
        self.request_done.load(Ordering::Acquire)
    }

    /// Whether closing now would break off a request.
    pub(super) fn is_mid_request(&self) -> bool {
        !self.is_request_done() && matches!(*self.usage(), Usage::Lent { .. })
    }

    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.verdict.get().copied()
    }

    pub(super) fn wrote(&self, bytes: usize) {
        if let Usage::Lent { lease, .. } = &*self.usage() {
            lease.wrote(bytes);
        }
    }

    pub(super) fn received(&self) {
        if let Usage::Lent { lease, .. } = &*self.usage() {
            lease.moved();
        }
    }

    /// Notes a stall that is ours, so that it is not taken for the device's.
    fn blame(&self, idle: Duration) {
        if let Usage::Lent { lease, .. } = &*self.usage()
            && lease.stall() == Stall::Source
        {
            let text = format!("nothing came for {idle:?}");
            lease.source_failed(SourceError::Unavailable(text));
        }
    }

    /// When the connection is to be given up unless something moves, and why.
    fn due(&self) -> (Instant, Verdict) {
        match &*self.usage() {
            Usage::Lent { lease, idle } => {
                let stalled = lease.moved_at() + *idle;
                let deadline = lease.terms().deadline;
                if deadline < stalled {
                    (deadline, Verdict::Deadline)
                } else {
                    (stalled, Verdict::Idle(*idle))
                }
            }
            Usage::Unused { until } => (*until, Verdict::Unused),
        }
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        // The value is replaced whole, so a panic elsewhere leaves nothing half done.
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Drives a connection until it is closed, broken, stalled or unused for too long. It has
/// one timer for all its requests, which is moved only when it must fire earlier than it
/// would, so that a request costs none.
pub(super) struct Driver {
    connection: http1::Connection<TokioIo<Wire>, Outgoing>,
    shared: Arc<Shared>,
    timer: Pin<Box<Sleep>>,
    /// Longest time between two looks: nothing wakes the task when a connection comes to
    /// rest, so one that stays unused is closed up to this much late.
    glance: Duration,
}

impl Driver {
    /// Must be called on the I/O runtime, whose timer it takes.
    pub(super) fn new(
        connection: http1::Connection<TokioIo<Wire>, Outgoing>,
        shared: Arc<Shared>,
        glance: Duration,
    ) -> Self {
        Self {
            connection,
            shared,
            timer: Box::pin(tokio::time::sleep(glance)),
            glance,
        }
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        if let Poll::Ready(ended) = Pin::new(&mut this.connection).poll(context) {
            if let Err(error) = ended {
                tracing::trace!(%error, "a connection broke while nobody used it");
            }
            return Poll::Ready(());
        }
        let (due, _) = this.shared.due();
        if due < this.timer.deadline().into_std() {
            this.timer.as_mut().reset(due.into());
        }
        while this.timer.as_mut().poll(context).is_ready() {
            let (due, verdict) = this.shared.due();
            let now = Instant::now();
            if now >= due {
                if let Verdict::Idle(idle) = verdict {
                    this.shared.blame(idle);
                }
                // Only this task sets it, and only here.
                let _ = this.shared.verdict.set(verdict);
                return Poll::Ready(());
            }
            this.timer.as_mut().reset(due.min(now + this.glance).into());
        }
        Poll::Pending
    }
}
