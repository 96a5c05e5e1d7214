//! The shell around `windlass-core`: the loop that carries out its effects, the payload
//! sources, the signals, the event bus and the progress of a run.
//!
//! A run is: open a payload ([`payload::open`]), open the plugins ([`Parts`]), select
//! devices ([`planning::select`]), create or find the rollout in the store, and give it to
//! the [`Engine`]. [`steer_at_rest`] gives orders to rollouts that nobody drives. Only this crate's `tasks` starts tasks, only [`clock`] reads clocks.

mod at_rest;
mod bandwidth;
pub mod bus;
pub mod clock;
mod engine;
mod fault;
mod parts;
pub mod payload;
pub mod planning;
pub mod progress;
pub mod signals;
mod tasks;
mod web;

pub use at_rest::{AtRestError, shadow_at_rest, steer_at_rest, swap_at_rest};
pub use bandwidth::Bandwidth;
pub use engine::{
    Attempt, AttemptEnd, Engine, EngineError, EngineParts, Entered, Entry, Executor,
    FurtherPolicies, GrowError, Helm, PluginExecutor, RunEnd, ShadowDeed, ShadowError, ShadowOrder,
    Signals, SteerError, Surroundings, SwapError, WaitFor,
};
pub use parts::{DeliveryPart, FilterPart, Parts, PolicyPart, delivery_facts};
