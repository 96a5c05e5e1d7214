//! The fleet as a list of devices to import.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::{Deserialize, Serialize};
use windlass_model::Connectivity;

use crate::device::Device;
use crate::dice::Question;

/// A device as the device file of a rollout names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the keys of the file")]
pub struct DeviceRecord {
    pub id: String,
    pub name: String,
    pub address: String,
    pub status: Connectivity,
    pub firmware_version: Option<String>,
    pub kind: String,
    pub location: String,
    pub timezone: String,
    pub tags: Vec<String>,
    pub metadata: BTreeMap<String, String>,
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
        let dice = device.dice;
        let pick = |question, items: &[&'static str]| {
            dice.pick(question, items).copied().unwrap_or_default()
        };
        let (location, region, timezone) = dice
            .pick(Question::Place, &PLACES)
            .copied()
            .unwrap_or_default();
        let kind = pick(Question::Kind, &KINDS);
        let ring = pick(Question::Ring, &RINGS);
        let store = format!("store-{:04}", device.index / DEVICES_PER_STORE);
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
            kind: kind.to_owned(),
            location: location.to_owned(),
            timezone: timezone.to_owned(),
            tags: vec![kind.to_owned(), ring.to_owned()],
            metadata: BTreeMap::from([
                ("store_id".to_owned(), store),
                ("region".to_owned(), region.to_owned()),
                ("type".to_owned(), ring.to_owned()),
                (
                    "priority".to_owned(),
                    pick(Question::Priority, &PRIORITIES).to_owned(),
                ),
            ]),
        }
    }
}

/// Writes a JSON array, one device a line.
pub(crate) fn write(
    records: impl Iterator<Item = DeviceRecord>,
    mut to: impl Write,
) -> io::Result<()> {
    let mut opening = "[";
    for record in records {
        write!(to, "{opening}\n  ")?;
        serde_json::to_writer(&mut to, &record)?;
        opening = ",";
    }
    let closing = if opening == "[" { "[]\n" } else { "\n]\n" };
    to.write_all(closing.as_bytes())?;
    to.flush()
}
