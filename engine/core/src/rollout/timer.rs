use std::time::Duration;

use windlass_model::{AssignmentId, AssignmentState, StateKind, Timestamp};

use super::Rollout;
use crate::{Now, TimerReason};

/// How long a timer for a wall-clock instant sleeps at most: the wall clock may be set,
/// and the monotonic one stands still while the machine sleeps.
const WALL_RECHECK: Duration = Duration::from_secs(60);

impl Rollout {
    /// When [`Rollout::handle_timeout`] is to be called next, by the monotonic clock, and
    /// what for.
    pub fn poll_timeout(&self) -> Option<(Duration, TimerReason)> {
        if !self.begun || self.finished.is_some() {
            return None;
        }
        let now = self.now;
        let assignment = self.timers.first().map(|(due, id)| {
            let retry = self
                .live
                .get(id)
                .is_some_and(|live| live.row.state.kind() == StateKind::Waiting);
            let reason = if retry {
                TimerReason::Retry
            } else {
                TimerReason::Ask
            };
            (*due, reason)
        });
        let decide = self.decision_wanted().map(|due| {
            let due = due.max(now.monotonic);
            (due, TimerReason::Decide)
        });
        let deferred = self
            .deferred_wanted()
            .map(|due| (monotonic(now, due), TimerReason::Deferred));
        let breaker = self
            .breakers
            .open_until()
            .map(|due| (due, TimerReason::Breaker));
        let trouble = self
            .trouble
            .again()
            .map(|again| (again, TimerReason::Trouble));
        let budget = self
            .retries_at
            .filter(|_| self.may_start(now))
            .map(|at| (at, TimerReason::RetryBudget));
        let group = self
            .parked_look
            .filter(|_| self.may_look(now) && self.judging.is_empty())
            .map(|at| (at, TimerReason::Group));
        let recheck = self.recheck_due().map(|at| (at, TimerReason::Recheck));
        [
            assignment, decide, deferred, breaker, trouble, budget, group, recheck,
        ]
        .into_iter()
        .flatten()
        .min_by_key(|(due, _)| *due)
    }

    pub(super) fn set_timer(&mut self, id: AssignmentId, due: Duration) {
        if let Some(live) = self.live.get_mut(&id) {
            if let Some(old) = live.timer.replace(due) {
                self.timers.remove(&(old, id));
            }
            self.timers.insert((due, id));
        }
    }

    pub(super) fn fire_timers(&mut self, now: Now) {
        self.trouble.elapse(now.monotonic);
        self.retries_at = self.retries_at.filter(|at| *at > now.monotonic);
        while let Some((due, id)) = self.timers.first().copied()
            && due <= now.monotonic
        {
            self.timers.pop_first();
            let Some(live) = self.live.get_mut(&id) else {
                continue;
            };
            live.timer = None;
            match live.row.state {
                AssignmentState::Waiting { .. } => {
                    self.look_again(id, due);
                }
                AssignmentState::Verifying(attempt) | AssignmentState::Settling(attempt) => {
                    self.ask_device(id, attempt);
                }
                AssignmentState::Offered { attempt, deadline } => {
                    self.look_at_offer(now, id, attempt, deadline);
                }
                AssignmentState::Pending
                | AssignmentState::Deferred(_)
                | AssignmentState::Admitted
                | AssignmentState::Transferring(_)
                | AssignmentState::Cancelling(_)
                | AssignmentState::Succeeded
                | AssignmentState::Failed(_)
                | AssignmentState::Rejected
                | AssignmentState::Skipped(_)
                | AssignmentState::Cancelled
                | AssignmentState::Superseded
                | AssignmentState::DeadLettered(_) => {
                    debug_assert!(false, "{:?} has no timer", live.row.state);
                }
            }
        }
    }
}

/// When the wall clock shows `at`, by the monotonic clock, or sooner.
pub(super) fn monotonic(now: Now, at: Timestamp) -> Duration {
    now.monotonic + at.since(now.wall).min(WALL_RECHECK)
}
