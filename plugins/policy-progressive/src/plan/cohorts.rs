use std::collections::BTreeSet;

use super::bound::Before;
use super::check::Check;
use super::{Abort, Analysis, Stage};
use crate::settings::CohortSettings;

/// More cohorts than this would need more triggers than a decision may have,
/// at two a cohort and three for the gate.
const MAX_COHORTS: usize = 30;

impl Check {
    pub(super) fn cohorts(
        &mut self,
        cohorts: &[CohortSettings],
        common: Option<Abort>,
        analyses: &[Analysis],
    ) -> Vec<Stage> {
        if cohorts.len() > MAX_COHORTS {
            let message = format!(
                "{} cohorts, and at most {MAX_COHORTS} are allowed",
                cohorts.len()
            );
            self.report("/cohorts", message);
            return Vec::new();
        }
        let mut names = BTreeSet::new();
        let mut before = Before::default();
        let stages = cohorts.iter().enumerate().map(|(index, cohort)| {
            let at = format!("/cohorts/{index}");
            self.name(&format!("{at}/name"), &cohort.name);
            if !names.insert(cohort.name.as_str()) {
                self.report(
                    format!("{at}/name"),
                    format!("the name `{}` is taken by an earlier cohort", cohort.name),
                );
            }
            let last = index + 1 == cohorts.len();
            Stage {
                name: cohort.name.clone(),
                bound: self.bound(&at, cohort, &mut before, last),
                gate: self.gate(&at, cohort),
                soak: self.soak(&at, cohort, last),
                recheck: self.recheck(&at, cohort, last),
                approval: self.approval(&at, cohort, last),
                deadline: self.deadline(&at, cohort),
                abort: cohort
                    .abort
                    .as_ref()
                    .map(|abort| self.abort(&at, abort))
                    .or(common),
                analyses: match &cohort.analysis {
                    Some(own) => self.analyses(&at, own),
                    None => analyses.to_vec(),
                },
            }
        });
        stages.collect()
    }
}
