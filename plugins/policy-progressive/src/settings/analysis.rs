use windlass_sdk::prelude::*;

/// What a signal must say while a cohort is updated and watched.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct AnalysisSettings {
    /// The signal, as `[signals.NAME]` calls it.
    pub signal: String,
    /// What a good measurement is; any other fails.
    pub success: SuccessSettings,
    /// How many good measurements are wanted after the cohort's gate was met, at least 1.
    pub measurements: Option<u32>,
    /// How many measurements may fail since the cohort opened.
    pub failure_limit: Option<u32>,
    /// How many measurements in a row may be without a value.
    pub inconclusive_limit: Option<u32>,
    /// What happens when more failed.
    #[serde(default)]
    pub on_failure: OnBadSignal,
    /// What happens when more were without a value.
    #[serde(default)]
    pub on_inconclusive: OnNoSignal,
}

/// Which values are good; exactly one is set.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct SuccessSettings {
    /// This and all below.
    pub at_most: Option<f64>,
    /// This and all above.
    pub at_least: Option<f64>,
    /// From the first to the second, both included.
    pub between: Option<[f64; 2]>,
}

/// What too many bad measurements lead to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum OnBadSignal {
    /// Nothing starts until a person orders to go on past the cohort.
    #[default]
    Hold,
    /// The rollout is paused; a person resumes it.
    Pause,
    /// The rollout ends.
    Abort,
    /// The rollout ends and is taken back.
    RollBack,
}

/// What too many measurements without a value lead to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum OnNoSignal {
    /// Nothing starts until the signal has a value again.
    #[default]
    Hold,
    /// The rollout is paused; a person resumes it.
    Pause,
    /// The rollout ends.
    Abort,
}
