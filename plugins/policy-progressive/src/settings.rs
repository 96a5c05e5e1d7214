//! The settings as the operator writes them.

use windlass_sdk::prelude::*;
use windlass_sdk::settings::Period;

/// One cohort of 100 % without a gate if nothing is set.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct Settings {
    /// The parts of the targets, in the order they are updated.
    pub cohorts: Vec<CohortSettings>,
    /// When to abort, for every cohort that does not say otherwise.
    pub abort: Option<AbortSettings>,
    /// What a device is stratified by, so that every cohort holds its share:
    /// `kind`, `location`, `timezone` or `attributes.NAME`.
    pub stratify_by: Option<String>,
    /// Devices heard of within this time before the start come before all others.
    pub recently_seen_first: Option<Period>,
}

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
    /// The share of the cohort that must have ended, 0 to 1. Without it every
    /// device that is not deferred must have ended, and at least one.
    pub quorum: Option<f64>,
    /// How long to wait after the gate is met before the next cohort.
    pub soak: Option<Period>,
    /// How long the gate may take from the cohort's opening.
    pub deadline: Option<Period>,
    /// What happens when the deadline passes and the gate is not met.
    pub on_deadline: Option<OnDeadline>,
    /// When to abort on this cohort's account, instead of the common threshold.
    pub abort: Option<AbortSettings>,
}

/// What a missed deadline leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum OnDeadline {
    /// The rollout waits for a person, or for the gate after all.
    Hold,
    /// The next cohort opens, without a soak.
    Pass,
    /// The rollout ends.
    Abort,
}

/// How many devices may fail at their first attempt. At least one of `rate` and
/// `count` is set; either one that is reached aborts.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct AbortSettings {
    /// The share of devices whose first attempt failed, above 0 and at most 1.
    pub rate: Option<f64>,
    /// The number of devices whose first attempt failed.
    pub count: Option<u64>,
    /// What the rate is a share of.
    #[serde(default)]
    pub of: Denominator,
    /// How many devices the rate must be a share of before it counts; at most
    /// the cohort's size is asked for.
    pub min_sample: Option<u64>,
    /// Whether failures of the network count too.
    #[serde(default)]
    pub count_network: bool,
}

/// What a rate is a share of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum Denominator {
    /// The devices that were started.
    #[default]
    Started,
    /// The devices that ended, or whose first attempt failed if those are more.
    Ended,
    /// All devices of the cohort.
    Cohort,
}
