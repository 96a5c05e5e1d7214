use serde::Serialize;
use windlass_sdk::prelude::*;

use super::KindSetting;

/// How many devices may fail at their first attempt. At least one of `rate` and
/// `count` is set; either one that is reached ends the rollout.
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
    /// The kinds of failure that count; those of devices if not set.
    pub kinds: Option<Vec<KindSetting>>,
    /// Whether failures of the network count too: short for
    /// `kinds = ["device", "network"]`.
    #[serde(default)]
    pub count_network: bool,
    /// What becomes of the rollout.
    #[serde(default)]
    pub action: Ending,
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

/// How a rollout is ended, in rising severity.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum Ending {
    /// Nothing starts any more; devices in flight finish.
    #[default]
    Abort,
    /// And succeeded devices are taken back to what they ran.
    RollBack,
}
