//! One running instance of a component: its state, its limits, its account of time and
//! memory, and the frame around every call into it.

mod constant;
mod instance;
mod memory;
mod meter;
mod opened;
mod output;
mod slots;
mod state;

pub(crate) use instance::{Bounds, Template};
pub use memory::MemoryBound;
pub(crate) use memory::MemoryPool;
pub(crate) use opened::{Opened, Session};
pub(crate) use output::escape;
pub(crate) use slots::{OpenedId, Slots};
pub(crate) use state::State;
