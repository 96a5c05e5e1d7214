use std::time::Duration;

use windlass_model::{Assignment, AttemptId};

/// An assignment between pending and its end, with what only this process knows of it.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) row: Assignment,
    /// Its entry in the timers.
    pub(super) timer: Option<Duration>,
    /// Its entry in the retries that are due.
    pub(super) queued: Option<Duration>,
    /// An answer to `Effect::Verify` is awaited.
    pub(super) asking: bool,
    /// When the push ended or its loss was noticed: the settle grace counts from here.
    pub(super) ended: Option<Duration>,
    /// The id of the next attempt, if the device is asked before it is pushed to.
    pub(super) reserved: Option<AttemptId>,
    /// It was, and runs another version.
    pub(super) asked_first: bool,
    /// Among those admitted.
    pub(super) order_key: u64,
    /// When its gate was opened.
    pub(super) admitted: Duration,
    /// Its push was asked to stop.
    pub(super) cancelling: bool,
}

impl Live {
    pub(super) fn new(row: Assignment) -> Self {
        Self {
            row,
            timer: None,
            queued: None,
            asking: false,
            ended: None,
            reserved: None,
            asked_first: false,
            order_key: 0,
            admitted: Duration::ZERO,
            cancelling: false,
        }
    }
}
