//! Devices, jobs, payloads and opened plugins for tests.

use super::double;
use crate::{
    Connectivity, Delivery, Device, Filter, Job, Payload, Policy, Problem, Release, settings,
};

/// A payload of these bytes.
pub fn payload(bytes: impl AsRef<[u8]>) -> Payload {
    Payload(double::Payload(bytes.as_ref().into()))
}

/// A device of which nothing but its id and address is known.
pub fn device(id: &str, address: &str) -> Device {
    Device {
        id: id.to_owned(),
        name: String::new(),
        address: address.to_owned(),
        kind: None,
        version: None,
        status: Connectivity::Unknown,
        location: None,
        timezone: None,
        tags: Vec::new(),
        attributes: Vec::new(),
        last_seen: None,
    }
}

/// The first attempt (number 1, attempt id 7) to bring `payload` to a device, as
/// version 2.0.0 of a release named `release`.
pub fn job(device: Device, payload: &Payload) -> Job {
    Job {
        device,
        release: Release {
            name: "release".to_owned(),
            version: "2.0.0".to_owned(),
            size: payload.size(),
            sha256: payload.sha256(),
            media_type: payload.media_type(),
        },
        assignment_id: "1".to_owned(),
        attempt_id: 7,
        attempt: 1,
        checkpoint: None,
    }
}

/// Opens a filter with settings as JSON text, `{}` for none.
///
/// # Errors
/// What the filter refuses.
pub fn open_filter<F: Filter>(expression: Option<&str>, settings: &str) -> Result<F, Vec<Problem>> {
    F::open(expression, settings::parse(settings)?)
}

/// Opens a policy with settings as JSON text.
///
/// # Errors
/// What the policy refuses.
pub fn open_policy<P: Policy>(settings: &str) -> Result<P, Vec<Problem>> {
    P::open(settings::parse(settings)?)
}

/// Opens a delivery with settings as JSON text.
///
/// # Errors
/// What the delivery refuses.
pub fn open_delivery<D: Delivery>(settings: &str) -> Result<D, Vec<Problem>> {
    D::open(settings::parse(settings)?)
}
