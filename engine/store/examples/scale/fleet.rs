use std::collections::BTreeMap;

use windlass_model::{Connectivity, Device, DeviceId, Timestamp, Value};

/// A device as an operator's list has it, of one of 1,000 sites.
pub(crate) fn device(number: u32) -> Device {
    let text = |text: String| Value::Text(text);
    Device {
        id: DeviceId::new(format!("device-{number:07}")),
        name: format!("Device {number}"),
        address: format!(
            "http://10.{}.{}.{}:8080",
            number >> 16,
            number >> 8 & 255,
            number & 255
        ),
        kind: Some(format!("kind-{}", number % 7)),
        version: Some(format!("2.{}.0", number % 20)),
        status: Connectivity::Online,
        location: Some(format!("site-{}", number % 1_000)),
        timezone: Some("Europe/Berlin".to_owned()),
        tags: vec![format!("ring-{}", number % 10), "retail".to_owned()],
        attributes: BTreeMap::from([
            ("model".to_owned(), text(format!("M{}", number % 50))),
            (
                "ram".to_owned(),
                Value::Integer(i64::from(number % 4) * 512),
            ),
            ("serial".to_owned(), text(format!("SN-{number:010}"))),
        ]),
        last_seen: Some(Timestamp(1_000)),
    }
}
