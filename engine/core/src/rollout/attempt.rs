//! How a push ends.

use windlass_model::{
    AssignmentId, AssignmentState, AttemptId, AttemptOutcome, Change, EventKind, Failure,
    FailureKind, RolloutState, SkipReason, Timestamp,
};

use super::{Rollout, breaker::Call, doubt::loses_answer};
use crate::{Effect, Now, Slots};

/// A push that returned; see [`Input::AttemptEnded`](crate::Input::AttemptEnded).
pub(super) struct Ended {
    pub(super) attempt: AttemptId,
    pub(super) outcome: AttemptOutcome,
    pub(super) bytes: u64,
    pub(super) reached: u64,
}

impl Rollout {
    pub(super) fn attempt_ended(
        &mut self,
        now: Now,
        id: AssignmentId,
        ended: Ended,
        slots: &mut Slots,
    ) {
        let Ended {
            attempt,
            outcome,
            bytes,
            reached,
        } = ended;
        let Some(live) = self.live.get_mut(&id) else {
            return;
        };
        let device = live.row.device_id.clone();
        if live.row.state != AssignmentState::Transferring(attempt) {
            let settling = live.row.state == AssignmentState::Settling(attempt);
            self.emit(now, EventKind::AttemptResultLate { device, attempt });
            if settling {
                self.ask_device(id, attempt);
            }
            return;
        }
        slots.release();
        live.ended = Some(now.monotonic);
        self.change(Change::AttemptEnded {
            attempt,
            at: now.wall,
            outcome: outcome.clone(),
            bytes,
        });
        match outcome {
            AttemptOutcome::Delivered => {
                self.plugin_worked(now, Call::Push);
                self.emit(now, EventKind::AttemptDelivered { device, attempt });
                if self.asks_devices() {
                    self.advance(now, id, |row| {
                        row.state = AssignmentState::Verifying(attempt);
                    });
                    self.ask_device(id, attempt);
                } else {
                    self.succeed(now, id, attempt, None);
                }
            }
            AttemptOutcome::Offered(offer) => {
                self.plugin_worked(now, Call::Push);
                let deadline = now.wall.plus(self.settings.timeouts.attempt);
                self.emit(
                    now,
                    EventKind::AttemptOffered {
                        device,
                        attempt,
                        offer,
                    },
                );
                self.advance(now, id, |row| {
                    row.state = AssignmentState::Offered { attempt, deadline };
                });
                self.watch_offer(now, id, deadline);
            }
            AttemptOutcome::Failed(failure) => self.push_failed(now, id, attempt, failure, reached),
            AttemptOutcome::Cancelled => {
                self.emit(now, EventKind::AttemptCancelled { device, attempt });
                if reached >= self.release_size {
                    self.settle(now, id, attempt, Some(FailureKind::Shutdown));
                } else {
                    self.put_back(now, id, attempt);
                }
            }
        }
    }

    fn push_failed(
        &mut self,
        now: Now,
        id: AssignmentId,
        attempt: AttemptId,
        failure: Failure,
        reached: u64,
    ) {
        let kind = failure.kind;
        match kind {
            FailureKind::Plugin => self.plugin_failed(now, Call::Push, &failure.message),
            FailureKind::Source => self.pause_for_source(now, &failure.message),
            FailureKind::Shutdown => {}
            FailureKind::Unreachable
            | FailureKind::TimedOut
            | FailureKind::Rejected
            | FailureKind::Unauthorized
            | FailureKind::Incompatible
            | FailureKind::Corrupt
            | FailureKind::Busy
            | FailureKind::DeviceError
            | FailureKind::Interrupted
            | FailureKind::Silent
            | FailureKind::Regressed
            | FailureKind::Other => self.plugin_worked(now, Call::Push),
        }
        // The last byte left and no answer came: the device may hold the whole release.
        if loses_answer(kind) && reached >= self.release_size {
            self.settle(now, id, attempt, Some(kind));
        } else {
            self.fail(now, id, attempt, failure);
        }
    }

    /// A push that was stopped before the device had everything: as if it had not been.
    fn put_back(&mut self, now: Now, id: AssignmentId, attempt: AttemptId) {
        self.change(Change::AttemptSettled {
            attempt,
            at: now.wall,
        });
        let aborting = self.state == RolloutState::Aborting;
        let excluded = self.live.get(&id).is_some_and(|live| live.row.excluded);
        if excluded {
            self.take_back_count(id);
            self.skip_live(now, id, SkipReason::Excluded);
            return;
        }
        if aborting && let Some(live) = self.live.get(&id) {
            let device = live.row.device_id.clone();
            self.emit(now, EventKind::DeviceCancelled { device });
        }
        self.take_back_count(id);
        self.advance(now, id, |row| {
            row.state = if aborting {
                AssignmentState::Cancelled
            } else {
                AssignmentState::Waiting { retry_at: now.wall }
            };
            row.blocker = None;
        });
        self.set_timer(id, now.monotonic);
    }

    fn take_back_count(&mut self, id: AssignmentId) {
        if let Some(live) = self.live.get_mut(&id) {
            let row = &mut live.row;
            row.counted_attempts = row.counted_attempts.saturating_sub(1);
            row.attempt_started = None;
        }
    }

    pub(super) fn watch_offer(&mut self, now: Now, id: AssignmentId, deadline: Timestamp) {
        let left = deadline.since(now.wall);
        let next = if self.facts.verifies {
            left.min(self.settings.probe_interval)
        } else {
            left
        };
        self.set_timer(id, now.monotonic + next);
    }

    pub(super) fn look_at_offer(
        &mut self,
        now: Now,
        id: AssignmentId,
        attempt: AttemptId,
        deadline: Timestamp,
    ) {
        if now.wall >= deadline && !self.facts.verifies {
            self.uncertain(now, id, attempt, FailureKind::Silent);
        } else if now.wall >= deadline {
            let message = "the device did not take the offer in time";
            self.fail(now, id, attempt, Failure::new(FailureKind::Silent, message));
        } else if self.facts.verifies {
            self.ask_device(id, attempt);
        } else {
            self.watch_offer(now, id, deadline);
        }
    }

    pub(super) fn cancel_in_flight(&mut self) {
        if !self.begun || self.finished.is_some() {
            return;
        }
        for (id, live) in &mut self.live {
            if let AssignmentState::Transferring(attempt) = live.row.state
                && !std::mem::replace(&mut live.cancelling, true)
            {
                self.effects.push(Effect::Cancel {
                    assignment: *id,
                    attempt,
                });
            }
        }
    }
}
