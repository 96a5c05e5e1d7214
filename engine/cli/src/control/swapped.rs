use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use windlass_model::{PluginName, RolloutName};
use windlass_runtime::planning::Charge;

/// Other policies for a rollout.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SwapErrand {
    /// The configuration that names them, as the client typed it.
    pub config: PathBuf,
    /// Where the client stands: texts name paths as they look from there.
    pub directory: PathBuf,
    /// Which rollout; without a name that of the configuration.
    pub rollout: Option<RolloutName>,
    /// Begin with empty memos where they would have to be taken over.
    pub restart_memo: bool,
    /// Only say what would change.
    pub dry_run: bool,
}

/// What a swap of policies changed, or would.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Swapped {
    /// Of which rollout.
    pub rollout: RolloutName,
    /// How far it went.
    pub fate: SwapFate,
    /// Its policies before and after.
    pub policies: Vec<PolicyShift>,
    /// The cohorts before …
    pub before: Vec<Charge>,
    /// … and after, charged with what had been started.
    pub after: Vec<Charge>,
    /// Devices that are in another cohort.
    pub moved: u64,
    /// Consents and orders to go on that are void.
    pub void: u64,
    /// Whether a person must resume the rollout before anything starts.
    pub paused: bool,
}

/// How far a swap went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SwapFate {
    /// It was only asked for what would change.
    DryRun,
    /// It is in force.
    Driven,
    /// It will be in force when somebody runs the rollout.
    AtRest,
}

/// What becomes of one policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyShift {
    /// Its name.
    pub name: PluginName,
    /// How it changes.
    pub change: PolicyChange,
}

/// How a policy of a rollout changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub enum PolicyChange {
    /// Not at all.
    Kept,
    /// It has another component or other settings.
    Changed {
        /// The component's digests, if it is another.
        component: Option<(String, String)>,
        /// Settings that differ.
        settings: Vec<SettingChange>,
        /// What it begins with.
        memo: MemoFate,
    },
    /// It was not there before.
    New {
        /// Its component.
        component: String,
        /// What it begins with.
        memo: MemoFate,
    },
    /// It is gone.
    Gone,
}

/// One setting that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    /// Its JSON pointer.
    pub setting: String,
    /// As JSON; none if it was not there.
    pub before: Option<String>,
    /// As JSON; none if it is gone.
    pub after: Option<String>,
}

/// Where a policy's memo comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum MemoFate {
    /// There was none to take over.
    Nothing,
    /// It took over that of this policy.
    Policy {
        /// Which.
        name: PluginName,
    },
    /// It begins with an empty one, because that was asked for.
    Restart,
}
