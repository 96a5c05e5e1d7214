use std::{
    io,
    mem::MaybeUninit,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use socket2::SockRef;
use tokio::net::TcpStream;

use crate::{
    lease::{Lease, Stall},
    payload::SourceError,
};

/// Why a connection was ended by who drives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing moved for this long while a request was under way.
    Idle(Duration),
    /// The job's deadline passed.
    Deadline,
}

/// What a connection's driver, its socket, its request's body and its owner share.
pub(super) struct Shared {
    usage: Mutex<Usage>,
    /// The request in hand was given to the connection to its last byte.
    request_done: AtomicBool,
    /// Something was written that may not have left this process yet.
    unflushed: AtomicBool,
    verdict: OnceLock<Verdict>,
    /// Weak, so that the socket closes with its driver.
    socket: OnceLock<Weak<TcpStream>>,
}

enum Usage {
    Lent {
        lease: Arc<Lease>,
        idle: Duration,
        /// When it was lent: the device owed nothing before.
        since: Instant,
    },
    Unused,
}

impl Usage {
    fn lent(lease: Arc<Lease>, idle: Duration) -> Self {
        Self::Lent {
            lease,
            idle,
            since: Instant::now(),
        }
    }
}

impl Shared {
    pub(super) fn lent(lease: Arc<Lease>, idle: Duration) -> Self {
        Self {
            usage: Mutex::new(Usage::lent(lease, idle)),
            request_done: AtomicBool::new(false),
            unflushed: AtomicBool::new(false),
            verdict: OnceLock::new(),
            socket: OnceLock::new(),
        }
    }

    /// Notes that its driver ended the connection. It has one, which does so once.
    pub(super) fn give_up(&self, verdict: Verdict) {
        let _ = self.verdict.set(verdict);
    }

    /// Takes note of the connection's socket.
    pub(super) fn watch(&self, socket: &Arc<TcpStream>) {
        // A connection has one socket.
        let _ = self.socket.set(Arc::downgrade(socket));
    }

    /// Whether the socket is open with nothing to read, asked of the kernel: nobody drives a
    /// connection at rest, and a request that goes out after its end is lost. What an unused
    /// connection has to read is its end or nonsense.
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
        *self.usage() = Usage::lent(lease, idle);
    }

    /// Takes it back from a job.
    pub(super) fn rest(&self) {
        *self.usage() = Usage::Unused;
    }

    pub(super) fn finish_request(&self) {
        self.request_done.store(true, Ordering::Release);
    }

    pub(super) fn is_request_done(&self) -> bool {
        self.request_done.load(Ordering::Acquire)
    }

    pub(super) fn begin_write(&self) {
        self.unflushed.store(true, Ordering::Release);
    }

    pub(super) fn finish_flush(&self) {
        self.unflushed.store(false, Ordering::Release);
    }

    pub(super) fn is_flushed(&self) -> bool {
        !self.unflushed.load(Ordering::Acquire)
    }

    /// Whether closing now would break off a request.
    pub(super) fn is_mid_request(&self) -> bool {
        let is_begun = !self.is_request_done() && matches!(*self.usage(), Usage::Lent { .. });
        is_begun || !self.is_flushed()
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
    pub(super) fn blame(&self, idle: Duration) {
        if let Usage::Lent { lease, .. } = &*self.usage()
            && lease.stall() == Stall::Source
        {
            let text = format!("nothing came for {idle:?}");
            lease.source_failed(SourceError::Unavailable(text));
        }
    }

    /// When the connection is to be given up unless something moves, and why. Never while
    /// nobody uses it: then that is for the pool to say.
    pub(super) fn due(&self) -> Option<(Instant, Verdict)> {
        let usage = self.usage();
        let Usage::Lent { lease, idle, since } = &*usage else {
            return None;
        };
        let stalled = lease.moved_at().max(*since) + *idle;
        let deadline = lease.terms().deadline;
        Some(if deadline < stalled {
            (deadline, Verdict::Deadline)
        } else {
            (stalled, Verdict::Idle(*idle))
        })
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        // The value is replaced whole, so a panic elsewhere leaves nothing half done.
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
