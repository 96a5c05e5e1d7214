//! The rules of a rollout, without I/O: state machines, planning, retry. No `async`, no
//! clock, no random number, no iteration over a hash map: time and ids are arguments, so
//! the same calls give the same output.
//!
//! # The contract
//!
//! A driver loads a [`Rollout`] from the store's snapshot, gives it [`Input::Begin`], and
//! then repeats:
//!
//! 1. [`Rollout::handle_timeout`] when the instant of [`Rollout::poll_timeout`] has come,
//!    [`Rollout::handle`] each input at hand, and [`Rollout::steer`] by a person's order;
//! 2. [`Rollout::start_next`], of several rollouts by [`Rollout::priority`] and in turn,
//!    until none starts a device; then [`Rollout::dispatch`] each, which asks for pages and
//!    decisions. Needed again also when something of the [`Resources`] became free
//!    elsewhere;
//! 3. [`Rollout::poll_output`]: persist its changes in one transaction, *then* run its
//!    effects. If the store refuses the changes, nothing of them has happened: stop the
//!    pushes, [`Rollout::release_slots`], and load it anew.
//!
//! until [`Effect::Finished`], after which no output follows but that of orders, and the
//! rollout is dropped by [`Rollout::release_slots`]. Every effect but `Cancel`,
//! `NeedAttemptIds`, `AskShadows` and `Finished` is answered by exactly one input, however it fails, unless
//! [`Input::Replanned`] withdraws it; a result of another attempt than the one in hand has no
//! effect. Of several rollouts, all
//! are given `Begin` before any is dispatched: until then it is not known which devices
//! they have in hand.
//!
//! # What holds after every step
//!
//! - The transfers under way never exceed the [`Slots`], nor the rollout's own cap, nor the
//!   limits of the devices' [`Groups`]; nor did a start take a cohort beyond any policy's
//!   ceilings.
//! - A device has at most one unsettled attempt over all rollouts, and is pushed to again
//!   only when the last attempt is known to have failed.
//! - The counts of a cohort add up to its size.
//! - Nothing starts unless the rollout is running, and after an abort it never runs again.
//! - [`RolloutCompleted`](windlass_model::EventKind::RolloutCompleted) is the last event
//!   of a run; orders may follow.
//!
//! # Where things are
//!
//! [`table`] says what states mean and which follow which. [`placement`] ranks targets,
//! [`admission`] decides about a device whose turn has come, [`retry`] about the next try,
//! [`version`] how versions compare, [`identity`] whether a plan is still that of a run.
//! `rollout/` is the state machine, a file for each part of the rules.

pub mod admission;
mod budget;
mod fences;
mod groups;
pub mod identity;
mod input;
mod output;
pub mod placement;
mod refusal;
mod resources;
pub mod retry;
mod rivals;
mod rollout;
mod stuck;
pub mod table;
pub mod version;

pub use budget::RetryBudget;
pub use fences::Fences;
pub use groups::{GroupHealth, GroupSeat, Groups};
pub use input::*;
pub use output::*;
pub use refusal::Refusal;
pub use resources::*;
pub use rollout::{DeliveryFacts, Rollout};
pub use stuck::stuck;

/// How much older than a read of the store a move must be before what was read is believed to
/// know of it: it may still have been on its way there.
const STORE_LAG: std::time::Duration = std::time::Duration::from_secs(10);
