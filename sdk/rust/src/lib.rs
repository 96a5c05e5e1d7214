//! Write plugins for Windlass in Rust.
//!
//! A plugin says *which* devices a rollout means ([`Filter`]), *how fast* it may go
//! ([`Policy`]), or *how* bytes reach a device ([`Delivery`]). Implement the trait of
//! its kind, name the type to [`export!`], and build the crate for
//! `wasm32-wasip2`; the result is a component that the engine loads. The WIT files
//! behind it are in `wit/`; `sdk/README.md` is a tutorial.
//!
//! # A whole plugin
//!
//! ```toml
//! [lib]
//! crate-type = ["cdylib", "rlib"]
//!
//! [dependencies]
//! windlass-sdk = { path = "../windlass/sdk/rust" }
//! ```
//!
//! ```
//! use windlass_sdk::http::{Address, Request};
//! use windlass_sdk::{Job, Receipt, prelude::*};
//!
//! /// What an operator may set.
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
//! #[schemars(crate = "windlass_sdk::schemars")]
//! struct Settings {
//!     /// Where the device takes its firmware.
//!     path: String,
//! }
//!
//! struct Put {
//!     path: String,
//! }
//!
//! impl Delivery for Put {
//!     type Settings = Settings;
//!     const SCHEMES: &'static [&'static str] = &["https"];
//!
//!     fn open(settings: Settings) -> Result<Self, Vec<Problem>> {
//!         if !settings.path.starts_with('/') {
//!             return Err(Problem::setting("/path", "a path begins with a slash")
//!                 .hint(format!("write \"/{}\"", settings.path))
//!                 .into());
//!         }
//!         Ok(Self { path: settings.path })
//!     }
//!
//!     fn push(&self, job: &Job, payload: &Payload) -> Result<Receipt, DeliveryError> {
//!         let address = Address::parse(&job.device.address)?;
//!         let response = Request::new("PUT", &address, &self.path).send_payload(payload)?;
//!         match response.status() {
//!             200..=299 => {
//!                 response.discard();
//!                 Ok(Receipt::Delivered)
//!             }
//!             status => Err(DeliveryError::rejected(format!("the device answered {status}"))),
//!         }
//!     }
//! }
//!
//! windlass_sdk::export!(delivery: Put);
//!
//! // Natively the same code runs against doubles of the host.
//! use windlass_sdk::testing::{self, Answer, FakeHost};
//! let host = FakeHost::start();
//! host.answer(|_| Answer::status(204));
//! let put: Put = testing::open_delivery(r#"{"path": "/fw"}"#).unwrap();
//! let payload = testing::payload(b"new");
//! let job = testing::job(testing::device("d1", "https://d1.example"), &payload);
//! assert_eq!(put.push(&job, &payload), Ok(Receipt::Delivered));
//! assert_eq!(host.requests()[0].url, "https://d1.example/fw");
//! ```
//!
//! # What a plugin must not rely on
//!
//! Filters and policies are pure: clocks stand still, random numbers are constant,
//! and an instance may be another one at every call. A delivery keeps nothing from
//! one job to the next. A panic is the plugin's fault, never the device's: it holds
//! the plugin's rollouts and is shown with its message.

// Macros of generated code name this crate by its name, also from within.
extern crate self as windlass_sdk;

#[cfg(any(test, all(target_family = "wasm", feature = "allocator")))]
mod allocator;
#[doc(hidden)]
pub mod bindings;
#[doc(hidden)]
#[cfg(target_family = "wasm")]
pub mod component;
mod delivery;
mod error;
mod export;
mod filter;
mod host;
pub mod http;
pub mod job;
pub mod log;
pub mod payload;
mod policy;
pub mod prelude;
mod problem;
pub mod settings;
#[cfg(not(target_family = "wasm"))]
pub mod testing;
mod types;

pub use delivery::*;
pub use error::DeliveryError;
pub use filter::*;
pub use payload::{Payload, PayloadStream};
pub use policy::*;
pub use types::*;

pub use {schemars, serde, serde_json};
