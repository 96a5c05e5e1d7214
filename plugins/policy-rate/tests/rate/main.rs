//! The policy through its public surface, as the host uses it.

mod aborts;
mod clocks;
mod cohorts;
mod fleet;
mod laws;
mod ramps;
mod refusals;
