//! A rollout lived through without a device.
//!
//! - `scenario`: from a configuration and the command line to what is lived through.
//! - `plugins`: the opened filter and policies, as the simulation asks them.
//! - `plain`, `json`: what came of it, in words and for programs.

mod json;
mod plain;
mod plugins;
mod scenario;

pub use json::session_json;
pub use plain::text;
pub use scenario::live;
