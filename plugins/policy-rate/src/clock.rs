//! The clock that stands still while a rollout is paused.

use windlass_sdk::{Timestamp, View};

/// An instant of a rollout's own time, in milliseconds: wall time less all pauses.
pub(crate) type Mark = u64;

/// How often the host asks at the most, in milliseconds. What a rate allows is
/// handed out for so long at a time.
pub(crate) const TICK: u64 = 1_000;

/// Now, in both times.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall: Timestamp,
    pub(crate) now: Mark,
}

impl Clock {
    pub(crate) fn of(view: &View) -> Self {
        Self {
            wall: view.now,
            now: view.now.saturating_sub(view.paused_for),
        }
    }

    /// When `mark` will be reached if nobody pauses the rollout; at least a tick
    /// from now, since the host asks no sooner.
    pub(crate) fn wall(self, mark: Mark) -> Timestamp {
        let ahead = mark.saturating_sub(self.now).max(TICK);
        self.wall.saturating_add(ahead)
    }
}
