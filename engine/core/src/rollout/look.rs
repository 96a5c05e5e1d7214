//! Looking again at devices that are due for another try, or that wait for room in their
//! group: retries are starts (design §7.12), and what was found about a device grows old.

use std::time::Duration;

use windlass_model::{
    AssignmentId, AssignmentState, EventKind, Reason, RolloutKey, RolloutState, SkipReason,
    StateKind, Verdict,
};

use super::{Rollout, doubt::may_hold_release, live::Queue, parked::Place};
use crate::{Candidate, Effect, Gate, Now, Resources, admission::GATE_HOLDS, admission::code};

/// Filters and policies are shown whole pages; larger ones would delay the first start.
pub(super) const MAX_PAGE: usize = 512;
/// How soon the next parked devices are looked at, if one page did not hold all.
const NEXT_PARKED: Duration = Duration::from_secs(1);

impl Rollout {
    /// Whether devices may be looked at: whenever they may start, and to find out whether
    /// plugins that could not judge them can again.
    pub(super) fn may_look(&self, now: Now) -> bool {
        let tries = self.state == RolloutState::Holding
            && self.trouble.holds().is_some()
            && self.decider.severest() == Verdict::Continue
            && self.stop.is_none()
            && self.breakers.width() > 0
            && self.decider.permits(now.wall);
        (tries || self.may_start(now)) && self.trouble.again().is_none()
    }

    pub(super) fn ask_for_looks(&mut self, now: Now, resources: &Resources) {
        self.trouble.elapse(now.monotonic);
        self.ask_for_pages(now, resources);
        self.ask_to_reconsider(now, resources);
        // Nobody is left to be shown: the next start tells whether all is well.
        let idle = !self.intake.is_reading() && self.judging.is_empty();
        if idle && self.trouble.holds().is_some() && self.may_look(now) && self.trouble.clear() {
            self.review_hold(now);
        }
    }

    fn ask_to_reconsider(&mut self, now: Now, resources: &Resources) {
        if !self.may_look(now) || !self.judging.is_empty() {
            return;
        }
        let mut ids = Vec::new();
        while ids.len() < MAX_PAGE && self.retries.len() + ids.len() < self.intake.ahead() {
            let Some((_, id)) = self.looks.pop_first() else {
                break;
            };
            ids.push(id);
        }
        if self.parked_look.is_some_and(|at| at <= now.monotonic) {
            self.take_parked(now, &mut ids);
        }
        let rows: Vec<_> = ids
            .iter()
            .filter_map(|id| {
                let live = self.live.get_mut(id)?;
                live.judging = true;
                live.look.fences = resources.fences.lowered();
                live.look.refreshes = self.refreshes;
                if let Queue::Look(_) = live.queue {
                    live.queue = Queue::No;
                }
                Some(live.row.clone())
            })
            .collect();
        if !rows.is_empty() {
            self.judging = ids;
            self.effects.push(Effect::Reconsider { rows });
        }
    }

    fn take_parked(&mut self, now: Now, ids: &mut Vec<AssignmentId>) {
        let stale: Vec<_> = self
            .parked
            .places()
            .filter_map(|place| match place {
                Place::First(_, _, id) => Some(id),
                // A retry is out of service itself: it waits for transfers only, which end.
                Place::Retry(..) => None,
            })
            .filter(|id| !self.is_fresh(now, *id))
            .collect();
        let room = MAX_PAGE - ids.len();
        let wait = if self.parked.is_empty() {
            None
        } else if stale.len() > room {
            Some(NEXT_PARKED)
        } else {
            Some(GATE_HOLDS)
        };
        self.parked_look = wait.map(|wait| now.monotonic + wait);
        ids.extend(stale.into_iter().take(room));
    }

    pub(super) fn reconsidered(&mut self, now: Now, candidates: Vec<Candidate>, as_of: Duration) {
        let asked = std::mem::take(&mut self.judging);
        let stuck = self.in_trouble(now, &candidates);
        for candidate in candidates {
            let id = candidate.assignment.id;
            let expected = self
                .live
                .get_mut(&id)
                .is_some_and(|live| std::mem::take(&mut live.judging));
            if expected && stuck {
                self.keep_for_later(now, id);
            } else if expected {
                self.rejudged(now, id, candidate, as_of);
            }
        }
        for id in asked {
            if self.live.get(&id).is_some_and(|live| live.judging) {
                self.keep_for_later(now, id);
            }
        }
    }

    /// Nobody judged it: it is shown again.
    fn keep_for_later(&mut self, now: Now, id: AssignmentId) {
        if let Some(live) = self.live.get_mut(&id) {
            live.judging = false;
            if live.row.state.kind() == StateKind::Waiting || live.asked_first {
                self.look_again(id, now.monotonic);
            }
        }
    }

    fn rejudged(&mut self, now: Now, id: AssignmentId, candidate: Candidate, as_of: Duration) {
        let Some(live) = self.live.get_mut(&id) else {
            return;
        };
        // After a stop they wait for the next run.
        if self.stop.is_some() {
            return;
        }
        let waits = matches!(live.row.state, AssignmentState::Waiting { .. });
        match candidate.gate {
            Gate::Start { .. } => {
                live.look.at = as_of;
                self.seat(now, id, candidate.groups);
                if waits {
                    self.waits.forget(id);
                    self.queue_retry(id, now.monotonic);
                } else {
                    self.admit_again(id);
                }
            }
            // An attempt of ours did it, though nobody told.
            Gate::Skip(SkipReason::AlreadyCurrent) if waits || may_hold_release(&live.row) => {
                self.end_well(now, id);
            }
            Gate::Skip(reason) => self.skip_live(now, id, reason),
            Gate::Defer {
                until,
                needs_connection,
                reason,
            } => self.put_off(now, id, until, needs_connection, reason),
            Gate::Supersede { by, version } => {
                self.supersede_live(now, id, by, version);
            }
        }
    }

    /// Puts an admitted device that is not parked back among those that may start.
    fn admit_again(&mut self, id: AssignmentId) {
        if let Some(live) = self.live.get(&id)
            && live.parked.is_none()
            && !live.asking
        {
            self.admitted.insert((live.row.cohort, live.order_key, id));
        }
    }

    pub(super) fn skip_live(&mut self, now: Now, id: AssignmentId, reason: SkipReason) {
        if let Some(live) = self.live.get(&id) {
            let device = live.row.device_id.clone();
            self.emit(now, EventKind::DeviceSkipped { device, reason });
            self.advance(now, id, |row| row.state = AssignmentState::Skipped(reason));
        }
    }

    fn supersede_live(&mut self, now: Now, id: AssignmentId, by: RolloutKey, version: String) {
        if let Some(live) = self.live.get(&id) {
            let device = live.row.device_id.clone();
            let superseded = EventKind::DeviceSuperseded {
                device,
                by,
                version,
            };
            self.emit(now, superseded);
            self.advance(now, id, |row| row.state = AssignmentState::Superseded);
        }
    }

    /// Whether no plugin could judge any of `candidates`, which then stay as they are.
    pub(super) fn in_trouble(&mut self, now: Now, candidates: &[Candidate]) -> bool {
        let Some(first) = candidates.first() else {
            return false;
        };
        let failed = |candidate: &Candidate| unjudged(&candidate.gate).is_some();
        match unjudged(&first.gate).cloned() {
            Some(reason) if candidates.iter().all(failed) => {
                self.suspect(&reason);
                self.trouble.note(now.monotonic, reason);
                self.review_hold(now);
                true
            }
            Some(_) | None => {
                if self.trouble.clear() {
                    self.review_hold(now);
                }
                false
            }
        }
    }
}

fn unjudged(gate: &Gate) -> Option<&Reason> {
    match gate {
        Gate::Defer {
            reason: Some(reason),
            ..
        } if reason.code == code::PLUGIN_FAILED => Some(reason),
        Gate::Defer { .. } | Gate::Start { .. } | Gate::Skip(_) | Gate::Supersede { .. } => None,
    }
}
