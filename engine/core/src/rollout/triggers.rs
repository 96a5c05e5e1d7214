use std::collections::BTreeSet;

use windlass_model::{CohortIndex, CohortView, Measure, StateKind, Trigger, View};

const MEASURES: [Measure; 5] = [
    Measure::Started,
    Measure::Ended,
    Measure::Succeeded,
    Measure::Failed,
    Measure::FirstFailed,
];

/// The counts at which policies want to be asked at once. Each fires once.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    waiting: BTreeSet<(CohortIndex, u8, u64)>,
    fired: bool,
}

impl Triggers {
    /// Replaces all. Those that `view`, which the policies saw, had reached already are
    /// ignored; those that `cohorts` reached since then fire.
    pub(super) fn replace<'a>(
        &mut self,
        wanted: impl IntoIterator<Item = &'a Trigger>,
        view: &View,
        cohorts: &[CohortView],
    ) {
        let unreached = |trigger: &&Trigger| {
            view.cohorts
                .get(trigger.cohort.0 as usize)
                .is_some_and(|cohort| measured(cohort, trigger.measure) < trigger.reaches)
        };
        self.waiting = wanted
            .into_iter()
            .filter(unreached)
            .map(|trigger| (trigger.cohort, trigger.measure as u8, trigger.reaches))
            .collect();
        for (index, cohort) in (0..).map(CohortIndex).zip(cohorts) {
            self.counted(index, cohort);
        }
    }

    /// Looks whether a cohort's new counts fire any.
    pub(super) fn counted(&mut self, index: CohortIndex, cohort: &CohortView) {
        if self.waiting.is_empty() {
            return;
        }
        for measure in MEASURES {
            let key = measure as u8;
            let reached = (index, key, 0)..=(index, key, measured(cohort, measure));
            while let Some(trigger) = self.waiting.range(reached.clone()).next().copied() {
                self.waiting.remove(&trigger);
                self.fired = true;
            }
        }
    }

    pub(super) fn fired(&self) -> bool {
        self.fired
    }

    pub(super) fn reset_fired(&mut self) {
        self.fired = false;
    }
}

fn measured(cohort: &CohortView, measure: Measure) -> u64 {
    match measure {
        Measure::Started => cohort.started,
        Measure::Ended => cohort.ended,
        Measure::Succeeded => cohort.states.get(StateKind::Succeeded),
        Measure::Failed => cohort.failures.values().sum(),
        Measure::FirstFailed => cohort.first_failures.values().sum(),
    }
}
