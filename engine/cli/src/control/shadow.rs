use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use windlass_model::{PluginName, RolloutName};
use windlass_runtime::planning::Charge;

/// A policy to put in shadow of a rollout, or to take out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowErrand {
    /// Which.
    pub policy: PluginName,
    /// Which rollout; without a name that of the configuration, or the only one that has not
    /// ended.
    pub rollout: Option<RolloutName>,
    /// What becomes of it.
    pub wish: ShadowWish,
}

/// What is to become of a policy in shadow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShadowWish {
    /// It is put there.
    Add {
        /// The configuration that has it as a plugin, as the client typed it.
        config: PathBuf,
        /// Where the client stands: texts name paths as they look from there.
        directory: PathBuf,
    },
    /// It is taken out.
    Remove,
}

/// A policy is in shadow, or no longer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadowed {
    /// Of this rollout.
    pub rollout: RolloutName,
    /// Which.
    pub policy: PluginName,
    /// What became of it.
    pub how: ShadowedHow,
    /// Whether somebody drives the rollout, so that it takes effect at once.
    pub driven: bool,
}

/// What became of a policy in shadow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShadowedHow {
    /// It is there, with these cohorts.
    Added {
        /// Charged with what was started before.
        cohorts: Vec<Charge>,
    },
    /// It is gone.
    Removed,
}
