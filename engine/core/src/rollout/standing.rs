use std::time::Duration;

use windlass_model::{AssignmentId, CohortIndex, Reason, RolloutState, StateKind, Timestamp};

use super::{Rollout, lifecycle::reason, waits::WaitsFor};
use crate::{Behind, Now, Standing, WaitingFor, admission::code};

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
                if let Some(until) = self.held_until() {
                    return Standing::WaitingUntil(until, WaitingFor::Policy);
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
        if self.passes_by_itself() {
            return Standing::Working;
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
            .chain(self.other_clocks())
            .filter_map(|(at, what)| Some((at?, what)))
            .min_by_key(|(at, _)| *at)
            .map_or_else(
                || self.unmoved(pending),
                |(at, what)| Standing::WaitingUntil(at, what),
            )
    }

    /// No clock moves it on.
    fn unmoved(&self, pending: u64) -> Standing {
        let reasons = self.blockers(pending);
        let rollouts = self.waits.classes().filter_map(|(what, ..)| match what {
            WaitsFor::Rollout { by, runs: true } => by,
            _ => None,
        });
        match self.waits.behind_as_of() {
            Some(as_of) => Standing::Behind(Behind {
                rollouts: rollouts.collect(),
                as_of,
                reasons,
            }),
            None => Standing::Blocked(reasons),
        }
    }

    /// When one of its devices, or the rollout itself, last came into another state, by the
    /// monotonic clock.
    pub fn moved_at(&self) -> Duration {
        self.moved_at
    }

    /// Until when the policies hold the rollout, if that is a matter of the clock alone.
    fn held_until(&self) -> Option<Timestamp> {
        let by_policies = self.state == RolloutState::Holding && self.trouble.holds().is_none();
        self.decider.held_until().filter(|_| by_policies)
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
            || !self.judging.is_empty()
            || (self.may_look(now) && !self.looks.is_empty())
            || self.settles_soon(now)
            || self.is_rechecking(now)
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
                    let admitted = cohort.states.get(StateKind::Admitted);
                    pending + admitted.saturating_sub(self.parked.firsts(index)) > 0
                        && self.decider.room(index, cohort) > 0
                })
            || self
                .live
                .values()
                .any(|live| live.asking && live.reserved.is_some())
    }

    /// Whether a settling device is still asked at the usual pace.
    fn settles_soon(&self, now: Now) -> bool {
        let limit = self.settings.timeouts.attempt;
        self.count(StateKind::Settling) > 0
            && self.live.values().any(|live| {
                live.row.state.kind() == StateKind::Settling
                    && !live.attempt_left(now, limit).is_zero()
            })
    }

    /// Whether devices wait for something that the engine itself is doing.
    fn passes_by_itself(&self) -> bool {
        let unknown = WaitsFor::Rollout {
            by: None,
            runs: true,
        };
        self.parked.passes() || self.waits.classes().any(|(what, ..)| what == unknown)
    }

    /// When holds lapse, and when those look again for which no group had a place.
    fn other_clocks(&self) -> Vec<(Option<Timestamp>, WaitingFor)> {
        self.waits
            .classes()
            .filter_map(|(what, ..)| match what {
                WaitsFor::Hold(until) => Some((until, WaitingFor::Hold)),
                // It stands behind others, of whom at least one has a place now.
                WaitsFor::Group if self.parked.is_empty() => {
                    Some((self.intake.next_due(), WaitingFor::Window))
                }
                WaitsFor::Rollout { .. }
                | WaitsFor::Group
                | WaitsFor::Clock
                | WaitsFor::Connection => None,
            })
            .collect()
    }

    fn next_retry(&self, now: Now) -> Option<Timestamp> {
        let waiting = |id: &AssignmentId| {
            self.waits.get(*id).is_none()
                && self
                    .live
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
        let mut elsewhere = 0;
        let mut away = 0;
        for (what, count, why) in self.waits.classes() {
            match what {
                WaitsFor::Connection => away += count,
                WaitsFor::Clock => {}
                WaitsFor::Hold(_) | WaitsFor::Rollout { .. } | WaitsFor::Group => {
                    elsewhere += count;
                    reasons.extend(why.map(|why| Reason {
                        text: format!("{count} devices wait: {}", why.text),
                        ..why.clone()
                    }));
                }
            }
        }
        for (seat, count) in self.parked.blocked() {
            let text = format!(
                "{count} devices wait until members of the group `{}` are back in service",
                seat.value
            );
            let parameters = [("group", seat.value.as_str())];
            reasons.push(reason(code::GROUP_CAP, &text, &parameters));
        }
        let offline = self.deferred().saturating_sub(elsewhere) + away;
        if offline > 0 {
            let text = format!("{offline} devices are not connected");
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
