//! What an attempt's failure means for its device (design §7.3, §7.4).

use windlass_model::{
    AssignmentId, AssignmentState, AttemptId, Change, EventKind, Failure, FailureClass,
    FailureKind, Reason, RolloutState, SkipReason, Timestamp,
};

use super::Rollout;
use crate::{Now, retry};

pub(super) enum Consequence {
    Retry(Timestamp),
    DeadLetter,
    /// A person excluded it while its attempt was under way.
    LeaveOut,
    End(AssignmentState),
}

impl Rollout {
    /// The attempt failed for certain: its device does not run the release by it.
    pub(super) fn fail(
        &mut self,
        now: Now,
        id: AssignmentId,
        attempt: AttemptId,
        failure: Failure,
    ) {
        let Some(live) = self.live.get_mut(&id) else {
            return;
        };
        let kind = failure.kind;
        let row = &mut live.row;
        row.last_failure = Some((kind, now.wall));
        row.attempt_started = None;
        if kind.class() == FailureClass::Ours {
            row.counted_attempts = row.counted_attempts.saturating_sub(1);
        } else if row.counted_attempts == 1 && row.first_failure.is_none() {
            row.first_failure = Some(kind);
            let row = row.clone();
            self.count_first_failure(&row, kind);
        }
        self.change(Change::AttemptSettled {
            attempt,
            at: now.wall,
        });
        let consequence = self.consequence(now, id, attempt, &failure);
        self.bear(now, id, attempt, failure, consequence);
    }

    /// A device that took the release and fell silent could not be asked before its
    /// retry: that try is used up without a push.
    pub(super) fn silent_again(&mut self, now: Now, id: AssignmentId, attempt: AttemptId) {
        let kind = FailureKind::Silent;
        let failure = Failure::new(kind, "the device took the release and cannot be asked");
        match self.use_up_try(now, id, attempt, &failure) {
            Consequence::Retry(retry_at) => self.wait(now, id, retry_at, None),
            other => self.end_silent(now, id, other),
        }
    }

    pub(super) fn use_up_try(
        &mut self,
        now: Now,
        id: AssignmentId,
        attempt: AttemptId,
        failure: &Failure,
    ) -> Consequence {
        if let Some(live) = self.live.get_mut(&id) {
            live.row.counted_attempts += 1;
        }
        self.consequence(now, id, attempt, failure)
    }

    pub(super) fn end_silent(&mut self, now: Now, id: AssignmentId, consequence: Consequence) {
        let Some(live) = self.live.get(&id) else {
            return;
        };
        if let Consequence::LeaveOut = consequence {
            return self.skip_live(now, id, SkipReason::Excluded);
        }
        let (device, kind) = (live.row.device_id.clone(), FailureKind::Silent);
        self.emit(now, EventKind::DeviceDeadLettered { device, kind });
        self.advance(now, id, |row| {
            row.last_failure = Some((kind, now.wall));
            row.state = AssignmentState::DeadLettered(kind);
        });
    }

    /// `why` if more than its failure keeps it back.
    pub(super) fn wait(
        &mut self,
        now: Now,
        id: AssignmentId,
        retry_at: Timestamp,
        why: Option<Reason>,
    ) {
        self.advance(now, id, |row| {
            row.state = AssignmentState::Waiting { retry_at };
            row.blocker = why.map(Box::new);
        });
        if let Some(live) = self.live.get_mut(&id) {
            live.put_off = false;
        }
        self.set_timer(id, now.monotonic + retry_at.since(now.wall));
    }

    fn consequence(
        &self,
        now: Now,
        id: AssignmentId,
        attempt: AttemptId,
        failure: &Failure,
    ) -> Consequence {
        let counted = self
            .live
            .get(&id)
            .map_or(0, |live| live.row.counted_attempts);
        let kind = failure.kind;
        let ours = kind.class() == FailureClass::Ours;
        if kind == FailureKind::Rejected {
            Consequence::End(AssignmentState::Rejected)
        } else if !kind.is_retryable() {
            Consequence::End(AssignmentState::Failed(kind))
        } else if self.live.get(&id).is_some_and(|live| live.row.excluded) {
            Consequence::LeaveOut
        } else if !ours && counted >= self.settings.retry.attempts {
            Consequence::DeadLetter
        } else if self.state == RolloutState::Aborting {
            Consequence::End(AssignmentState::Cancelled)
        } else if kind == FailureKind::Shutdown {
            Consequence::Retry(now.wall)
        } else {
            let delay = retry::delay(
                &self.settings.retry,
                self.settings.seed,
                attempt,
                counted.max(1),
                failure.retry_after,
            );
            Consequence::Retry(now.wall.plus(delay))
        }
    }

    fn bear(
        &mut self,
        now: Now,
        id: AssignmentId,
        attempt: AttemptId,
        failure: Failure,
        consequence: Consequence,
    ) {
        let Some(live) = self.live.get(&id) else {
            return;
        };
        let device = live.row.device_id.clone();
        let kind = failure.kind;
        let retry_at = match &consequence {
            Consequence::Retry(at) => Some(*at),
            Consequence::DeadLetter | Consequence::LeaveOut | Consequence::End(_) => None,
        };
        self.emit(
            now,
            EventKind::AttemptFailed {
                device: device.clone(),
                attempt,
                failure,
                retry_at,
            },
        );
        match consequence {
            Consequence::Retry(retry_at) => self.wait(now, id, retry_at, None),
            Consequence::LeaveOut => self.skip_live(now, id, SkipReason::Excluded),
            Consequence::DeadLetter => {
                self.emit(now, EventKind::DeviceDeadLettered { device, kind });
                self.advance(now, id, |row| {
                    row.state = AssignmentState::DeadLettered(kind);
                });
            }
            Consequence::End(state) => {
                self.emit(
                    now,
                    match state {
                        AssignmentState::Rejected => EventKind::DeviceRejected { device },
                        AssignmentState::Cancelled => EventKind::DeviceCancelled { device },
                        _ => EventKind::DeviceFailed { device, kind },
                    },
                );
                self.advance(now, id, |row| row.state = state);
            }
        }
    }
}
