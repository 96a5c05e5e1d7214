//! The clock that stands still while a rollout is paused.

use windlass_sdk::{Timestamp, View};

/// An instant of a rollout's own time: wall time less all pauses.
pub(crate) type Mark = u64;

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

    /// When `mark` will be reached if nobody pauses the rollout.
    pub(crate) fn wall(self, mark: Mark) -> Timestamp {
        self.wall.saturating_add(mark.saturating_sub(self.now))
    }
}
