//! A policy as plain Rust: a canary, a soak, then all; it aborts on a share of first failures.

use std::{convert::Infallible, time::Duration};

use windlass_core::DecideRequest;
use windlass_model::{
    Ceiling, Cohort, CohortIndex, CohortView, Decision, FailureClass, Measure, Reason, TierCount,
    Trigger, Verdict, View,
};
use windlass_simulate::Plugins;

/// A canary of so many devices soaks; from `count` first failures of devices on the rollout is
/// aborted.
#[derive(Debug)]
pub(crate) struct Canary {
    pub(crate) size: u64,
    pub(crate) soak: Duration,
    pub(crate) count: u64,
}

/// One cohort of all, and nobody who decides.
pub(crate) struct Nobody;

const VALID: Duration = Duration::from_secs(60);

impl Canary {
    pub(crate) fn decide(&self, view: &View) -> Decision {
        let failed: u64 = view.cohorts.iter().map(first_failed).sum();
        let canary = &view.cohorts[0];
        let done = canary.ended == canary.size;
        let soaked = canary
            .last_ended
            .filter(|_| done)
            .map(|at| at.plus(self.soak));
        let (verdict, rest, code) = if failed >= self.count {
            (Verdict::Abort, 0, "too-many")
        } else if soaked.is_some_and(|at| at <= view.now) {
            (Verdict::Continue, u64::MAX, "open")
        } else if done {
            (Verdict::Hold, 0, "soaking")
        } else {
            (Verdict::Continue, 0, "canary")
        };
        let ceiling = |started| Ceiling {
            started,
            in_progress: u64::MAX,
        };
        let watched = view.cohorts.iter().zip(0..).map(|(cohort, index)| Trigger {
            cohort: CohortIndex(index),
            measure: Measure::FirstFailed,
            reaches: first_failed(cohort) + self.count.saturating_sub(failed),
        });
        Decision {
            ceilings: vec![ceiling(canary.size), ceiling(rest)],
            valid_until: view.now.plus(VALID),
            verdict,
            reasons: vec![Reason {
                code: code.to_owned(),
                cohort: None,
                parameters: Default::default(),
                text: format!("{failed} devices failed"),
            }],
            memo: Vec::new(),
            ask_at: soaked.filter(|at| *at > view.now),
            triggers: watched.collect(),
            rechecks: Vec::new(),
        }
    }
}

fn first_failed(cohort: &CohortView) -> u64 {
    let of_devices = cohort
        .first_failures
        .iter()
        .filter(|(kind, _)| kind.class() == FailureClass::Device);
    of_devices.map(|(_, count)| count).sum()
}

impl Plugins for Canary {
    type Error = Infallible;

    async fn cohorts(&self, tiers: &[TierCount]) -> Result<Option<Vec<Cohort>>, Self::Error> {
        let all: u64 = tiers.iter().map(|tier| tier.devices).sum();
        let canary = self.size.min(all);
        Ok(Some(vec![
            Cohort {
                name: "canary".to_owned(),
                size: canary,
            },
            Cohort {
                name: "rest".to_owned(),
                size: all - canary,
            },
        ]))
    }

    async fn decide(&self, requests: Vec<DecideRequest>) -> Vec<Result<Decision, String>> {
        let answers = requests
            .iter()
            .map(|request| Ok(Self::decide(self, &request.view)));
        answers.collect()
    }
}

impl Plugins for Nobody {
    type Error = Infallible;

    async fn decide(&self, _: Vec<DecideRequest>) -> Vec<Result<Decision, String>> {
        Vec::new()
    }
}
