//! Plugins that say how bytes reach a device.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{DeliveryError, Device, Payload, Problem, Projection};

pub use crate::bindings::delivery::exports::windlass::plugin::protocol::{
    Capabilities, DeviceState, Job, Receipt, Report, ReportOutcome, Verification,
};

/// A delivery, opened with its settings and then given jobs, one at a time.
///
/// Nothing learned in one job may be kept for another, except through
/// [`job::checkpoint`](crate::job::checkpoint). By default it may connect to one
/// place: the address of the device of the job in hand.
pub trait Delivery: Sized + 'static {
    /// The settings of the operator's file.
    type Settings: DeserializeOwned + JsonSchema;

    /// What it can do beside pushing. The host calls [`probe`](Self::probe) and
    /// the others only if they are named here.
    const CAPABILITIES: Capabilities = Capabilities::empty();

    /// URL schemes of the addresses it serves, in lower case; empty for any.
    const SCHEMES: &'static [&'static str] = &[];

    /// Takes the settings once. May not do any I/O.
    ///
    /// # Errors
    /// Every problem it can find, not only the first.
    fn open(settings: Self::Settings) -> Result<Self, Vec<Problem>>;

    /// The device fields that [`push`](Self::push), [`verify`](Self::verify) and
    /// [`probe`](Self::probe) look at; fewer make calls cheaper.
    fn reads(&self) -> Projection {
        Projection::everything()
    }

    /// Delivers the payload. Returns when the device has taken it all, or will
    /// fetch it. The host may end it at any wait; nothing runs afterwards, not
    /// even `drop`.
    ///
    /// # Errors
    /// The case of the error says what the host does next.
    fn push(&self, job: &Job, payload: &Payload) -> Result<Receipt, DeliveryError>;

    /// What the device runs now, after a push. Must not change anything on it.
    /// Asked only with [`Capabilities::VERIFIES`].
    ///
    /// # Errors
    /// If the device was not reached or did not answer.
    fn verify(&self, job: &Job) -> Result<Verification, DeliveryError> {
        let _ = job;
        Ok(Verification::CannotTell)
    }

    /// What the device is and runs. Asked only with [`Capabilities::PROBES`].
    ///
    /// # Errors
    /// If the device was reached but did not answer as it should. One that is not
    /// reached is a state with `reachable: false`, or an error.
    fn probe(&self, device: &Device) -> Result<DeviceState, DeliveryError> {
        let _ = device;
        Err(DeliveryError::other("this delivery cannot probe devices"))
    }

    /// Turns a message of a device that fetches by itself into reports. Pure.
    /// Asked only with [`Capabilities::INTERPRETS`].
    fn interpret(message: &[u8]) -> Vec<Report> {
        let _ = message;
        Vec::new()
    }
}
