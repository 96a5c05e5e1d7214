use serde::{Deserialize, Serialize};

use crate::{AssignmentId, Cohort, CohortIndex, PluginName, PluginPin};

/// Other policies for a rollout under way, and what follows from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySwap {
    /// Who wants it.
    pub actor: String,
    /// Why; may be empty.
    pub reason: String,
    /// The policies that it was prepared against.
    pub replaces: Vec<PluginPin>,
    /// Those that take their place, in configured order.
    pub policies: Vec<PluginPin>,
    /// The number of the newest decision that the memos follow; 0 if there was none.
    pub decided: i64,
    /// What each of them begins with, in their order.
    pub memos: Vec<Inheritance>,
    /// The cohorts that the first of them cuts; their sizes add up to the rollout's targets.
    pub cohorts: Vec<Cohort>,
    /// The assignments that are in another cohort now, by ascending id.
    pub moves: Vec<(AssignmentId, CohortIndex)>,
}

/// What a policy begins with after a swap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inheritance {
    /// What it had: it was in force before with the same component and settings.
    Kept,
    /// This memo; empty for a policy that begins anew.
    Given(Vec<u8>),
}

/// New policies whose first calls are watched: if one of them fails, those before are put
/// back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probation {
    /// The policies that were in force before, in their order.
    pub before: Vec<PluginPin>,
}

impl Probation {
    /// Whether a policy that is in force now is watched.
    pub fn watches(&self, policy: &PluginPin) -> bool {
        !self.before.contains(policy)
    }
}

/// The names of policies, in configured order.
pub fn policy_names(pins: &[PluginPin]) -> Vec<PluginName> {
    pins.iter().map(|pin| pin.name.clone()).collect()
}
