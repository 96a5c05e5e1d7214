//! How many devices a rate lets start now.
//!
//! A bucket fills continuously and each start takes one device's worth out. It
//! is reckoned in 60000ths of a device, so that a rate a minute adds a whole
//! number of them each millisecond.

use serde::{Deserialize, Serialize};

use crate::clock::{Mark, TICK};
use crate::ramp::PerMinute;

/// One device's worth.
const ONE: u64 = 60_000;

/// How much a bucket holds besides one device, in ticks: one that is being used
/// and one by which a decision may come late without a loss.
const DEPTH: u64 = 2 * TICK;

/// The bucket when it last changed other than by filling. It stays as it is as
/// long as nothing starts, so that a memo does not change by the mere passing of
/// time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    at: Mark,
    level: u64,
    per_minute: PerMinute,
    /// Devices started by then.
    started: u64,
}

impl Bucket {
    /// Holds what the first tick brings, or one device if that is more.
    pub(crate) fn new(per_minute: PerMinute, started: u64, now: Mark) -> Self {
        Self {
            at: now,
            level: (per_minute.get() * TICK).max(ONE),
            per_minute,
            started,
        }
    }

    /// What became of it now that so many devices were started in total.
    pub(crate) fn seen(self, per_minute: PerMinute, started: u64, now: Mark) -> Self {
        if per_minute == self.per_minute && started == self.started && now >= self.at {
            return self;
        }
        let used = started.saturating_sub(self.started).saturating_mul(ONE);
        let left = self.level_at(now).saturating_sub(used);
        // What the coming tick brings is in the bucket when it begins: a rate
        // that grows counts from its first tick.
        let growth = per_minute.get().saturating_sub(self.per_minute.get());
        let level = left.saturating_add(growth * TICK);
        Self {
            at: now,
            level: level.min(capacity(per_minute)),
            per_minute,
            started,
        }
    }

    /// Whole devices that may start.
    pub(crate) fn whole(&self, now: Mark) -> u64 {
        self.level_at(now) / ONE
    }

    /// When it will hold a whole device more; none if it holds no more.
    pub(crate) fn next_whole(&self, now: Mark) -> Option<Mark> {
        let wanted = (self.whole(now) + 1) * ONE;
        let missing = wanted.saturating_sub(self.level_at(now));
        (wanted <= capacity(self.per_minute))
            .then(|| now.saturating_add(missing.div_ceil(self.per_minute.get())))
    }

    /// A clock that went back fills nothing, and one that leapt no more than it
    /// holds.
    fn level_at(&self, now: Mark) -> u64 {
        let filled = now
            .saturating_sub(self.at)
            .saturating_mul(self.per_minute.get());
        self.level
            .saturating_add(filled)
            .min(capacity(self.per_minute))
    }
}

fn capacity(per_minute: PerMinute) -> u64 {
    per_minute.get() * DEPTH + ONE
}
