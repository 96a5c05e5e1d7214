//! What a rollout runs with: its release and its opened plugins.

use std::sync::Arc;

use windlass_core::DeliveryFacts;
use windlass_host::{Delivery, Filter, PayloadSource, Policy};
use windlass_model::{FleetPin, PluginPin, Release, RolloutName, RolloutSettings};

use crate::signals::SignalSource;

/// Everything that a rollout needs, opened and checked. Nothing of it is durable.
#[derive(Clone)]
pub struct Parts {
    /// The rollout's name.
    pub name: RolloutName,
    /// What is delivered.
    pub release: Release,
    /// Its bytes.
    pub payload: Arc<dyn PayloadSource>,
    /// The rules.
    pub settings: RolloutSettings,
    /// The fleet file that its devices come from, if there is one.
    pub fleet: Option<FleetPin>,
    /// Which devices; all without one.
    pub filter: Option<FilterPart>,
    /// How fast, in configured order. The first cuts the cohorts; without any there is one
    /// cohort, and nothing but the caps holds it back.
    pub policies: Vec<PolicyPart>,
    /// Policies that are asked beside those and never obeyed.
    pub shadows: Vec<PolicyPart>,
    /// What the policies want to see measured: each signal that one of them asks for, once.
    pub signals: Vec<Arc<SignalSource>>,
    /// How bytes reach devices, in the order in which they are tried; at least one.
    pub deliveries: Vec<DeliveryPart>,
}

/// A filter in use.
#[derive(Clone)]
pub struct FilterPart {
    /// Its identity.
    pub pin: PluginPin,
    /// Its expression, if it takes one.
    pub expression: Option<String>,
    /// The opened filter.
    pub filter: Filter,
}

/// A policy in use.
#[derive(Clone)]
pub struct PolicyPart {
    /// Its identity.
    pub pin: PluginPin,
    /// The opened policy.
    pub policy: Policy,
}

/// A delivery in use.
#[derive(Clone)]
pub struct DeliveryPart {
    /// Its identity.
    pub pin: PluginPin,
    /// Which devices it serves; all that no earlier one serves without it.
    pub when: Option<Filter>,
    /// The opened delivery.
    pub delivery: Delivery,
}

/// What the deliveries of a rollout can do together.
pub fn delivery_facts(deliveries: &[DeliveryPart]) -> DeliveryFacts {
    let mut capabilities = deliveries.iter().map(|part| part.delivery.capabilities());
    DeliveryFacts {
        verifies: capabilities.clone().any(|can| can.verifies),
        idempotent_push: capabilities.all(|can| can.idempotent_push),
    }
}
