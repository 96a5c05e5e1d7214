//! What most plugins use.

pub use schemars::JsonSchema;
pub use serde::Deserialize;

pub use crate::{
    Delivery, DeliveryError, Device, DeviceFields, Filter, Payload, Policy, Problem, Projection,
    Timestamp, Value,
};
