use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use tokio::time::Instant;
use windlass_core::Now;
use windlass_model::Timestamp;
use windlass_runtime::clock::Clock;

/// 2026-03-01T00:00:00Z.
const EPOCH: u64 = 1_772_323_200_000;

/// The paused clock of tokio, with a wall clock that somebody may step.
#[derive(Clone, Debug)]
pub(super) struct VirtualClock {
    origin: Instant,
    stepped: Arc<AtomicI64>,
}

impl VirtualClock {
    pub(super) fn new() -> Self {
        Self {
            origin: Instant::now(),
            stepped: Arc::default(),
        }
    }

    /// Steps the wall clock, as NTP or an operator does.
    pub(super) fn step(&self, millis: i64) {
        self.stepped.fetch_add(millis, Ordering::Relaxed);
    }

    pub(super) fn wall(&self) -> Timestamp {
        self.now().wall
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Now {
        let monotonic = self.origin.elapsed();
        let millis = u64::try_from(monotonic.as_millis()).unwrap_or(u64::MAX);
        let stepped = self.stepped.load(Ordering::Relaxed);
        Now {
            wall: Timestamp((EPOCH + millis).saturating_add_signed(stepped)),
            monotonic,
        }
    }

    async fn sleep_until(&self, at: Duration) {
        tokio::time::sleep_until(self.origin + at).await;
    }
}
