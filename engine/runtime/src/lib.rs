//! The shell around `windlass-core`: the driver loop that carries out its effects, the
//! payload sources, the event bus and the progress of a run.
//!
//! A run is: open a payload ([`payload::open`]), open the plugins ([`Parts`]), select
//! devices ([`planning::select`]), create or find the rollout in the store, and drive it
//! ([`Driver`]). Only this crate's `tasks` starts tasks, only [`clock`] reads clocks.

pub mod bus;
pub mod clock;
mod driver;
mod parts;
pub mod payload;
pub mod planning;
pub mod progress;
mod tasks;

pub use driver::{
    Attempt, AttemptEnd, Control, Driver, DriverError, DriverParts, Executor, PluginExecutor,
    RunEnd, WaitFor,
};
pub use parts::{DeliveryPart, FilterPart, Parts, Policies, PolicyPart};
