//! A file for each table of the configuration.

mod engine;
mod fleet;
mod limits;
mod plugins;
mod release;
mod retention;
mod rollback;
mod rollout;
mod rules;
mod signals;

pub(super) use engine::engine;
pub(super) use fleet::fleet;
pub use limits::{field_text, parse_field};
pub(super) use plugins::{add_immediate_policy, plugins};
pub(super) use release::release;
pub(super) use retention::retention;
pub(super) use rollback::rollback;
pub(super) use rollout::rollout;
pub(super) use signals::signals;
