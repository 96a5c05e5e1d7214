//! The policy through its public surface, as the host uses it.

mod clocks;
mod decisions;
mod fleet;
mod freezes;
mod laws;
mod readme;
mod refusals;
mod rest;
mod schedules;
mod zones;
