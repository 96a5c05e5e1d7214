//! The settings as the operator writes them.

use windlass_sdk::prelude::*;

/// Which lanes there are and what puts a device in one.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct Settings {
    /// The attribute whose text names a device's lane.
    pub lane: String,
    /// The lanes, 1 to 30. The first is served first where slots are short.
    pub lanes: Vec<LaneSettings>,
    /// The lane of devices that name none of these; the last one if left out.
    pub otherwise: Option<String>,
}

/// A lane.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct LaneSettings {
    /// Unique, 1 to 64 bytes.
    pub name: String,
    /// How many of its devices may be in progress at once.
    pub concurrency: u64,
    /// What it waits for.
    pub after: Option<AfterSettings>,
}

/// How far another lane must have come.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
pub struct AfterSettings {
    /// The name of a lane before this one.
    pub lane: String,
    /// The share of that lane's devices that must have succeeded, above 0 to 1.
    pub succeeded: f64,
}
