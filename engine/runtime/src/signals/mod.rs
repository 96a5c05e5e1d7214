//! Measurements from outside: where they come from, and who fetches them.
//!
//! A source is polled by one task of its own, which ends with the rollout that it is for.
//! Whatever a source does (refuse, hang, answer garbage or without end) becomes a sample that
//! says so; it never ends the task, and nothing waits for it.
//!
//! - `source`: what the operator configured.
//! - `poller`: one poll within its time, and the task that polls again and again.
//! - `fetch`, `file`: the bytes, from a server and from a file.
//! - `judge`, `prometheus`: what the bytes say.

mod fetch;
mod file;
mod judge;
mod poller;
mod prometheus;
mod source;

pub use poller::Poller;
pub(crate) use poller::watch;
pub use source::{Access, NoSecret, Secret, SignalOrigin, SignalSource};
