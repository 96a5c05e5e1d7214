//! Doubles of the host and views of rollouts, so that a plugin's logic is tested with plain `cargo test`.
//! Absent where the target is WebAssembly.
//!
//! [`FakeHost`] stands for everything a delivery talks to while a job runs. It belongs
//! to the thread that started it, as tests do, and is gone when dropped.
//!
//! ```
//! use windlass_sdk::{prelude::*, http::{Address, Request}, testing::{self, Answer, FakeHost}};
//!
//! let host = FakeHost::start();
//! host.answer(|request| match request.path() {
//!     "/firmware" => Answer::status(201),
//!     _ => Answer::status(404),
//! });
//!
//! let address = Address::parse("https://device.example").unwrap();
//! let payload = testing::payload(b"the release");
//! let response = Request::new("PUT", &address, "/firmware").send_payload(&payload).unwrap();
//!
//! assert_eq!(response.status(), 201);
//! assert_eq!(host.requests()[0].body, b"the release");
//! assert_eq!(host.requests()[0].header("content-length"), Some("11"));
//! ```

pub(crate) mod double;
mod exchange;
mod host;
mod material;
mod view;

pub use exchange::{Answer, Received};
pub use host::FakeHost;
pub use material::{device, job, open_delivery, open_filter, open_policy, payload};
pub use view::{cohort, states, view};
