use serde::{Deserialize, Serialize};

use crate::{Decision, PluginName, Sha256, Timestamp, View};

/// A decision as it is kept: who took it, on what grounds, and what it said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionRecord {
    /// The configured plugin.
    pub policy: PluginName,
    /// The component that answered.
    pub component: Sha256,
    /// Of the settings' canonical JSON.
    pub settings: Sha256,
    /// When.
    pub at: Timestamp,
    /// What it saw.
    pub view: View,
    /// The memo it was given.
    pub memo_before: Vec<u8>,
    /// What it said, or why it could not.
    pub answer: DecisionAnswer,
}

/// What came of asking a policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DecisionAnswer {
    /// It decided.
    Decided(Decision),
    /// It trapped, ran out of time or answered nonsense: the rollout holds.
    Failed(String),
}
