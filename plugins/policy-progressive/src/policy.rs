//! The plugin itself.

use windlass_sdk::{
    Admission, Candidate, Cohort, Decision, Device, Placement, Policy, Problem, Projection,
    TierCount, Timestamp, View,
};

use crate::cut::cut;
use crate::decide::decide;
use crate::memo::Memo;
use crate::plan::Plan;
use crate::settings::Settings;

/// A progressive rollout by its settings.
pub struct Progressive(Plan);

impl Policy for Progressive {
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self, Vec<Problem>> {
        Plan::of(&settings).map(Self)
    }

    fn reads(&self) -> Projection {
        self.0.strata.reads()
    }

    fn signals(&self) -> Vec<String> {
        self.0.signals.clone()
    }

    fn admits(&self) -> bool {
        self.0.quarantine.is_some()
    }

    fn admit(&self, now: Timestamp, candidate: &Candidate) -> Admission {
        self.0
            .quarantine
            .map_or_else(Admission::at_once, |quarantine| {
                quarantine.admission(now, candidate)
            })
    }

    fn place(&self, now: Timestamp, device: &Device) -> Placement {
        self.0.strata.place(now, device)
    }

    fn cohorts(&self, tiers: &[TierCount]) -> Result<Vec<Cohort>, String> {
        Ok(cut(&self.0, tiers.iter().map(|tier| tier.devices).sum()))
    }

    fn decide(&self, view: &View, memo: &[u8]) -> Decision {
        decide(&self.0, view, memo)
    }

    /// Takes over what another build of this policy left, as long as it reads.
    fn migrate(&self, _: &str, memo: &[u8]) -> Result<Vec<u8>, String> {
        let memo = Memo::read(memo).ok_or("the memo is none of policy-progressive's")?;
        if memo.opened.len() > self.0.stages.len() {
            return Err(format!(
                "{} cohorts were opened, and the settings have {}",
                memo.opened.len(),
                self.0.stages.len()
            ));
        }
        Ok(memo.write())
    }
}
