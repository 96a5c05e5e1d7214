//! Other policies, and the cohorts that they cut, for a rollout under way.

use std::collections::BTreeSet;

use windlass_model::{
    AssignmentId, Change, CohortIndex, CohortView, EventKind, PluginName, Reason, RolloutSnapshot,
    RolloutState, Value,
};

use super::{Rollout, decide::Decider, decide::Trial, intake::Intake, live::Queue, parked::Place};
use crate::{Effect, Now, admission::code};

impl Rollout {
    /// Goes on by what the store has now. What is in flight stays so, and so do timers: only the
    /// cohorts of devices are others. What filters and policies said of devices counts no more.
    pub(super) fn replanned(&mut self, now: Now, snapshot: RolloutSnapshot) {
        // What was asked before is not answered any more.
        self.reconsidered(now, Vec::new(), now.monotonic);
        self.overtaken.clear();
        // The store dropped what it had of rounds: they were of cohorts that are no more.
        self.rechecks.give_up();
        for row in &snapshot.live {
            self.rehouse(row.id, row.cohort);
        }
        let plan = snapshot.rollout.plan;
        self.closed = closed(&snapshot.cohorts);
        self.cohorts = snapshot.cohorts.into_iter().map(super::recount).collect();
        self.intake = Intake::new(self.cohorts.len(), snapshot.next_deferred, snapshot.timed);
        self.shadows.follow(snapshot.shadows);
        self.shadows.withdraw();
        self.approvals = snapshot.approvals;
        self.advances = snapshot.advances;
        self.decider = Decider::new(
            plan.policies,
            snapshot.decisions,
            snapshot.memos,
            snapshot.probation.as_ref(),
        );
        self.trouble.clear();
        self.refresh(now);
        if self.decider.is_empty() {
            // Nobody will be asked whether it holds.
            self.review_hold(now);
        }
    }

    /// Moves a live device to another cohort, and to its place among those that start there.
    fn rehouse(&mut self, id: AssignmentId, cohort: CohortIndex) {
        let Some(live) = self.live.get_mut(&id) else {
            debug_assert!(false, "{id} is live");
            return;
        };
        let before = (live.row.cohort, live.order_key, id);
        let after = (cohort, live.order_key, id);
        live.row.cohort = cohort;
        let waits = matches!(live.queue, Queue::Start(_));
        if let Some(seat) = live.parked.clone().filter(|_| !waits) {
            // It is parked again if there is no room when its turn comes.
            live.parked = None;
            let (cohort, order_key, id) = before;
            self.parked
                .leave(&seat, Place::First(cohort, order_key, id));
            self.admitted.insert(after);
        } else if self.admitted.remove(&before) {
            self.admitted.insert(after);
        }
    }

    /// Looks how policies do that were swapped in just now.
    pub(super) fn review_probation(&mut self, now: Now) {
        match self.decider.trial() {
            Trial::None | Trial::GoesOn => {}
            Trial::Passed(policies) => {
                self.change(Change::ProbationPassed);
                self.emit(now, EventKind::PoliciesConfirmed { policies });
            }
            Trial::Failed { policy, message } => self.give_up(policy, message),
        }
    }

    /// A plugin could not judge devices: it may be a policy that was swapped in just now.
    pub(super) fn suspect(&mut self, failure: &Reason) {
        let named = match failure.parameters.get(code::PLUGIN) {
            Some(Value::Text(name)) => self.decider.watched(name),
            Some(_) | None => None,
        };
        if let Some(policy) = named {
            self.give_up(policy, failure.text.clone());
        }
    }

    /// Wants the policies before back, unless nothing is decided any more: an abort holds,
    /// whoever failed beside it, and after a stop the next run finds out.
    fn give_up(&mut self, policy: PluginName, message: String) {
        let decides = match self.state {
            RolloutState::Running | RolloutState::Holding | RolloutState::Paused => true,
            RolloutState::Draft
            | RolloutState::Aborting
            | RolloutState::Aborted
            | RolloutState::Completed => false,
        };
        if decides && self.stop.is_none() {
            self.effects
                .push(Effect::TakePoliciesBack { policy, message });
        }
    }

    /// The run is over: its end is the last that happens in it.
    pub(super) fn keep_policies(&mut self) {
        self.effects
            .retain(|effect| !matches!(effect, Effect::TakePoliciesBack { .. }));
    }
}

/// The cohorts whose end needs no announcement any more.
pub(super) fn closed(cohorts: &[CohortView]) -> BTreeSet<CohortIndex> {
    (0..)
        .map(CohortIndex)
        .zip(cohorts)
        .filter(|(_, cohort)| cohort.states.ended() == cohort.size)
        .map(|(index, _)| index)
        .collect()
}
