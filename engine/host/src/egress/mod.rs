//! The one way out: every connection that a job opens is decided, dialled, metered and
//! cut off here.
//!
//! A job reaches what its [`Lease`](crate::lease::Lease) names, at the addresses that the
//! name resolved to, and only if none of those is special (`address`). Connections are
//! HTTP/1.1, kept for the next job of the same plugin at the same place, and each is
//! driven by whoever uses it, or by one task on the I/O runtime while a guest takes its time
//! over a long answer. No redirect is followed, no proxy is asked.

mod address;
mod connection;
mod dial;
mod driver;
mod error;
mod gathered;
mod meter;
mod outgoing;
mod pool;
mod response;
mod service;
mod shared;
mod target;

pub use address::Special;
pub use error::{Denial, EgressError};
pub(crate) use gathered::SMALL_ANSWER;
pub use service::{Egress, EgressConfig, Timeouts};
pub use target::{Target, TargetError};
