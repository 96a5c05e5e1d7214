//! Bounds how many devices start a minute, and stops at a failure threshold.
//!
//! `settings` is what the operator writes and `plan` what is made of it once
//! it is found sound. At each decision `criterion` looks whether to stop;
//! `ramp` says what rate holds, `bucket` how many devices it lets start now,
//! and `deal` which cohorts they are of. `decide` puts it into ceilings,
//! `triggers` and `reasons`. What must survive from one decision to the next is
//! in `memo`.

mod bucket;
mod clock;
mod criterion;
mod deal;
mod decide;
mod kinds;
mod memo;
mod percent;
mod plan;
mod policy;
mod ramp;
mod reasons;
mod settings;
mod triggers;

pub use policy::Rate;
pub use settings::Settings;

windlass_sdk::export!(policy: Rate);
