use std::collections::BTreeSet;

use windlass_sdk::Problem;

use crate::kinds::Kinds;
use crate::quarantine::Quarantine;
use crate::settings::{KindSetting, QuarantineSettings};
use crate::share::Share;

/// The longest name of a cohort or an approval, in bytes: the contract's for cohorts.
const MAX_NAME: usize = 64;

/// Collects problems.
#[derive(Default)]
pub(super) struct Check {
    pub(super) problems: Vec<Problem>,
    /// The names of approvals so far.
    pub(super) approvals: BTreeSet<String>,
}

impl Check {
    pub(super) fn quarantine(&mut self, quarantine: &QuarantineSettings) -> Quarantine {
        if quarantine.failures == 0 {
            self.report(
                "/quarantine/failures",
                "failures must be at least 1: a device that never failed did nothing wrong",
            );
        }
        let penalty = quarantine.penalty.millis();
        if penalty == 0 {
            self.report(
                "/quarantine/penalty",
                "a penalty must be longer than nothing",
            );
        }
        Quarantine {
            failures: quarantine.failures,
            penalty,
            kinds: self.kinds("/quarantine", quarantine.kinds.as_deref(), Kinds::DEVICE),
        }
    }

    pub(super) fn kinds(
        &mut self,
        at: &str,
        names: Option<&[KindSetting]>,
        default: Kinds,
    ) -> Kinds {
        if names.is_some_and(<[_]>::is_empty) {
            let problem = Problem::setting(
                format!("{at}/kinds"),
                "no kind is named, so no failure would count",
            );
            self.problems
                .push(problem.hint("such as kinds = [\"device\", \"timed-out\"]"));
        }
        names.map_or(default, Kinds::named)
    }

    pub(super) fn name(&mut self, at: &str, name: &str) {
        if name.is_empty() || name.len() > MAX_NAME {
            self.report(
                at,
                format!(
                    "a name has 1 to {MAX_NAME} bytes, and this one has {}",
                    name.len()
                ),
            );
        }
    }

    pub(super) fn share(&mut self, at: String, fraction: f64) -> Option<Share> {
        let share = Share::of_fraction(fraction);
        if share.is_none() {
            let problem = Problem::setting(
                at,
                format!("a share is between 0 and 1, and {fraction} is not"),
            );
            self.problems.push(match Share::of_percent(fraction) {
                Some(percent) => {
                    problem.hint(format!("{fraction} percent is {}", percent.fraction()))
                }
                None => problem,
            });
        }
        share
    }

    pub(super) fn report(&mut self, at: impl Into<String>, message: impl Into<String>) {
        self.problems.push(Problem::setting(at, message));
    }
}
