use std::{error::Error, future::Future};

use windlass_core::DecideRequest;
use windlass_model::{
    Admission, Assignment, Cohort, Decision, Device, Placement, TierCount, Timestamp,
};

/// The filter and the policies of a simulated rollout: whoever simulates has them opened.
/// Deliveries are not asked: what they would do is the model's matter. What is not said
/// otherwise, nobody answers for.
pub trait Plugins: Sync {
    /// Why one could not answer.
    type Error: Error + Send + Sync + 'static;

    /// Whether each of `devices` is selected; none answers for all if there is no filter.
    ///
    /// # Errors
    /// If the filter fails.
    fn matches(
        &self,
        _now: Timestamp,
        _devices: &[Device],
    ) -> impl Future<Output = Result<Option<Vec<bool>>, Self::Error>> + Send {
        async { Ok(None) }
    }

    /// How the first policy ranks each of `devices`; none if there is no policy.
    ///
    /// # Errors
    /// If it fails.
    fn place(
        &self,
        _now: Timestamp,
        _devices: &[Device],
    ) -> impl Future<Output = Result<Option<Vec<Placement>>, Self::Error>> + Send {
        async { Ok(None) }
    }

    /// How the first policy cuts `tiers`; none if there is no policy.
    ///
    /// # Errors
    /// If it fails.
    fn cohorts(
        &self,
        _tiers: &[TierCount],
    ) -> impl Future<Output = Result<Option<Vec<Cohort>>, Self::Error>> + Send {
        async { Ok(None) }
    }

    /// What the policies say of each device, [combined](windlass_core::admission::combine);
    /// none if they all let each start at once.
    ///
    /// # Errors
    /// If one fails.
    fn admit(
        &self,
        _now: Timestamp,
        _rows: &[Assignment],
        _devices: &[Device],
    ) -> impl Future<Output = Result<Option<Vec<Admission>>, Self::Error>> + Send {
        async { Ok(None) }
    }

    /// The policies' answers, one for each request.
    fn decide(
        &self,
        requests: Vec<DecideRequest>,
    ) -> impl Future<Output = Vec<Result<Decision, String>>> + Send;
}
