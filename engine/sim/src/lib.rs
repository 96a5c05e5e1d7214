//! Simulated devices on real sockets.
//!
//! A [`Fleet`] is a number of devices that speak HTTP/1.1 over TCP on loopback:
//!
//! | request | answer |
//! |---|---|
//! | `POST` or `PUT /update` | takes the body as a release; 200 with `{"success":true,"message":…,"size":N}` |
//! | `GET /version` | `{"version","updated_at","device_id","device_name"}` |
//! | `GET /health` | `OK` |
//! | `POST` or `PUT /update` with `Upload-Complete: ?0` | begins a resumable upload (draft-ietf-httpbis-resumable-upload); 201 with `Location: /uploads/N` |
//! | `HEAD`, `PATCH` or `DELETE /uploads/N` | tells the offset, appends, forgets; the last append is answered as a push is |
//!
//! Each device has an address of its own: one of 127/8 behind a single listener, which
//! carries tens of thousands of devices, or a port of its own
//! ([`Addressing`]). How a device behaves is its [`Behaviour`]: the fleet's default, a
//! drawn share of faults and offline devices, or an override for one device. A fleet may also
//! be made from a list of devices ([`FleetSpec::of`]). Everything
//! drawn comes from the seed and the device's index alone, so device 17 of seed 3
//! behaves the same in every run, whatever the size of the fleet, the order of the
//! requests or the time they take.
//!
//! A push counts as *completed* only if its whole body arrived, by `Content-Length` or
//! by the last chunk; a broken one is *aborted* and installs nothing. A complete body is
//! hashed and compared with `Repr-Digest` (RFC 9530) and with [`FleetSpec::expected`],
//! and only if it is right (and no fault says otherwise) is it *installed*, at that
//! moment: whether the sender lives to read the answer makes no difference.
//!
//! What happened is counted per device, and [`Fleet::report`] gives it out;
//! [`Report::exactly_once`] checks the invariant that a rollout must keep. With
//! [`FleetSpec::control`] another process can read the report while the fleet runs, and
//! bring devices online and offline:
//!
//! | request | answer |
//! |---|---|
//! | `GET /report` | the [`Report`] so far |
//! | `GET /devices` | the export, with the status and version of now |
//! | `POST /connect` | takes a [`Choice`] and brings those devices online; `{"devices": […]}` names those that were not |
//! | `POST /disconnect` | the same the other way round |
//!
//! ```
//! use windlass_sim::{Behaviour, Failing, Fault, FaultRate, Fleet, FleetSpec, When};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let fleet = Fleet::start(FleetSpec {
//!     count: 300,
//!     seed: 7,
//!     faults: vec![FaultRate {
//!         failing: Failing { fault: Fault::status(503), when: When::First(2) },
//!         share: 0.1,
//!     }],
//!     offline_share: 0.05,
//!     ..FleetSpec::default()
//! })?;
//! let mut json = Vec::new();
//! fleet.export(&mut json)?;
//! // … a rollout …
//! let report = fleet.stop().await;
//! assert_eq!(report.totals.devices, 300);
//! # Ok(())
//! # }
//! ```
//!
//! The peak of concurrent pushes is exact: a push is counted from the moment its head is
//! read until its answer is handed to the socket, so a sender that waits for answers can
//! never be seen with more pushes than it has in flight. A sender that abandons a push
//! is noticed only when the device next reads, and until then its push still counts.

mod address;
mod behaviour;
mod choice;
mod connection;
mod control;
mod device;
mod dice;
mod digest;
mod export;
mod fleet;
mod gauge;
mod http_api;
mod intake;
mod ledger;
mod listener;
mod presence;
mod push;
mod record;
mod release;
mod report;
mod seats;
mod shared;
mod software;
mod spec;
mod transfer;
mod upload;
mod upload_api;
#[cfg(feature = "world")]
pub mod world;

pub use behaviour::{Behaviour, Failing, Fault, Install, Meanwhile, Offline, When};
pub use choice::{Choice, ChoiceError};
pub use export::DeviceRecord;
pub use fleet::{Fleet, StartError};
pub use ledger::RequestSample;
pub use record::{PushEnd, PushRecord};
pub use report::{Counts, DeviceReport, Report, Totals, Violation};
pub use spec::{Addressing, FaultRate, FleetSpec, Inspect, SpecError};
