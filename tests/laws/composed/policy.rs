use std::{fmt, sync::Arc};

use windlass_core::DecideRequest;
use windlass_host::PolicyCandidate;
use windlass_model::{Admission, Assignment, Decision, Device, TierCount, Timestamp};

use crate::compiled::{try_open, wait};

/// A policy of a world: a component with its settings.
#[derive(Clone)]
pub(crate) struct Policy {
    settings: String,
    policy: windlass_host::Policy,
}

impl Policy {
    pub(crate) fn open(name: &str, settings: &str) -> Self {
        let parsed = serde_json::from_str(settings).expect("it was written as JSON");
        let policy = try_open(name, &parsed);
        Self {
            settings: settings.to_owned(),
            policy: policy.unwrap_or_else(|error| panic!("{settings}: {error}")),
        }
    }

    /// The sizes of the cohorts that it cuts so many devices into.
    pub(crate) fn cohorts(&self, devices: u64) -> Vec<u64> {
        // A tier without devices is none.
        let tiers: Vec<_> = (devices > 0)
            .then_some(TierCount { tier: 0, devices })
            .into_iter()
            .collect();
        let cohorts = wait(self.policy.cohorts(&tiers));
        let cohorts = cohorts.unwrap_or_else(|error| panic!("{self:?}: {error}"));
        cohorts.into_iter().map(|cohort| cohort.size).collect()
    }

    pub(crate) fn admit(&self, now: Timestamp, device: &Device, row: &Assignment) -> Admission {
        let candidate = PolicyCandidate {
            device: Arc::new(device.clone()),
            cohort: row.cohort,
            attempts: row.counted_attempts,
            last_failure: row.last_failure,
            first_seen: None,
        };
        let admissions = wait(self.policy.admit(now, &[candidate]));
        let mut admissions = admissions.unwrap_or_else(|error| panic!("{self:?}: {error}"));
        admissions.remove(0)
    }

    /// A component that fails would hold its rollout: none of these may.
    pub(crate) fn decide(&mut self, request: &DecideRequest) -> Result<Decision, String> {
        let decision = wait(self.policy.decide(&request.view, &request.memo));
        Ok(decision.unwrap_or_else(|error| panic!("{self:?}: {error}")))
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.settings)
    }
}
