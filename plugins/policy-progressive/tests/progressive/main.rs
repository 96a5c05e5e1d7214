//! The policy through its public surface, as the host uses it.

mod fleet;
mod gates;
mod laws;
mod refusals;
mod sizes;
mod stops;
