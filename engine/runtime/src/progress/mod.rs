//! How far a rollout is: bytes, rate and the time left.
//!
//! [`Tracker`] is written to by running transfers and read by a sampler; nothing is sent
//! per chunk. [`Estimator`] turns samples into a rate and an estimate that holds to the
//! last device, because bytes in flight count as work done.

mod estimator;
mod tracker;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use windlass_model::{CohortView, RolloutState};

pub use estimator::Estimator;
pub use tracker::{Tracker, Transfer};

/// A rollout at an instant, for people and dashboards. Sampled, not logged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Where the rollout stands.
    pub state: RolloutState,
    /// Why it holds or waits, if it does: sentences for people.
    pub waiting_for: Vec<String>,
    /// Its cohorts.
    pub cohorts: Vec<CohortView>,
    /// Transfers under way.
    pub in_flight: usize,
    /// Payload bytes that left for devices in this run, repeated ones included.
    pub bytes_sent: u64,
    /// Bytes per second over the last few seconds.
    pub bytes_per_second: f64,
    /// Time until every device that can be reached is done, at the rate seen so far; absent
    /// until there is a rate. Holds and soaks to come are not in it.
    pub eta: Option<Duration>,
    /// Since this run began.
    pub elapsed: Duration,
}
