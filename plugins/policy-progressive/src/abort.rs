//! Whether too many devices failed at their first attempt, or fell back after it.

use serde::{Deserialize, Serialize};
use windlass_sdk::{CohortView, Measure};

use crate::kinds::Kinds;
use crate::memo::Cause;
use crate::plan::Abort;
use crate::settings::Denominator;

/// The devices that a threshold counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Harmed {
    /// All of them.
    failed: u64,
    /// Those that ran the release and fell back. The others failed at their first attempt.
    #[serde(default, skip_serializing_if = "is_none")]
    fell_back: u64,
}

impl Harmed {
    fn of(cohort: &CohortView, kinds: Kinds) -> Self {
        Self {
            failed: kinds.count(&cohort.first_failures),
            fell_back: kinds
                .and_only(Kinds::REGRESSED)
                .count(&cohort.first_failures),
        }
    }

    pub(crate) fn failed(self) -> u64 {
        self.failed
    }

    pub(crate) fn fell_back(self) -> u64 {
        self.fell_back
    }
}

/// Left out, as earlier versions did that did not know it.
fn is_none(count: &u64) -> bool {
    *count == 0
}

impl Abort {
    /// Why the rollout must end on this cohort's account, if it must. Holds at
    /// the threshold and above it.
    pub(crate) fn cause(&self, cohort: &CohortView) -> Option<Cause> {
        let harmed = Harmed::of(cohort, self.kinds);
        let failed = harmed.failed;
        if let Some(allowed) = self.count.filter(|allowed| failed >= *allowed) {
            return Some(Cause::Count { harmed, allowed });
        }
        let of = self.denominator(cohort, failed);
        let rate = self.rate?;
        // 0 of 0 says nothing, and a sample is never 0.
        let reached = of >= self.sample(cohort) && failed > 0 && failed >= rate.of(of);
        reached.then_some(Cause::Rate { harmed, of, rate })
    }

    /// The counts at which the threshold could be reached next.
    ///
    /// The measure counts all kinds of failure, this policy only some: so many
    /// more failures as are missing cannot be reached before the measure shows
    /// them, and what the rate is a share of only grows.
    pub(crate) fn triggers(&self, cohort: &CohortView) -> Vec<(Measure, u64)> {
        let failed = self.kinds.count(&cohort.first_failures);
        let all: u64 = cohort
            .first_failures
            .iter()
            .map(|failure| failure.count)
            .sum();
        let of = self.denominator(cohort, failed);
        let by_rate = self
            .rate
            .map(|rate| rate.of(of.max(self.sample(cohort))).max(1));
        let nearest = [by_rate, self.count].into_iter().flatten().min();
        let failures = nearest.map(|wanted| {
            (
                Measure::FirstFailed,
                all + wanted.saturating_sub(failed).max(1),
            )
        });
        let sample = match self.of {
            Denominator::Started => Some(Measure::Started),
            Denominator::Ended => Some(Measure::Ended),
            Denominator::Cohort => None,
        };
        let short = self.rate.is_some() && failed > 0 && of < self.sample(cohort);
        let sample = sample
            .filter(|_| short)
            .map(|measure| (measure, self.sample(cohort)));
        failures.into_iter().chain(sample).collect()
    }

    fn denominator(&self, cohort: &CohortView, failed: u64) -> u64 {
        match self.of {
            Denominator::Started => cohort.started.max(failed),
            // A device that waits for its second attempt has not ended, but
            // its failure is one of those that are compared.
            Denominator::Ended => cohort.ended.max(failed),
            Denominator::Cohort => cohort.size.max(failed),
        }
    }

    fn sample(&self, cohort: &CohortView) -> u64 {
        self.min_sample.min(cohort.size).max(1)
    }
}
