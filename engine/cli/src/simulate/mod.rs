//! A rollout lived through without a device.
//!
//! - `scenario`: from a configuration and the command line to what is lived through.
//! - `recorded`: the fleet of a state file; `signals`: what nobody measures, but for what is read
//!   from a state file (`series`).
//! - `plugins`: the opened filter and policies, as the simulation asks them.
//! - `look`: how wide and with what it is shown; `windlass_simulate::show` does the rest.
//! - `json`: what came of it, for programs.

mod json;
mod look;
mod plugins;
mod recorded;
mod scenario;
mod series;
mod signals;

pub use json::session_json;
pub use look::look;
pub use scenario::all;
