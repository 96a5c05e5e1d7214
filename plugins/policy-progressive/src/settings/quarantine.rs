use windlass_sdk::prelude::*;
use windlass_sdk::settings::Period;

use super::KindSetting;

/// When a device that keeps failing is left alone for a while.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct QuarantineSettings {
    /// From how many failed attempts on, at least 1.
    pub failures: u32,
    /// How long after the last failure it is left alone.
    pub penalty: Period,
    /// The kinds of last failure that lead there; those of devices if not set.
    pub kinds: Option<Vec<KindSetting>>,
}
