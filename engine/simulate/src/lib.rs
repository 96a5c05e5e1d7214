//! A rollout lived through under a virtual clock: the real `core`, the real policies, and a
//! fleet that exists only in memory. No socket, no state file, no wall clock.
//!
//! - `session`: what came of it. [`simulate`] makes one, with the worst case stated before;
//!   [`plan`], [`worst_case`] and [`live`] are its parts, for who has a core to spare.
//! - `scenario`, `plugins`: what it is made of; `placing` and `begin` make the rollout.
//! - `world`: the driver; `looks` and `attempts` carry out the effects of core, `happening` is
//!   what will come of them, `rows` are the store, `health` knows the groups, `recorder` notes what is to
//!   be told, `pace` how fast it goes.
//! - `fleet`, `profile`: the devices and their connections; `faults` and `luck`: what happens to
//!   them; `falls`: those that lose the release again; `rechecks`: asking them; `draw`: chance; `signals`: what is measured from outside.
//! - [`recorded`]: a fleet that behaves as past rollouts found it.
//! - [`show`]: sessions on a terminal and as a page.

mod attempts;
mod begin;
mod bits;
mod draw;
mod falls;
mod faults;
mod fleet;
mod happening;
mod health;
mod looks;
mod luck;
mod pace;
mod placing;
mod plugins;
mod profile;
mod rechecks;
pub mod recorded;
mod recorder;
mod rows;
mod scenario;
mod session;
pub mod show;
mod signals;
mod simulate;
mod world;

pub use faults::{FallBack, Faults};
pub use fleet::{Fleet, Prototype};
pub use plugins::Plugins;
pub use profile::{Profile, Spell};
pub use scenario::{Scenario, SimulateError};
pub use session::{
    Basis, BlastRadius, CohortCourse, End, FellBack, Harm, Mark, Sample, Session, Shares,
};
pub use signals::{Reads, SignalModel, SignalStep};
pub use simulate::{Planned, live, plan, simulate, worst_case};
