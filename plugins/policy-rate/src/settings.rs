//! The settings as the operator writes them.

use windlass_sdk::{prelude::*, serde::Serialize};

/// A rate, abort criteria, or both.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields, default)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct Settings {
    /// The most devices that start within any minute, 1 to 1000000. 1000 if
    /// only `base_rate_per_minute` is set.
    pub maximum_per_minute: Option<u64>,
    /// The devices that start a minute at first, when the rate is to grow.
    pub base_rate_per_minute: Option<u64>,
    /// What the rate is multiplied by each time it grows: 1.1 to 5, with at
    /// most one decimal.
    pub increment_factor: Option<f64>,
    /// When the rate grows.
    pub rate_increase: Option<RateIncrease>,
    /// When to stop. Each criterion is judged by itself.
    pub abort: Vec<AbortCriterion>,
}

/// How many devices it takes for the rate to grow once; exactly one is set.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct RateIncrease {
    /// Devices that were started.
    pub notified: Option<u64>,
    /// Devices that succeeded.
    pub succeeded: Option<u64>,
}

/// Too many failures of some kinds. One of `failure` and `kinds` is set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct AbortCriterion {
    /// The failures that count, as AWS IoT Jobs groups them.
    pub failure: Option<FailureGroup>,
    /// The failures that count, by kind.
    pub kinds: Option<Vec<CountedKind>>,
    /// The share of started devices that failed at which it stops: above 0 to
    /// 100, with at most two decimals.
    pub threshold_percent: f64,
    /// How many devices must have been started before the share is looked at.
    pub min_executed: u64,
    /// What happens then.
    #[serde(default)]
    pub action: Action,
}

/// The failure types of AWS IoT Jobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum FailureGroup {
    /// The device tried and failed.
    Failed,
    /// The device refused.
    Rejected,
    /// The device fell silent.
    TimedOut,
    /// Any of these.
    All,
}

/// A kind of failure. The engine's own are known here so that a refusal can
/// say why they do not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum CountedKind {
    /// The device was not reached.
    Unreachable,
    /// Nothing moved within the idle time-out.
    TimedOut,
    /// It refused the release for good.
    Rejected,
    /// It did not accept our credentials.
    Unauthorized,
    /// The release is not for this kind of device.
    Incompatible,
    /// What arrived was not what was sent.
    Corrupt,
    /// It was busy with something else.
    Busy,
    /// It reported an error of its own.
    DeviceError,
    /// The connection broke in the middle.
    Interrupted,
    /// Nothing was heard from it before its deadline.
    Silent,
    /// It ran the release and fell back to another.
    Regressed,
    /// Anything else on the device.
    Other,
    /// Refused: the engine's own.
    Plugin,
    /// Refused: the engine's own.
    Source,
    /// Refused: the engine's own.
    Shutdown,
}

/// What a reached threshold leads to.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize, JsonSchema,
)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum Action {
    /// Nothing starts any more.
    #[default]
    Abort,
    /// And devices that succeeded go back to what they ran.
    RollBack,
}
