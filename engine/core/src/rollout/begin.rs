use std::collections::BTreeMap;

use windlass_model::{
    AssignmentId, AssignmentState, AttemptId, AttemptOutcome, Change, EventKind, Failure,
    FailureKind, Outcome, RolloutState, StateCounts, StateKind,
};

use super::Rollout;
use crate::{Effect, GroupSeat, Now, Resources, admission::HOLD_RECHECK};

impl Rollout {
    pub(super) fn begin(
        &mut self,
        now: Now,
        mut seats: BTreeMap<AssignmentId, Vec<GroupSeat>>,
        resources: &mut Resources,
    ) {
        debug_assert!(!self.begun, "Begin comes once");
        self.begun = true;
        resources.groups.forget(self.key);
        resources.fences.forget(self.key);
        resources.fences.enter(self.key);
        for (id, mut live) in std::mem::take(&mut self.live) {
            live.groups = seats.remove(&id).unwrap_or_default().into();
            self.enliven(now, live);
        }
        self.freed_seen = resources.groups.freed_ever();
        match self.state {
            RolloutState::Draft => self.start(now),
            RolloutState::Running
            | RolloutState::Holding
            | RolloutState::Paused
            | RolloutState::Aborting => self.take_up(now),
            RolloutState::Completed => self.was_over(Outcome::Completed),
            RolloutState::Aborted => self.was_over(Outcome::Aborted),
        }
    }

    fn start(&mut self, now: Now) {
        self.state = RolloutState::Running;
        self.started_at = Some(now.wall);
        self.change_rollout();
        let targets = self.cohorts.iter().map(|cohort| cohort.size).sum();
        self.emit(
            now,
            EventKind::RolloutStarted {
                targets,
                unselected: self.unselected,
            },
        );
    }

    fn was_over(&mut self, outcome: Outcome) {
        self.finished = Some(outcome);
        self.effects.push(Effect::Finished(outcome));
    }

    fn take_up(&mut self, now: Now) {
        let unsettled: u64 = self
            .live
            .values()
            .filter(|live| lost(&live.row.state).is_some())
            .count() as u64;
        self.emit(
            now,
            EventKind::RolloutContinued {
                settling: unsettled,
            },
        );
        let ids: Vec<AssignmentId> = self.live.keys().copied().collect();
        for id in ids {
            self.take_up_device(now, id);
        }
        // What holds, other rollouts and groups say now, whatever they said before.
        self.look_at_deferred(now, now.wall.plus(HOLD_RECHECK));
        if self.state == RolloutState::Holding && self.decider.is_empty() {
            self.review_hold(now);
        }
    }

    fn take_up_device(&mut self, now: Now, id: AssignmentId) {
        let Some(live) = self.live.get(&id) else {
            return;
        };
        if let Some(attempt) = lost(&live.row.state) {
            self.take_up_attempt(now, id, attempt);
            return;
        }
        match live.row.state {
            AssignmentState::Admitted if self.state == RolloutState::Aborting => {
                self.cancel_assignment(now, id);
            }
            // What was known of the device may be old.
            AssignmentState::Admitted => {
                self.advance(now, id, |row| row.state = AssignmentState::Pending);
            }
            AssignmentState::Waiting { .. } if self.state == RolloutState::Aborting => {
                self.cancel_assignment(now, id);
            }
            AssignmentState::Waiting { retry_at } => {
                self.set_timer(id, now.monotonic + retry_at.since(now.wall));
                // By a back-off or to an instant: the row does not tell.
                if let Some(live) = self.live.get_mut(&id) {
                    live.put_off = true;
                }
            }
            AssignmentState::Offered { deadline, .. } => {
                self.watch_offer(now, id, deadline);
            }
            AssignmentState::Pending
            | AssignmentState::Deferred(_)
            | AssignmentState::Transferring(_)
            | AssignmentState::Verifying(_)
            | AssignmentState::Settling(_)
            | AssignmentState::Cancelling(_)
            | AssignmentState::Succeeded
            | AssignmentState::Failed(_)
            | AssignmentState::Rejected
            | AssignmentState::Skipped(_)
            | AssignmentState::Cancelled
            | AssignmentState::Superseded
            | AssignmentState::DeadLettered(_) => {
                debug_assert!(false, "{:?} is live", live.row.state);
            }
        }
    }

    fn take_up_attempt(&mut self, now: Now, id: AssignmentId, attempt: AttemptId) {
        let kind = match self.live.get(&id) {
            Some(live) => live.row.state.kind(),
            None => return,
        };
        if matches!(kind, StateKind::Transferring | StateKind::Cancelling) {
            let message = "the engine ended while the push was under way";
            self.change(Change::AttemptEnded {
                attempt,
                at: now.wall,
                outcome: AttemptOutcome::Failed(Failure::new(FailureKind::Interrupted, message)),
                bytes: 0,
            });
        }
        if kind == StateKind::Settling {
            self.begin_settling(now, id, attempt);
        } else {
            self.settle(now, id, attempt, None);
        }
    }

    pub(super) fn counts(&self) -> StateCounts {
        let mut sum = StateCounts::default();
        for kind in StateKind::ALL {
            *sum.get_mut(kind) = self
                .cohorts
                .iter()
                .map(|cohort| cohort.states.get(kind))
                .sum();
        }
        sum
    }
}

/// The attempt whose outcome died with an earlier process. An offer outlives one: the
/// device fetches by itself.
fn lost(state: &AssignmentState) -> Option<AttemptId> {
    match state {
        AssignmentState::Transferring(attempt)
        | AssignmentState::Verifying(attempt)
        | AssignmentState::Settling(attempt)
        | AssignmentState::Cancelling(attempt) => Some(*attempt),
        AssignmentState::Pending
        | AssignmentState::Deferred(_)
        | AssignmentState::Admitted
        | AssignmentState::Offered { .. }
        | AssignmentState::Waiting { .. }
        | AssignmentState::Succeeded
        | AssignmentState::Failed(_)
        | AssignmentState::Rejected
        | AssignmentState::Skipped(_)
        | AssignmentState::Cancelled
        | AssignmentState::Superseded
        | AssignmentState::DeadLettered(_) => None,
    }
}
