//! How many connections may be open, and which of the idle ones has to go.
//!
//! A sender that keeps connections alive to 20,000 addresses would use up the process's
//! file descriptors, on its side and on ours. So idle connections are counted, and
//! beyond a limit the one that has been idle longest is closed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

use crate::gauge::Gauge;

/// Idle connections kept open: more than any sensible number of concurrent pushes, and
/// few next to the usual limit of descriptors.
const MOST_IDLE: usize = 1024;
/// Connections taken whatever the limit of descriptors says.
const FEWEST_OPEN: usize = 64;
/// A ticket that no idle connection has.
const BUSY: u64 = 0;

pub(crate) struct Seats {
    pub(crate) open: Gauge,
    free: Arc<Semaphore>,
    most_idle: usize,
    idle: Mutex<Idle>,
}

/// Idle connections by when they became so.
struct Idle {
    last_ticket: u64,
    waiting: BTreeMap<u64, Arc<Notify>>,
}

impl Idle {
    fn close_oldest(&mut self) {
        if let Some((_, close)) = self.waiting.pop_first() {
            close.notify_one();
        }
    }
}

impl Seats {
    /// Half of the descriptors that are left beside `listeners`: the other half belongs to
    /// whatever else is in the process, such as the sender.
    pub(crate) fn new(listeners: usize) -> Arc<Self> {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let limit = limit.and_then(|limit| usize::try_from(limit).ok());
        let most_open = limit
            .map_or(Semaphore::MAX_PERMITS, |limit| {
                limit.saturating_sub(listeners) / 2
            })
            .clamp(FEWEST_OPEN, Semaphore::MAX_PERMITS);
        Arc::new(Self {
            open: Gauge::default(),
            free: Arc::new(Semaphore::new(most_open)),
            most_idle: MOST_IDLE.min(most_open / 2),
            idle: Mutex::new(Idle {
                last_ticket: BUSY,
                waiting: BTreeMap::new(),
            }),
        })
    }

    /// A seat for a connection; waits for one if all are taken by busy connections.
    pub(crate) async fn take(self: &Arc<Self>) -> Seat {
        let permit = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(permit) => Some(permit),
            Err(_) => {
                self.relieve();
                Arc::clone(&self.free).acquire_owned().await.ok()
            }
        };
        self.open.enter();
        Seat {
            seats: Arc::clone(self),
            _permit: permit,
            ticket: AtomicU64::new(BUSY),
            close: Arc::new(Notify::new()),
        }
    }

    /// Closes the connection that has been idle longest, if any is idle.
    pub(crate) fn relieve(&self) {
        self.idle().close_oldest();
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        // The map is whole after every statement.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's right to be open.
pub(crate) struct Seat {
    seats: Arc<Seats>,
    /// `None` only if the semaphore were closed, which nothing does.
    _permit: Option<OwnedSemaphorePermit>,
    ticket: AtomicU64,
    close: Arc<Notify>,
}

impl Seat {
    /// A request has begun.
    pub(crate) fn busy(&self) {
        let ticket = self.ticket.swap(BUSY, Ordering::SeqCst);
        if ticket != BUSY {
            self.seats.idle().waiting.remove(&ticket);
        }
    }

    /// The connection waits for a request.
    pub(crate) fn rest(&self) {
        let mut idle = self.seats.idle();
        idle.last_ticket += 1;
        self.ticket.store(idle.last_ticket, Ordering::SeqCst);
        let ticket = idle.last_ticket;
        idle.waiting.insert(ticket, Arc::clone(&self.close));
        let crowded = idle.waiting.len() > self.seats.most_idle;
        if crowded || self.seats.free.available_permits() == 0 {
            idle.close_oldest();
        }
    }

    /// Returns when the connection has to go.
    pub(crate) async fn closes(&self) {
        self.close.notified().await;
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.busy();
        self.seats.open.leave();
    }
}
