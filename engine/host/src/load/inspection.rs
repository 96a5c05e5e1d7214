use windlass_model::Sha256;

use crate::{Capabilities, Kind};

/// What can be said of a component without opening it, for `plugin inspect`.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// What it is.
    pub kind: Kind,
    /// The version of `windlass:plugin` that it speaks.
    pub contract: semver::Version,
    /// Of its bytes.
    pub digest: Sha256,
    /// Its bytes.
    pub size: usize,
    /// Interfaces that it takes from the host, sorted.
    pub imports: Vec<String>,
    /// Interfaces that it gives, sorted.
    pub exports: Vec<String>,
    /// The JSON Schema of its settings.
    pub settings_schema: serde_json::Value,
    /// For a filter: whether it takes an expression.
    pub takes_expression: bool,
    /// For a delivery: what it can do.
    pub capabilities: Option<Capabilities>,
    /// For a delivery: the URL schemes that it serves; empty for any.
    pub schemes: Vec<String>,
}
