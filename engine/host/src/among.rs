use windlass_model::{Decision, View};

use crate::{PluginError, Policy, contract::PolicyContract, guest::Session};

/// Whoever has it runs where guests run: see [`Host::among_guests`](crate::Host::among_guests).
pub struct AmongGuests(Session<PolicyContract>);

impl AmongGuests {
    pub(crate) fn new() -> Self {
        Self(Session::default())
    }

    /// What `policy` decides, as [`Policy::decide`] would.
    ///
    /// # Errors
    ///
    /// If the policy fails or answers what the contract does not allow.
    pub async fn decide(
        &mut self,
        policy: &Policy,
        view: &View,
        memo: &[u8],
    ) -> Result<Decision, PluginError> {
        policy.decide_within(&mut self.0, view, memo).await
    }
}
