//! Answers that say again what was said. They are counted and not written one by one: a commit
//! a second would tell nothing but the time.

use std::time::Duration;

use windlass_model::Timestamp;

/// How old a count may grow before it is a commit of its own; so much of it may be missing
/// after a crash.
const KEPT_EVERY: Duration = Duration::from_secs(60);

/// What was counted since the store was told.
#[derive(Debug, Default)]
pub(super) struct Repeats(Option<Counted>);

#[derive(Clone, Copy, Debug)]
struct Counted {
    times: u64,
    first: Timestamp,
    last: Timestamp,
}

impl Repeats {
    pub(super) fn count(&mut self, now: Timestamp) {
        let counted = self.0.get_or_insert(Counted {
            times: 0,
            first: now,
            last: now,
        });
        counted.times += 1;
        counted.last = now;
    }

    pub(super) fn are_overdue(&self, now: Timestamp) -> bool {
        self.0
            .is_some_and(|counted| now.since(counted.first) >= KEPT_EVERY)
    }

    /// How many, and when the last was.
    pub(super) fn take(&mut self) -> Option<(u64, Timestamp)> {
        self.0.take().map(|counted| (counted.times, counted.last))
    }
}
