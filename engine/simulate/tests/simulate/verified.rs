//! A canary that is verified again before the rest of the fleet is updated.

use std::convert::Infallible;

use windlass_core::DecideRequest;
use windlass_model::{
    Cohort, CohortIndex, Decision, RecheckWish, TierCount, Timestamp, Verdict, View,
};
use windlass_simulate::Plugins;

use crate::canary::Canary;

/// A [`Canary`] whose devices are verified again when its soak is over, before the rest opens.
#[derive(Debug)]
pub(crate) struct Verified(pub(crate) Canary);

impl Verified {
    /// The memo is the instant since which they are to be.
    fn decide(&self, view: &View, memo: &[u8]) -> Decision {
        let decision = self.0.decide(view);
        let noted = memo.try_into().ok().map(u64::from_le_bytes).map(Timestamp);
        let soaked = decision.reasons[0].code == "open";
        let since = noted.or(soaked.then_some(view.now));
        let Some(since) = since.filter(|_| decision.verdict != Verdict::Abort) else {
            return Decision {
                memo: memo.to_vec(),
                ..decision
            };
        };
        let round = view.cohorts[0].recheck;
        let is_over = round.is_some_and(|round| round.began >= since && round.ended.is_some());
        let (verdict, rest, code) = match is_over {
            true => (Verdict::Continue, u64::MAX, "open"),
            false => (Verdict::Hold, 0, "verifying"),
        };
        let mut ceilings = decision.ceilings;
        ceilings[1].started = rest;
        let mut reasons = decision.reasons;
        reasons[0].code = code.to_owned();
        Decision {
            ceilings,
            verdict,
            reasons,
            memo: since.0.to_le_bytes().to_vec(),
            ask_at: None,
            rechecks: vec![RecheckWish {
                cohort: CohortIndex(0),
                since,
            }],
            ..decision
        }
    }
}

impl Plugins for Verified {
    type Error = Infallible;

    async fn cohorts(&self, tiers: &[TierCount]) -> Result<Option<Vec<Cohort>>, Self::Error> {
        self.0.cohorts(tiers).await
    }

    async fn decide(&self, requests: Vec<DecideRequest>) -> Vec<Result<Decision, String>> {
        let answers = requests
            .iter()
            .map(|request| Ok(Self::decide(self, &request.view, &request.memo)));
        answers.collect()
    }
}
