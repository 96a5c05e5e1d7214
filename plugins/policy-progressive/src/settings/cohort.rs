use windlass_sdk::prelude::*;
use windlass_sdk::settings::Period;

use super::{AbortSettings, AnalysisSettings, KindSetting};

/// A part of the targets.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct CohortSettings {
    /// Unique among the cohorts, 1 to 64 bytes.
    pub name: String,
    /// Where the cohort ends, in percent of all targets counted from the first
    /// cohort on; rounded up to whole devices.
    pub percent: Option<f64>,
    /// Where the cohort ends, in devices counted from the first cohort on.
    pub count: Option<u64>,
    /// The least share of judged devices that must have succeeded, 0 to 1.
    pub success_rate: Option<f64>,
    /// How many devices must have been judged before the success rate counts;
    /// at most the cohort's size is asked for.
    pub min_sample: Option<u64>,
    /// The kinds of failure that are judged by the success rate; those of devices
    /// and of the network if not set.
    pub kinds: Option<Vec<KindSetting>>,
    /// What happens when the success rate can no longer be reached.
    pub on_failure: Option<OnFailure>,
    /// The share of the cohort that must have ended, above 0 and at most 1. Without
    /// it every device that is not deferred must have ended, and at least one.
    pub quorum: Option<f64>,
    /// How long to wait after the gate is met before the next cohort.
    pub soak: Option<Period>,
    /// Whether the devices that succeeded are asked once more what they run, after the
    /// soak and before the next cohort; true where there is a soak, if not set.
    pub recheck: Option<bool>,
    /// The share of them, 0 to 1, that need not say so: they are away, busy, or cannot
    /// tell. If more do not, they are asked again later. All of them if not set.
    pub max_unconfirmed: Option<f64>,
    /// The approval that is asked for after gate and soak: its name, or true for
    /// the cohort's.
    pub approval: Option<ApprovalSetting>,
    /// How long the gate may take from the cohort's opening.
    pub deadline: Option<Period>,
    /// What happens when the deadline passes and the gate is not met.
    pub on_deadline: Option<OnDeadline>,
    /// When to abort on this cohort's account, instead of the common threshold.
    pub abort: Option<AbortSettings>,
    /// What signals must say during this cohort, instead of the common list.
    pub analysis: Option<Vec<AnalysisSettings>>,
}

/// Whether a person must consent, and to what.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(
    crate = "windlass_sdk::serde",
    untagged,
    expecting = "an approval is a name, or true for the cohort's name"
)]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum ApprovalSetting {
    /// Under the cohort's name, or not at all.
    Wanted(bool),
    /// Under this name, 1 to 64 bytes.
    Named(String),
}

/// What a gate that can no longer be met leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum OnFailure {
    /// What runs of the cohort comes to its end; then the rollout waits for a person,
    /// or for the gate after all.
    #[default]
    Hold,
    /// It is paused at once; a person resumes it.
    Pause,
    /// The rollout ends at once.
    Abort,
    /// The rollout ends at once and is taken back.
    RollBack,
}

/// What a missed deadline leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum OnDeadline {
    /// The rollout waits for a person, or for the gate after all.
    Hold,
    /// The gate is passed; the soak is still served and an approval asked for.
    Pass,
    /// The rollout ends.
    Abort,
}
