use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Serialize};

use crate::{Device, Timestamp, Value};

/// What makes devices a group: those with the same value of this field belong together. A
/// device without the field belongs to no group.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GroupField {
    /// Where it is.
    Location,
    /// What it is.
    Kind,
    /// The attribute of this name; only texts, whole numbers and booleans make groups.
    Attribute(String),
}

impl GroupField {
    /// The group that a device belongs to by this field.
    pub fn of(&self, device: &Device) -> Option<String> {
        match self {
            Self::Location => device.location.clone(),
            Self::Kind => device.kind.clone(),
            Self::Attribute(name) => match device.attributes.get(name)? {
                Value::Text(text) => Some(text.clone()),
                Value::Integer(number) => Some(number.to_string()),
                Value::Boolean(truth) => Some(truth.to_string()),
                Value::Real(_) | Value::Json(_) => None,
            },
        }
    }
}

/// Bounds on each group of devices, over all rollouts of an engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupLimit {
    /// What makes a group.
    pub by: GroupField,
    /// Transfers at once in a group.
    pub transfers: Option<NonZeroU32>,
    /// Members of a group that may be out of service at once: being updated, failed, or
    /// known to be offline.
    pub unavailable: Option<NonZeroU32>,
    /// Payload bytes a second to a group.
    pub bandwidth: Option<NonZeroU64>,
}

/// What an engine allows itself over all its rollouts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineBounds {
    /// When the engine was started.
    pub since: Timestamp,
    /// Transfers at once.
    pub transfers: NonZeroU32,
    /// Payload bytes a second.
    pub bandwidth: Option<NonZeroU64>,
    /// Retries a minute.
    pub retries_per_minute: Option<NonZeroU32>,
    /// Bounds on groups of devices.
    pub groups: Vec<GroupLimit>,
}
