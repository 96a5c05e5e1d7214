use std::{sync::Arc, time::Duration};

use windlass_model::{Assignment, AttemptId};

use crate::{GroupSeat, Now};

/// Where a device that is due for another try stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Queue {
    /// Nowhere.
    #[default]
    No,
    /// Among those to be looked at, since it was due.
    Look(Duration),
    /// Among those that may start, since it was due.
    Start(Duration),
}

/// When a device was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Look {
    /// Not before this instant.
    pub(super) at: Duration,
    /// How many fences had fallen when it was asked for.
    pub(super) fences: u64,
    /// How often the rollout had been told to look anew when it was asked for.
    pub(super) refreshes: u64,
}

/// An assignment between pending and its end, with what only this process knows of it.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) row: Assignment,
    /// Its entry in the timers.
    pub(super) timer: Option<Duration>,
    /// Its entry among the retries that are due.
    pub(super) queue: Queue,
    /// An answer to `Effect::Reconsider` is awaited.
    pub(super) judging: bool,
    /// The group that it waits for.
    pub(super) parked: Option<GroupSeat>,
    /// Its groups that have a limit.
    pub(super) groups: Arc<[GroupSeat]>,
    /// An answer to `Effect::Verify` is awaited.
    pub(super) asking: bool,
    /// When its attempt began, if that was in this process.
    pub(super) began: Option<Duration>,
    /// It may wait for an instant that a policy or a hold named, and not for its back-off.
    pub(super) put_off: bool,
    /// When the push ended or its loss was noticed: the settle grace counts from here.
    pub(super) ended: Option<Duration>,
    /// The id of the next attempt, if the device is asked before it is pushed to.
    pub(super) reserved: Option<AttemptId>,
    /// It was, and runs another version.
    pub(super) asked_first: bool,
    /// Among those admitted.
    pub(super) order_key: u64,
    /// The last look at it.
    pub(super) look: Look,
    /// Its push was asked to stop.
    pub(super) cancelling: bool,
}

impl Live {
    pub(super) fn new(row: Assignment) -> Self {
        Self {
            row,
            timer: None,
            queue: Queue::No,
            judging: false,
            parked: None,
            groups: Arc::new([]),
            asking: false,
            began: None,
            put_off: false,
            ended: None,
            reserved: None,
            asked_first: false,
            order_key: 0,
            look: Look::default(),
            cancelling: false,
        }
    }

    /// What is left of an attempt that may take so long. By the monotonic clock where its
    /// start was seen: the other may be set meanwhile.
    pub(super) fn attempt_left(&self, now: Now, limit: Duration) -> Duration {
        match self.began {
            Some(began) => (began + limit).saturating_sub(now.monotonic),
            None => {
                let started = self.row.attempt_started.unwrap_or(now.wall);
                started.plus(limit).since(now.wall).min(limit)
            }
        }
    }
}
