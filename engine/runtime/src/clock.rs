//! The only place that reads clocks.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use windlass_core::Now;
use windlass_model::Timestamp;

/// Where the driver's time comes from.
pub trait Clock: Clone + Send + Sync + 'static {
    /// Wall clock and monotonic clock, read together.
    fn now(&self) -> Now;

    /// Completes when the monotonic clock shows `at`.
    fn sleep_until(&self, at: Duration) -> impl Future<Output = ()> + Send;
}

/// The machine's clocks; the monotonic one counts from when this was made.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A monotonic clock that shows zero.
    pub fn new() -> Self {
        Self {
            origin: Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let wall = u64::try_from(wall.as_millis()).unwrap_or(u64::MAX);
        Now {
            wall: Timestamp(wall.saturating_add_signed(stepped::by())),
            monotonic: self.origin.elapsed(),
        }
    }

    async fn sleep_until(&self, at: Duration) {
        tokio::time::sleep_until((self.origin + at).into()).await;
    }
}

/// A debug build's wall clock can be stepped from outside while it runs, as an operator or
/// NTP steps a machine's: `WINDLASS_CLOCK_OFFSET` names a file with milliseconds to add.
#[cfg(debug_assertions)]
mod stepped {
    use std::{path::PathBuf, sync::LazyLock};

    static FILE: LazyLock<Option<PathBuf>> =
        LazyLock::new(|| std::env::var_os("WINDLASS_CLOCK_OFFSET").map(PathBuf::from));

    pub(super) fn by() -> i64 {
        FILE.as_ref()
            .and_then(|file| std::fs::read_to_string(file).ok())
            .and_then(|text| text.trim().parse().ok())
            .unwrap_or_default()
    }
}

#[cfg(not(debug_assertions))]
mod stepped {
    pub(super) fn by() -> i64 {
        0
    }
}
