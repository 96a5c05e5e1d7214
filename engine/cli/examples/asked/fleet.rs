use std::collections::BTreeMap;

use windlass_model::{Connectivity, Device, DeviceId, Timestamp, Value};

/// A device as an operator's list has it, of one of 1,000 sites.
pub(crate) fn device(number: u32) -> Device {
    Device {
        id: DeviceId::new(format!("device-{number:07}")),
        name: format!("Device {number}"),
        address: format!(
            "http://10.{}.{}.{}:8080",
            number >> 16,
            number >> 8 & 255,
            number & 255
        ),
        kind: Some("pos".to_owned()),
        version: Some(format!("2.{}.0", number % 20)),
        status: Connectivity::Online,
        location: Some(format!("site-{}", number % 1_000)),
        timezone: Some("Europe/Berlin".to_owned()),
        tags: vec![format!("ring-{}", number % 10), "retail".to_owned()],
        attributes: BTreeMap::from([
            ("model".to_owned(), Value::Text(format!("M{}", number % 50))),
            ("serial".to_owned(), Value::Text(format!("SN-{number:010}"))),
        ]),
        last_seen: Some(Timestamp(1_000)),
    }
}

/// One that the filter leaves out.
pub(crate) fn kiosk() -> Device {
    Device {
        id: DeviceId::new("kiosk-1"),
        kind: Some("kiosk".to_owned()),
        ..device(0)
    }
}
