//! Lanes of devices that run side by side, each with a concurrency of its own.
//!
//! `settings` is what the operator writes, `lanes` what is made of it, `decide`
//! which lanes may run, and `policy` the trait.

mod decide;
mod lanes;
mod policy;
mod settings;

pub use policy::PriorityLanes;
pub use settings::Settings;

windlass_sdk::export!(policy: PriorityLanes);
