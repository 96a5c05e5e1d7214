//! The plugin itself.

use windlass_sdk::{Cohort, Decision, Policy, Problem, TierCount, View};

use crate::decide::decide;
use crate::memo::Memo;
use crate::plan::Plan;
use crate::settings::Settings;

/// A bounded rate and abort criteria, by their settings.
pub struct Rate(Plan);

impl Policy for Rate {
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self, Vec<Problem>> {
        Plan::of(&settings).map(Self)
    }

    /// One of all devices; beside another policy it serves the cohorts of that.
    fn cohorts(&self, tiers: &[TierCount]) -> Result<Vec<Cohort>, String> {
        Ok(vec![Cohort {
            name: "all".to_owned(),
            size: tiers.iter().map(|tier| tier.devices).sum(),
        }])
    }

    fn decide(&self, view: &View, memo: &[u8]) -> Decision {
        decide(&self.0, view, memo)
    }

    /// Takes over what another build of this policy left, as long as it reads.
    fn migrate(&self, _: &str, memo: &[u8]) -> Result<Vec<u8>, String> {
        Memo::read(memo)
            .map(|memo| memo.write())
            .ok_or_else(|| "the memo is none of policy-rate's".to_owned())
    }
}
