//! A small HTTP client over `wasi:http`.
//!
//! The host makes the connections, to the device of the job in hand and nowhere else
//! unless the operator grants more. It bounds every wait, follows no redirect, and
//! keeps connections for the next job, provided that each response is
//! [read](Response::read) or [discarded](Response::discard).
//!
//! ```no_run
//! # use windlass_sdk::{prelude::*, http::{Address, Request}};
//! # fn push(device: &Device, payload: &Payload) -> Result<(), DeliveryError> {
//! let address = Address::parse(&device.address)?;
//! let response = Request::new("PUT", &address, "/firmware")
//!     .header("Content-Type", payload.media_type())
//!     .send_payload(payload)?;
//! let status = response.status();
//! response.discard();
//! match status {
//!     200..=299 => Ok(()),
//!     _ => Err(DeliveryError::rejected(format!("the device answered {status}"))),
//! }
//! # }
//! ```

mod address;
mod body;
mod fields;
mod header;
mod request;
mod response;

pub use address::{Address, Scheme};
pub use body::Body;
pub use fields::is_header_name;
pub use header::encode_text;
pub use request::Request;
pub use response::Response;

pub(crate) use fields::Fields;
#[cfg(target_family = "wasm")]
pub(crate) use fields::refused;
pub(crate) use request::Head;
