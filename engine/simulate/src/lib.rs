//! A rollout lived through under a virtual clock: the real `core`, the real policies, and a
//! fleet that exists only in memory. No socket, no state file, no wall clock.
//!
//! - `session`: what came of it.

mod session;

pub use session::{BlastRadius, CohortCourse, End, Harm, Mark, Sample, Session, Shares};
