use windlass_sdk::Problem;
use windlass_sdk::settings::Period;

use super::check::Check;
use super::{Deadline, Gate};
use crate::kinds::Kinds;
use crate::recheck::Recheck;
use crate::settings::{CohortSettings, OnDeadline};
use crate::share::Share;

impl Check {
    pub(super) fn gate(&mut self, at: &str, cohort: &CohortSettings) -> Gate {
        if cohort.success_rate.is_none() {
            let needless = [
                ("min_sample", "is the sample", cohort.min_sample.is_some()),
                ("kinds", "are those", cohort.kinds.is_some()),
                ("on_failure", "is the end", cohort.on_failure.is_some()),
            ];
            for (key, what, _) in needless.into_iter().filter(|(.., set)| *set) {
                self.report(
                    format!("{at}/{key}"),
                    format!("{key} {what} of success_rate, which is not set"),
                );
            }
        }
        if cohort.min_sample == Some(0) {
            self.report(
                format!("{at}/min_sample"),
                "min_sample must be at least 1: a rate of no devices says nothing",
            );
        }
        Gate {
            success_rate: cohort
                .success_rate
                .and_then(|rate| self.share(format!("{at}/success_rate"), rate)),
            min_sample: cohort.min_sample.unwrap_or(1).max(1),
            quorum: self.quorum(format!("{at}/quorum"), cohort.quorum),
            kinds: self.kinds(at, cohort.kinds.as_deref(), Kinds::DEVICE_AND_NETWORK),
            on_failure: cohort.on_failure.unwrap_or_default(),
        }
    }

    fn quorum(&mut self, at: String, quorum: Option<f64>) -> Option<Share> {
        let share = self.share(at.clone(), quorum?)?;
        if share == Share::NOTHING {
            self.report(
                at,
                "quorum must be above 0: the next cohort would open before a device was updated",
            );
        }
        Some(share)
    }

    pub(super) fn soak(&mut self, at: &str, cohort: &CohortSettings, last: bool) -> u64 {
        if last && cohort.soak.is_some() {
            self.report(
                format!("{at}/soak"),
                "no cohort comes after the last one, so there is nothing to wait for",
            );
        }
        cohort.soak.map_or(0, Period::millis)
    }

    pub(super) fn recheck(
        &mut self,
        at: &str,
        cohort: &CohortSettings,
        last: bool,
    ) -> Option<Recheck> {
        let soaks = cohort.soak.is_some_and(|soak| soak.millis() > 0);
        let wanted = cohort.recheck.unwrap_or(soaks && !last);
        if last && cohort.recheck == Some(true) {
            self.report(
                format!("{at}/recheck"),
                "no cohort comes after the last one, so nothing depends on what its devices run",
            );
        }
        let share = cohort.max_unconfirmed;
        if share.is_some() && !wanted {
            let problem = Problem::setting(
                format!("{at}/max_unconfirmed"),
                "max_unconfirmed is about devices that are verified again, and none is",
            );
            self.problems.push(problem.hint("recheck = true"));
        }
        let unconfirmed = match share {
            Some(share) => self.share(format!("{at}/max_unconfirmed"), share)?,
            None => Share::WHOLE,
        };
        wanted.then_some(Recheck { unconfirmed })
    }

    pub(super) fn deadline(&mut self, at: &str, cohort: &CohortSettings) -> Option<Deadline> {
        if cohort.on_deadline.is_some() && cohort.deadline.is_none() {
            self.report(format!("{at}/on_deadline"), "on_deadline needs a deadline");
        }
        let after = cohort.deadline?.millis();
        if after == 0 {
            self.report(
                format!("{at}/deadline"),
                "a deadline must be longer than nothing",
            );
        }
        Some(Deadline {
            after,
            then: cohort.on_deadline.unwrap_or(OnDeadline::Hold),
        })
    }
}
