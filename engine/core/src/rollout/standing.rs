use windlass_model::{CohortIndex, Reason, RolloutState, StateKind, Timestamp};

use super::{Rollout, lifecycle::reason};
use crate::{Now, Standing, WaitingFor};

impl Rollout {
    /// What the rollout is doing, and if nothing, what it waits for: what `run --wait`
    /// goes by. Ask after [`Rollout::dispatch`].
    pub fn standing(&self, now: Now) -> Standing {
        if let Some(outcome) = self.finished {
            return Standing::Ended(outcome);
        }
        if !self.begun || self.stop.is_some() || self.is_busy(now) {
            return Standing::Working;
        }
        match self.state {
            RolloutState::Paused | RolloutState::Holding => {
                if let Some(until) = self.breakers.open_until() {
                    let left = until.saturating_sub(now.monotonic);
                    return Standing::WaitingUntil(now.wall.plus(left), WaitingFor::Breaker);
                }
                let mut reasons = self.reasons.clone();
                if reasons.is_empty() {
                    let text = "it was paused or held before this run";
                    reasons.push(reason("paused", text, &[]));
                }
                return Standing::Blocked(reasons);
            }
            RolloutState::Draft
            | RolloutState::Running
            | RolloutState::Aborting
            | RolloutState::Aborted
            | RolloutState::Completed => {}
        }
        let pending: u64 = self.count(StateKind::Pending) + self.count(StateKind::Admitted);
        let policy = self.decider.ask_at().filter(|_| pending > 0);
        let waits = [
            (self.next_retry(now), WaitingFor::Retry),
            (self.intake.window(), WaitingFor::Window),
            (policy, WaitingFor::Policy),
        ];
        waits
            .into_iter()
            .filter_map(|(at, what)| Some((at?, what)))
            .min_by_key(|(at, _)| *at)
            .map_or_else(
                || Standing::Blocked(self.blockers(pending)),
                |(at, what)| Standing::WaitingUntil(at, what),
            )
    }

    /// Whether something is under way, or will be at the next dispatch.
    fn is_busy(&self, now: Now) -> bool {
        let under_way = [
            StateKind::Transferring,
            StateKind::Offered,
            StateKind::Verifying,
            StateKind::Cancelling,
        ];
        under_way.into_iter().any(|kind| self.count(kind) > 0)
            || self.intake.is_reading()
            || self.settles_soon(now)
            || (self.may_start(now) && self.has_startable())
            || self.decider.is_behind(now.wall)
    }

    fn has_startable(&self) -> bool {
        !self.retries.is_empty()
            || (0..)
                .map(CohortIndex)
                .zip(&self.cohorts)
                .any(|(index, cohort)| {
                    let pending = if self.intake.has_more(index) {
                        cohort.states.get(StateKind::Pending)
                    } else {
                        0
                    };
                    pending + cohort.states.get(StateKind::Admitted) > 0
                        && self.decider.room(index, cohort) > 0
                })
            || self
                .live
                .values()
                .any(|live| live.asking && live.row.state.kind() == StateKind::Waiting)
    }

    /// Whether a settling device is still asked at the usual pace.
    fn settles_soon(&self, now: Now) -> bool {
        let limit = self.settings.timeouts.attempt;
        self.count(StateKind::Settling) > 0
            && self.live.values().any(|live| {
                live.row.state.kind() == StateKind::Settling
                    && live
                        .row
                        .attempt_started
                        .is_none_or(|started| now.wall < started.plus(limit))
            })
    }

    fn next_retry(&self, now: Now) -> Option<Timestamp> {
        let waiting = |id| {
            self.live
                .get(id)
                .is_some_and(|live| live.row.state.kind() == StateKind::Waiting)
        };
        self.timers
            .iter()
            .find(|(_, id)| waiting(id))
            .map(|(due, _)| now.wall.plus(due.saturating_sub(now.monotonic)))
    }

    fn blockers(&self, pending: u64) -> Vec<Reason> {
        let mut reasons = Vec::new();
        if pending > 0 {
            reasons.extend(self.decider.verdict().1);
        }
        let deferred = self.deferred();
        if deferred > 0 {
            let text = format!("{deferred} devices are not connected");
            reasons.push(reason("devices-offline", &text, &[]));
        }
        let settling = self.count(StateKind::Settling);
        if settling > 0 {
            let text = format!("{settling} devices do not say what they run");
            reasons.push(reason("devices-unsettled", &text, &[]));
        }
        if reasons.is_empty() {
            let text = "the policies let no further device start";
            reasons.push(reason("ceilings", text, &[]));
        }
        reasons
    }

    fn count(&self, kind: StateKind) -> u64 {
        self.cohorts
            .iter()
            .map(|cohort| cohort.states.get(kind))
            .sum()
    }
}
