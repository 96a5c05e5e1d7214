use windlass_core::DecideRequest;
use windlass_host::PluginError;
use windlass_model::{
    Admission, Assignment, Cohort, Decision, Device, Placement, TierCount, Timestamp,
};
use windlass_runtime::planning::outlook;
use windlass_simulate::Plugins;

use crate::setup::Dry;

impl Plugins for Dry {
    type Error = PluginError;

    async fn matches(
        &self,
        now: Timestamp,
        devices: &[Device],
    ) -> Result<Option<Vec<bool>>, PluginError> {
        match &self.filter {
            Some(part) => part.filter.matches(now, devices).await.map(Some),
            None => Ok(None),
        }
    }

    async fn place(
        &self,
        now: Timestamp,
        devices: &[Device],
    ) -> Result<Option<Vec<Placement>>, PluginError> {
        match self.policies.first() {
            Some(part) => part.policy.place(now, devices).await.map(Some),
            None => Ok(None),
        }
    }

    async fn cohorts(&self, tiers: &[TierCount]) -> Result<Option<Vec<Cohort>>, PluginError> {
        match self.policies.first() {
            Some(part) => part.policy.cohorts(tiers).await.map(Some),
            None => Ok(None),
        }
    }

    async fn admit(
        &self,
        now: Timestamp,
        rows: &[Assignment],
        devices: &[Device],
    ) -> Result<Option<Vec<Admission>>, PluginError> {
        if !self.policies.iter().any(|part| part.policy.admits()) {
            return Ok(None);
        }
        let admissions = outlook::admissions(&self.policies, rows.iter(), devices, now).await;
        admissions.map(Some)
    }

    async fn decide(&self, requests: Vec<DecideRequest>) -> Vec<Result<Decision, String>> {
        let mut answers = Vec::with_capacity(requests.len());
        for request in requests {
            let answer = match self.policies.get(request.policy) {
                Some(part) => part.policy.decide(&request.view, &request.memo).await,
                None => continue,
            };
            answers.push(answer.map_err(|error| error.summary()));
        }
        answers
    }
}
