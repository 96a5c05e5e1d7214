//! The data that the parts of Windlass hand to each other: ids, devices, releases,
//! rollouts, assignments, attempts, decisions, events, and the change set that
//! carries what `core` decided to `store`. Plain values, serde only: no clock, no
//! I/O, no rules. The rules are in `windlass-core`.

mod assignment;
mod change;
mod comparison;
mod condition;
mod decision;
mod device;
mod digest;
mod event;
mod failure;
mod group;
mod history;
mod hold;
mod id;
mod policy;
mod recheck;
mod release;
mod rival;
mod rollout;
mod shadow;
mod signal;
mod snapshot;
mod steering;
mod swap;
mod time;

pub use assignment::*;
pub use change::*;
pub use comparison::*;
pub use condition::*;
pub use decision::*;
pub use device::*;
pub use digest::*;
pub use event::*;
pub use failure::*;
pub use group::*;
pub use history::*;
pub use hold::*;
pub use id::*;
pub use policy::*;
pub use recheck::*;
pub use release::*;
pub use rival::*;
pub use rollout::*;
pub use shadow::*;
pub use signal::*;
pub use snapshot::*;
pub use steering::*;
pub use swap::*;
pub use time::*;
