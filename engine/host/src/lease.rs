//! The right to do I/O for one job, and the record of what was done under it.

use std::{
    pin::pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use windlass_model::PluginName;

use crate::{
    egress::Target,
    payload::{SourceError, Throttle},
};

/// Progress is passed on when this much was sent since the last report …
const REPORT_BYTES: u64 = 256 * 1024;
/// … or this long has passed since it: a person who watches sees no difference, and a
/// fleet of thousands does not spend its time reporting.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// Hears what a job tells while it runs. Called from I/O tasks: must be cheap and must
/// not block.
pub trait JobObserver: Send + Sync {
    /// The device is known to hold, or is being sent, this many bytes from the start of
    /// the payload. Coalesced; never goes back.
    fn progress(&self, bytes: u64);

    /// The delivery asked to keep `data` for the next attempt.
    fn checkpoint(&self, data: Vec<u8>);
}

/// What a lease is made of.
pub struct LeaseTerms {
    /// Distinguishes this job from every other of the process.
    pub generation: u64,
    /// The configured plugin that the job runs in; connections are never shared between two.
    pub plugin: PluginName,
    /// What may be reached: the device's address, then what the operator granted besides.
    pub reach: Vec<Target>,
    /// Longest time in which nothing moves.
    pub idle: Duration,
    /// When the job is over, whatever moves.
    pub deadline: Instant,
    /// Longest response body that the device may send, in bytes.
    pub response_limit: u64,
    /// Size of the job's payload; 0 where there is none. Progress never exceeds it.
    pub payload_size: u64,
    /// Fires when the job is to stop.
    pub cancel: CancellationToken,
    /// Who hears of progress.
    pub observer: Arc<dyn JobObserver>,
    /// Bounds on the payload bytes a second that leave in this job and others.
    pub throttles: Vec<Arc<Throttle>>,
}

/// What a response body may measure unless something else is configured: a device
/// answers with a status and a few words.
pub const DEFAULT_RESPONSE_LIMIT: u64 = 1024 * 1024;

/// Why a job's I/O was cut off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Poison {
    /// The plugin trapped or broke its contract.
    #[error("the plugin failed")]
    PluginFailed,
    /// The job ran out of time.
    #[error("the job timed out")]
    TimedOut,
    /// The job was cancelled.
    #[error("the job was cancelled")]
    Cancelled,
    /// The payload could not be read.
    #[error("the payload could not be read")]
    Source,
}

/// Why nothing can be done under a lease any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeaseError {
    /// The job was cut off.
    #[error(transparent)]
    Poisoned(Poison),
    /// The job is over.
    #[error("the job that this belonged to has ended")]
    Ended,
}

/// Who let the idle time-out pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stall {
    /// The device, or the network between.
    Peer,
    /// The payload source: we had nothing to send.
    Source,
}

/// What a job has run out of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// Nothing has moved for the idle time.
    Idle(Stall),
    /// Its deadline has passed.
    Deadline,
}

/// The right to do I/O for one job.
///
/// Everything that a job opens holds its lease and asks it before every step, so handles
/// that a guest keeps beyond its job are dead. A job that ends abnormally must be
/// [poisoned](Self::poison) *before* its store is dropped: dropping a store ends guest
/// bodies as if they were complete, and only the poison tells the egress otherwise.
pub struct Lease {
    terms: LeaseTerms,
    epoch: Instant,
    poison: OnceLock<Poison>,
    ended: AtomicBool,
    /// Nanoseconds from `epoch` to the last movement.
    moved_at: AtomicU64,
    /// Offset of the first payload range that was opened.
    base: OnceLock<u64>,
    /// Payload bytes handed to a transport or to the guest.
    taken: AtomicU64,
    /// Bytes that sockets accepted, with everything a protocol adds.
    accepted: AtomicU64,
    /// What the guest said the device holds.
    claimed: AtomicU64,
    reported: AtomicU64,
    reported_at: AtomicU64,
    waits_for_source: AtomicU64,
    /// Readers that a bound on bandwidth makes wait.
    throttled: AtomicU64,
    source_failure: OnceLock<SourceError>,
}

impl Lease {
    /// Begins a lease. The idle time is counted from here.
    pub fn new(terms: LeaseTerms) -> Arc<Self> {
        Arc::new(Self {
            terms,
            epoch: Instant::now(),
            poison: OnceLock::new(),
            ended: AtomicBool::new(false),
            moved_at: AtomicU64::new(0),
            base: OnceLock::new(),
            taken: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            claimed: AtomicU64::new(0),
            reported: AtomicU64::new(0),
            reported_at: AtomicU64::new(0),
            waits_for_source: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
            source_failure: OnceLock::new(),
        })
    }

    /// The terms it was made with.
    pub fn terms(&self) -> &LeaseTerms {
        &self.terms
    }

    /// Cuts off all I/O of the job: from here on no request body of it ends cleanly. The
    /// first reason stays. Call it before the store is dropped.
    pub fn poison(&self, reason: Poison) {
        // A second reason is a consequence of the first.
        let _ = self.poison.set(reason);
    }

    /// Ends the lease of a job that is over; what it opened is dead from here on, and a
    /// request body that was not finished is aborted.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Whether I/O may go on.
    pub fn check(&self) -> Result<(), LeaseError> {
        if let Some(poison) = self.poison.get() {
            Err(LeaseError::Poisoned(*poison))
        } else if self.ended.load(Ordering::Acquire) {
            Err(LeaseError::Ended)
        } else if self.terms.cancel.is_cancelled() {
            Err(LeaseError::Poisoned(Poison::Cancelled))
        } else {
            Ok(())
        }
    }

    /// The payload error that ended a body or stream, if one did: then the failure is
    /// ours, whatever the delivery made of it.
    pub fn source_failure(&self) -> Option<&SourceError> {
        self.source_failure.get()
    }

    /// Payload bytes that left in this job: handed to a transport or to the guest *and*
    /// covered by what the job's connections got accepted by their sockets. As the latter
    /// include request heads and TLS records it may be ahead of the truth by their size
    /// until the last byte is out; it never exceeds what was handed over. Where the host
    /// does not see the transport, what the delivery [claims](Self::claim) counts instead.
    pub fn sent_bytes(&self) -> u64 {
        let taken = self.taken.load(Ordering::Relaxed);
        let claimed = self.claimed.load(Ordering::Relaxed);
        taken
            .min(self.accepted.load(Ordering::Relaxed))
            .max(claimed.saturating_sub(self.base()))
    }

    /// Takes the guest's word for how many bytes from the payload's start the device
    /// holds. Lower values than before and values beyond the payload are ignored.
    pub fn claim(&self, bytes: u64) {
        if bytes <= self.terms.payload_size && self.check().is_ok() {
            self.claimed.fetch_max(bytes, Ordering::Relaxed);
            self.moved();
        }
    }

    /// Notes `bytes` accepted by a socket of the job.
    pub fn wrote(&self, bytes: usize) {
        self.accepted.fetch_add(bytes as u64, Ordering::Relaxed);
        self.moved();
    }

    /// Notes that something moved, and passes on progress if it is time to.
    pub fn moved(&self) {
        let now = self.elapsed();
        self.moved_at.fetch_max(now, Ordering::Relaxed);
        let progress = self.progress();
        let reported = self.reported.load(Ordering::Relaxed);
        let due = progress >= reported + REPORT_BYTES
            || progress > reported
                && now.saturating_sub(self.reported_at.load(Ordering::Relaxed))
                    >= nanos(REPORT_INTERVAL);
        if due
            && self
                .reported
                .compare_exchange(reported, progress, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.reported_at.store(now, Ordering::Relaxed);
            self.terms.observer.progress(progress);
        }
    }

    /// The instant at which the job counts as stalled if nothing moves until then.
    pub fn idle_at(&self) -> Instant {
        self.moved_at() + self.terms.idle
    }

    /// When something moved last; just now, while we make it wait for its share of the
    /// bandwidth.
    pub(crate) fn moved_at(&self) -> Instant {
        if self.throttled.load(Ordering::Relaxed) > 0 {
            return Instant::now();
        }
        self.epoch + Duration::from_nanos(self.moved_at.load(Ordering::Relaxed))
    }

    /// Completes when nothing has moved for the lease's idle time, or its deadline has passed.
    /// Its timer, the only one of a job that nothing holds up, runs on `io`, so it fires even
    /// if guests keep the caller's runtime busy.
    pub async fn overdue(&self, io: &Handle) -> Overdue {
        let sleep = {
            let _on_io = io.enter();
            tokio::time::sleep_until(self.due().0.into())
        };
        let mut sleep = pin!(sleep);
        loop {
            sleep.as_mut().await;
            let (due, overdue) = self.due();
            if Instant::now() >= due {
                return overdue;
            }
            sleep.as_mut().reset(due.into());
        }
    }

    fn due(&self) -> (Instant, Overdue) {
        let idle = self.idle_at();
        if self.terms.deadline <= idle {
            (self.terms.deadline, Overdue::Deadline)
        } else {
            (idle, Overdue::Idle(self.stall()))
        }
    }

    /// Who is to blame if nothing moves now.
    pub fn stall(&self) -> Stall {
        if self.waits_for_source.load(Ordering::Relaxed) > 0 {
            Stall::Source
        } else {
            Stall::Peer
        }
    }

    /// Notes where the first payload range begins.
    pub(crate) fn opened(&self, offset: u64) {
        // Only the first range tells where this attempt goes on from.
        let _ = self.base.set(offset);
    }

    /// Notes payload bytes handed over.
    pub(crate) fn took(&self, bytes: usize) {
        self.taken.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Notes that a reader waits for the source, until the guard is dropped.
    pub(crate) fn wait_for_source(self: &Arc<Self>) -> SourceWait {
        self.waits_for_source.fetch_add(1, Ordering::Relaxed);
        SourceWait(Arc::clone(self))
    }

    /// Notes that a reader waits for its share of the bandwidth, until the guard is dropped.
    pub(crate) fn throttled(self: &Arc<Self>) -> Throttled {
        self.throttled.fetch_add(1, Ordering::Relaxed);
        Throttled(Arc::clone(self))
    }

    /// Notes the error that a reader died of.
    pub(crate) fn source_failed(&self, error: SourceError) {
        // Later ones are of the same source.
        let _ = self.source_failure.set(error);
    }

    /// How far into the payload the job came, counted from its start: what an earlier job
    /// had brought the device, as far as this one went on from there, counts as well.
    pub fn progress(&self) -> u64 {
        (self.base() + self.sent_bytes())
            .max(self.claimed.load(Ordering::Relaxed))
            .min(self.terms.payload_size)
    }

    fn base(&self) -> u64 {
        self.base.get().copied().unwrap_or(0)
    }

    fn elapsed(&self) -> u64 {
        nanos(self.epoch.elapsed())
    }
}

/// A reader's wait for the payload source.
pub(crate) struct SourceWait(Arc<Lease>);

impl Drop for SourceWait {
    fn drop(&mut self) {
        self.0.waits_for_source.fetch_sub(1, Ordering::Relaxed);
        self.0.moved();
    }
}

/// A reader's wait for its share of the bandwidth.
pub(crate) struct Throttled(Arc<Lease>);

impl Drop for Throttled {
    fn drop(&mut self) {
        self.0.throttled.fetch_sub(1, Ordering::Relaxed);
        self.0.moved();
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
