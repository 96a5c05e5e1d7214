//! The wasmtime embedding: loads, limits and calls plugins.
//!
//! A [`Host`] holds the engine. [`Host::load`] turns a component into a [`Plugin`]: its
//! kind is found out, its imports are checked against what that kind may have, and it is
//! asked to describe itself. A plugin is opened with settings and becomes a [`Filter`], a
//! [`Policy`] or a [`Delivery`], whose functions may be awaited on any runtime.
//!
//! Nothing of a guest is trusted. Every call has bounds of CPU time, wall time and memory;
//! every answer is checked before it is passed on; an instance that failed is thrown away,
//! and the next call gets a fresh one. What a delivery may reach is decided by the lease of
//! its job and enforced by one [egress] for `wasi:http` and `wasi:sockets` alike.

mod among;
mod bindings;
mod cache;
mod capability;
mod contract;
mod convert;
mod delivery;
pub mod egress;
mod engine;
mod error;
mod filter;
mod guest;
mod host;
mod kind;
pub mod lease;
mod limits;
mod load;
pub mod payload;
mod plugin;
mod policy;
mod refusal;
mod runtimes;
mod settings;
mod shared;
mod startup;

pub use among::AmongGuests;
pub use delivery::{
    Capabilities, Delivery, DeliveryOptions, DeviceState, Job, ProbeLimits, PushEnd,
};
pub use error::{LoadError, OpenError, Place, PluginError, PluginErrorKind, Problem, StartError};
pub use filter::Filter;
pub use guest::MemoryBound;
pub use host::{Host, HostConfig};
pub use kind::{CONTRACT_VERSION, Kind};
pub use lease::JobObserver;
pub use limits::Limits;
pub use load::Inspection;
pub use payload::{BLOCK_SIZE, PayloadSource, SourceError, Throttle};
pub use plugin::Plugin;
pub use policy::{Policy, PolicyCandidate};
pub use refusal::Refusal;
