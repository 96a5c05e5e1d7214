//! Counting what happened before a shadow came, a page of targets at a time. What is covered moves
//! with the rollout from then on; what is not is seen as it is when it is read.

use windlass_model::{AssignmentId, CohortIndex, CohortView, Covered, ShadowKey, TalliedTarget};

use super::{Shadow, Shadows};

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
    cohort.size += 1;
    cohort.ended += u64::from(target.tallied.state.is_ended());
    cohort.count(target.tallied);
    let earliest = [cohort.first_started, target.first_started];
    cohort.first_started = earliest.into_iter().flatten().min();
    cohort.last_ended = cohort.last_ended.max(target.ended);
}
