//! A rollout lived through under a virtual clock: the real `core`, the real policies, and a
//! fleet that exists only in memory. No socket, no state file, no wall clock.
//!
//! - `session`: what came of it.
//! - [`recorded`]: a fleet that behaves as past rollouts found it.
//! - [`show`]: that on a terminal and as a page.

pub mod recorded;
mod session;
pub mod show;

pub use session::{BlastRadius, CohortCourse, End, Harm, Mark, Sample, Session, Shares};
