//! A file for each table of the configuration.

mod engine;
mod fleet;
mod plugins;
mod release;
mod rollout;
mod rules;

pub(super) use engine::engine;
pub(super) use fleet::fleet;
pub(super) use plugins::{add_immediate_policy, plugins};
pub(super) use release::release;
pub(super) use rollout::rollout;
