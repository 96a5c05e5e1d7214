//! A device to ask about, and an expression opened as the host opens it.

use windlass_filter_cel::CelFilter;
use windlass_sdk::settings::NoSettings;
use windlass_sdk::{Attribute, Connectivity, Device, Filter, Problem, Timestamp, Value};

/// 2026-01-01T00:00:00Z.
pub(crate) const NOW: Timestamp = 1_767_225_600_000;
const HOUR: u64 = 3_600_000;

pub(crate) fn till() -> Device {
    Device {
        id: "till-17".into(),
        name: "Till 17".into(),
        address: "https://10.0.0.17".into(),
        kind: Some("pos".into()),
        version: Some("2.1.0".into()),
        status: Connectivity::Online,
        location: Some("hall-b".into()),
        timezone: Some("Europe/Berlin".into()),
        tags: vec!["beta".into(), "indoor".into()],
        attributes: vec![
            Attribute::new("model", Value::Json(r#"{"line":"X","ports":[1,2]}"#.into())),
            Attribute::new("pilot", true),
            Attribute::new("ram", 512_i64),
            Attribute::new("region", "northeast"),
            Attribute::new("zoom", 1.5),
        ],
        last_seen: Some(NOW - 2 * HOUR),
    }
}

/// A device of which nothing is known but its id.
pub(crate) fn stranger() -> Device {
    Device {
        id: "stranger".into(),
        name: String::new(),
        address: String::new(),
        kind: None,
        version: None,
        status: Connectivity::Unknown,
        location: None,
        timezone: None,
        tags: vec![],
        attributes: vec![],
        last_seen: None,
    }
}

pub(crate) fn open(expression: &str) -> Result<CelFilter, Vec<Problem>> {
    CelFilter::open(Some(expression), NoSettings {})
}

pub(crate) fn matches(expression: &str, device: Device) -> bool {
    let filter = open(expression).unwrap_or_else(|problems| panic!("{expression}: {problems:?}"));
    filter
        .matches(NOW, device)
        .expect("every fault is found when the filter is opened")
}
