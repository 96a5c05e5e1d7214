use std::{num::NonZeroU32, time::Duration};

const MINUTE_MICROS: u64 = 60_000_000;

/// Bounds retries over all rollouts of an engine, so that a fault that hits every device
/// does not double the load (design §7.4). It delays retries and ends none. A token bucket
/// that holds one minute's worth.
#[derive(Debug)]
pub struct RetryBudget {
    per_minute: Option<NonZeroU32>,
    /// In millionths of a minute per retry: a retry costs [`MINUTE_MICROS`], and every
    /// microsecond brings `per_minute`.
    level: u64,
    filled: Duration,
}

impl RetryBudget {
    /// A full bucket; none bounds nothing.
    pub fn new(per_minute: Option<NonZeroU32>) -> Self {
        Self {
            per_minute,
            level: capacity(per_minute),
            filled: Duration::ZERO,
        }
    }

    fn fill(&mut self, now: Duration) {
        if let Some(rate) = self.per_minute {
            let passed = now.saturating_sub(self.filled).as_micros();
            let passed = u64::try_from(passed).unwrap_or(u64::MAX).min(MINUTE_MICROS);
            self.level = self
                .level
                .saturating_add(passed * u64::from(rate.get()))
                .min(capacity(self.per_minute));
        }
        self.filled = self.filled.max(now);
    }

    /// When the next retry may start: now, or later.
    pub(crate) fn next(&mut self, now: Duration) -> Duration {
        self.fill(now);
        match self.per_minute {
            None => now,
            Some(rate) => {
                let missing = MINUTE_MICROS.saturating_sub(self.level);
                now + Duration::from_micros(missing.div_ceil(u64::from(rate.get())))
            }
        }
    }

    /// Spends one retry, which [`RetryBudget::next`] said may start now.
    pub(crate) fn spend(&mut self, now: Duration) {
        self.fill(now);
        if self.per_minute.is_some() {
            debug_assert!(self.level >= MINUTE_MICROS, "there was one left");
            self.level = self.level.saturating_sub(MINUTE_MICROS);
        }
    }
}

fn capacity(per_minute: Option<NonZeroU32>) -> u64 {
    per_minute.map_or(0, |rate| MINUTE_MICROS * u64::from(rate.get()))
}
