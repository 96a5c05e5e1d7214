use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{DeviceId, DeviceKey, Timestamp};

/// What the registry last heard of a device's connection.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum Connectivity {
    Online,
    Offline,
    #[default]
    Unknown,
}

/// The value of a device attribute. JSON `null` is not a value: such a key is left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A boolean.
    Boolean(bool),
    /// A whole number that fits 64 bits.
    Integer(i64),
    /// Any other number; never NaN or infinite.
    Real(f64),
    /// A text.
    Text(String),
    /// An array or object, kept as JSON.
    Json(JsonText),
}

/// An array or object as compact JSON text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JsonText {
    /// The text.
    pub json: String,
}

/// A device as the registry knows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Device {
    /// Unique in the fleet.
    pub id: DeviceId,
    /// For people; may be empty.
    pub name: String,
    /// A URL with scheme.
    pub address: String,
    /// Such as `gateway`.
    pub kind: Option<String>,
    /// The version it runs, by the newest observation.
    pub version: Option<String>,
    /// Its connection, by the newest observation.
    pub status: Connectivity,
    /// Where it is.
    pub location: Option<String>,
    /// An IANA zone name.
    pub timezone: Option<String>,
    /// Sorted, without repetition.
    pub tags: Vec<String>,
    /// Everything else that is known of it, by name.
    pub attributes: BTreeMap<String, Value>,
    /// When it was last heard of.
    pub last_seen: Option<Timestamp>,
}

/// A device with its row, as the store returns it.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDevice {
    /// Its row.
    pub key: DeviceKey,
    /// What is known.
    pub device: Device,
}

/// Where an observed field's value came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ObservationSource {
    /// An imported file; its time is the record's `last_seen`, or the epoch if it has
    /// none, so that an import never overwrites what was observed.
    Import,
    /// A delivery's `probe`.
    Probe,
    /// A delivery's `verify`.
    Verify,
    /// An attempt: that the device answered.
    Contact,
}

/// Something learned about a device at an instant. An older observation never
/// overwrites a newer one of the same field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// Whose.
    pub device: DeviceKey,
    /// When it was seen.
    pub at: Timestamp,
    /// Who saw it.
    pub source: ObservationSource,
    /// The version it runs, if that was learned.
    pub version: Option<String>,
    /// Its connection, if that was learned.
    pub status: Option<Connectivity>,
}
