//! The fleet as a list of devices to import.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use windlass_model::Connectivity;

use crate::device::Device;
use crate::dice::Question;
use crate::shared::Shared;

/// A device as the device file of a rollout names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRecord {
    /// Unique in the fleet.
    pub id: String,
    /// For people.
    #[serde(default)]
    pub name: String,
    /// A URL. Of no account in a list that a fleet is made from.
    #[serde(default)]
    pub address: String,
    /// What is said of its connection.
    #[serde(default)]
    pub status: Connectivity,
    /// The version that it runs.
    #[serde(default, alias = "version")]
    pub firmware_version: Option<String>,
    /// Everything else, such as `kind`, `location`, `tags` and `metadata`.
    #[serde(flatten)]
    pub further: Map<String, Value>,
}

/// Devices that there may be.
const KINDS: [&str; 3] = ["terminal", "kiosk", "gateway"];
/// Where they may be: location, region and time zone.
const PLACES: [(&str, &str, &str); 5] = [
    ("New York", "us-east", "America/New_York"),
    ("Chicago", "us-central", "America/Chicago"),
    ("Lisbon", "eu-west", "Europe/Lisbon"),
    ("Berlin", "eu-central", "Europe/Berlin"),
    ("Kolkata", "ap-south", "Asia/Kolkata"),
];
const RINGS: [&str; 3] = ["flagship", "standard", "seasonal"];
const PRIORITIES: [&str; 3] = ["high", "medium", "low"];
/// Devices of one store, in the order of their indexes.
const DEVICES_PER_STORE: usize = 20;

impl DeviceRecord {
    pub(crate) fn of(device: &Device) -> Self {
        let running = {
            let mut book = device.ledger.book();
            book.software.running(std::time::Instant::now()).to_owned()
        };
        Self {
            id: device.id(),
            name: device.name(),
            address: format!("http://{}", device.address),
            status: device.status(),
            firmware_version: (!running.is_empty()).then_some(running),
            further: match device.listed() {
                Some(record) => record.further.clone(),
                None => drawn(device),
            },
        }
    }
}

/// What is drawn for a device that no list speaks of.
fn drawn(device: &Device) -> Map<String, Value> {
    let dice = device.dice;
    let pick =
        |question, items: &[&'static str]| dice.pick(question, items).copied().unwrap_or_default();
    let (location, region, timezone) = dice
        .pick(Question::Place, &PLACES)
        .copied()
        .unwrap_or_default();
    let kind = pick(Question::Kind, &KINDS);
    let ring = pick(Question::Ring, &RINGS);
    let fields = [
        ("kind", json!(kind)),
        ("location", json!(location)),
        ("timezone", json!(timezone)),
        ("tags", json!([kind, ring])),
        (
            "metadata",
            json!({
                "store_id": format!("store-{:04}", device.index / DEVICES_PER_STORE),
                "region": region,
                "type": ring,
                "priority": pick(Question::Priority, &PRIORITIES),
            }),
        ),
    ];
    let owned = fields.map(|(name, value)| (name.to_owned(), value));
    owned.into_iter().collect()
}

/// Writes the fleet as a JSON array, one device a line.
pub(crate) fn write(shared: &Shared, mut to: impl Write) -> io::Result<()> {
    let mut opening = "[";
    for device in &shared.devices {
        write!(to, "{opening}\n  ")?;
        serde_json::to_writer(&mut to, &DeviceRecord::of(device))?;
        opening = ",";
    }
    let closing = if opening == "[" { "[]\n" } else { "\n]\n" };
    to.write_all(closing.as_bytes())?;
    to.flush()
}
