//! The rules of a rollout, without I/O: state machines, planning, retry. No `async`, no
//! clock, no random number, no iteration over a hash map: time and ids are arguments, so
//! the same calls give the same output.
//!
//! # The contract
//!
//! A driver loads a [`Rollout`] from the store's snapshot, gives it [`Input::Begin`], and
//! then repeats:
//!
//! 1. [`Rollout::handle`] each input at hand, or [`Rollout::handle_timeout`] when the
//!    instant of [`Rollout::poll_timeout`] has come;
//! 2. [`Rollout::dispatch`], which starts devices and asks for pages and decisions;
//!    needed again also when a slot or attempt ids became free elsewhere;
//! 3. [`Rollout::poll_output`]: persist its changes in one transaction, *then* run its
//!    effects. If the store refuses the changes, nothing of them has happened: stop the
//!    pushes, [`Rollout::release_slots`], and load it anew.
//!
//! until [`Effect::Finished`], after which no output follows. Every effect but `Cancel`,
//! `NeedAttemptIds` and `Finished` is answered by exactly one input, however it fails; a
//! result of another attempt than the one in hand has no effect.
//!
//! # What holds after every step
//!
//! - The transfers under way never exceed the [`Slots`], nor a cohort's starts and devices
//!   in progress any policy's ceilings.
//! - A device has at most one unsettled attempt, and is pushed to again only when the last
//!   attempt is known to have failed.
//! - The counts of a cohort add up to its size.
//! - Nothing starts unless the rollout is running, and after an abort it never runs again.
//! - [`RolloutCompleted`](windlass_model::EventKind::RolloutCompleted) is the last event
//!   of a run.
//!
//! # Where things are
//!
//! [`table`] says what states mean and which follow which. [`placement`] ranks targets,
//! [`admission`] decides about a device whose turn has come, [`retry`] about the next try,
//! [`version`] how versions compare, [`identity`] whether a plan is still that of a run.
//! `rollout/` is the state machine, a file for each part of the rules.

pub mod admission;
pub mod identity;
mod input;
mod output;
pub mod placement;
mod resources;
pub mod retry;
mod rollout;
pub mod table;
pub mod version;

pub use input::*;
pub use output::*;
pub use resources::*;
pub use rollout::{DeliveryFacts, Rollout};
