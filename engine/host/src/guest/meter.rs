use std::{
    cell::Cell,
    pin::pin,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use rustix::time::{ClockId, clock_gettime};
use wasmtime::CallHook;

/// What is shorter was hardly interrupted by the scheduler, so the wall clock tells its CPU
/// time; asking for the thread's clock is a system call, and most polls are shorter.
const UNDOUBTED: Duration = Duration::from_millis(1);

/// Counts the CPU time that a guest uses in one call: what its thread spent inside polls,
/// less what host calls took. Ticks are not counted: a guest that waits, or whose thread
/// the machine does not run, would be charged for it.
///
/// It never counts too little, and of a poll at most [`UNDOUBTED`] too much.
///
/// It is shared between the store's callbacks and the wrapper around the call's future;
/// both run on the same thread, one after the other.
#[derive(Default)]
pub(crate) struct Meter {
    account: Mutex<Account>,
    host_calls: AtomicU64,
}

#[derive(Default)]
struct Account {
    budget: Duration,
    /// Of the polls that ended.
    spent: Duration,
    poll: Option<Poll>,
    /// Time in host calls within the poll under way.
    host: Duration,
    /// Beginning of the host call under way.
    host_since: Option<Instant>,
}

/// A poll under way.
struct Poll {
    begun: Instant,
    /// Time of its thread when it began, or up to [`UNDOUBTED`] before.
    thread: Duration,
}

/// A guest used up its CPU time.
#[derive(Debug, thiserror::Error)]
#[error("the CPU time of the call is used up")]
pub(crate) struct CpuTimeUsedUp;

impl Meter {
    /// Begins a call that may use `budget`.
    pub(crate) fn begin(&self, budget: Duration) {
        *self.account() = Account {
            budget,
            ..Account::default()
        };
        self.host_calls.store(0, Ordering::Relaxed);
    }

    /// CPU time used so far in this call.
    pub(crate) fn spent(&self) -> Duration {
        self.account().total()
    }

    /// Host calls made so far in this call.
    pub(crate) fn host_calls(&self) -> u64 {
        self.host_calls.load(Ordering::Relaxed)
    }

    /// Fails if the budget is used up. Called at every tick.
    pub(crate) fn check(&self) -> Result<(), CpuTimeUsedUp> {
        let account = self.account();
        if account.total() > account.budget {
            Err(CpuTimeUsedUp)
        } else {
            Ok(())
        }
    }

    /// Hears of every change between guest and host.
    pub(crate) fn hook(&self, hook: CallHook) {
        match hook {
            CallHook::CallingHost => {
                self.host_calls.fetch_add(1, Ordering::Relaxed);
                self.account().host_since = Some(Instant::now());
            }
            CallHook::ReturningFromHost => {
                let mut account = self.account();
                if let Some(since) = account.host_since.take() {
                    account.host += since.elapsed();
                }
            }
            CallHook::CallingWasm | CallHook::ReturningFromWasm => {}
        }
    }

    /// Polls `call`, charging this meter.
    pub(crate) async fn charge<T>(&self, call: impl Future<Output = T>) -> T {
        let mut call = pin!(call);
        std::future::poll_fn(|context| {
            self.account().begin_poll();
            let poll = call.as_mut().poll(context);
            self.account().end_poll();
            poll
        })
        .await
    }

    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Account {
    fn begin_poll(&mut self) {
        let begun = Instant::now();
        self.poll = Some(Poll {
            begun,
            thread: recent_thread_time(begun),
        });
        self.host = Duration::ZERO;
        // A host call that waits is resumed: only its time inside polls is the host's.
        if self.host_since.is_some() {
            self.host_since = Some(begun);
        }
    }

    fn end_poll(&mut self) {
        self.spent = self.total();
        self.poll = None;
    }

    fn total(&self) -> Duration {
        let Some(poll) = &self.poll else {
            return self.spent;
        };
        let host = self.host
            + self
                .host_since
                .map_or(Duration::ZERO, |since| since.elapsed());
        let mut used = poll.begun.elapsed();
        if used > UNDOUBTED {
            used = used.min(thread_time().saturating_sub(poll.thread));
        }
        self.spent + used.saturating_sub(host)
    }
}

/// This thread's CPU time at `now`, or up to [`UNDOUBTED`] before.
fn recent_thread_time(now: Instant) -> Duration {
    thread_local! {
        static ASKED: Cell<Option<(Instant, Duration)>> = const { Cell::new(None) };
    }
    match ASKED.get() {
        Some((at, time)) if now.duration_since(at) <= UNDOUBTED => time,
        Some(_) | None => {
            let time = thread_time();
            ASKED.set(Some((now, time)));
            time
        }
    }
}

fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}
