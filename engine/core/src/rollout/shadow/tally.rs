//! Counting what happened before a shadow came, a page of targets at a time. What is covered moves
//! with the rollout from then on; what is not is seen as it is when it is read.

use windlass_model::{AssignmentId, CohortIndex, CohortView, Covered, ShadowKey, TalliedTarget};

use super::{Shadow, Shadows};
use crate::{rollout::ledger::failed_by, table};

impl Shadows {
    /// The first that is still to be counted, and from which assignment on.
    pub(in crate::rollout) fn to_tally(&self) -> Option<(ShadowKey, AssignmentId)> {
        self.all.iter().find_map(|shadow| match shadow.covered {
            Covered::All => None,
            Covered::Before(bound) => Some((shadow.key, bound)),
        })
    }

    pub(in crate::rollout) fn tallied(
        &mut self,
        key: ShadowKey,
        targets: &[TalliedTarget],
        exhausted: bool,
    ) {
        // One that was taken out meanwhile counts nothing.
        if let Some(shadow) = self.all.iter_mut().find(|one| one.key == key) {
            shadow.tallied(targets, exhausted);
        }
    }
}

impl Shadow {
    fn tallied(&mut self, targets: &[TalliedTarget], exhausted: bool) {
        for target in targets {
            if self.covered.covers(target.id) {
                debug_assert!(false, "{} is counted already", target.id);
                continue;
            }
            let index = self.members.cohort(target.id);
            if let Some(cohort) = self.cohorts.get_mut(index.0 as usize) {
                tally(cohort, target);
            }
        }
        if let Some(last) = targets.last() {
            self.covered = Covered::Before(AssignmentId(last.id.0 + 1));
        }
        if exhausted {
            self.covered = Covered::All;
            let cohorts = (0..).map(CohortIndex).take(self.cohorts.len());
            self.touched = cohorts.collect();
        }
    }
}

fn tally(cohort: &mut CohortView, target: &TalliedTarget) {
    let tallied = target.tallied;
    cohort.size += 1;
    *cohort.states.get_mut(tallied.state) += 1;
    cohort.started += u64::from(tallied.started);
    cohort.in_progress += u64::from(table::meaning(tallied.state).counts_in_progress);
    cohort.ended += u64::from(tallied.state.is_ended());
    if let Some(kind) = tallied.first_failure {
        *cohort.first_failures.entry(kind).or_default() += 1;
    }
    if let Some(kind) = failed_by(tallied.state, tallied.last_failure) {
        *cohort.failures.entry(kind).or_default() += 1;
    }
    let earliest = [cohort.first_started, target.first_started];
    cohort.first_started = earliest.into_iter().flatten().min();
    cohort.last_ended = cohort.last_ended.max(target.ended);
}
