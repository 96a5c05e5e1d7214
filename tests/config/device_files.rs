use windlass_cli::devices::Format;
use windlass_model::{Connectivity, JsonText, Timestamp, Value};

use super::support::Place;

/// GO-132, in the words of its sample data.
const SAMPLE: &str = include_str!("devices.json");

#[test]
fn the_sample_of_ten_devices_is_imported_unchanged() {
    let place = Place::with("devices.json", SAMPLE);
    let (devices, file) = place.devices().expect("GO-132");
    assert_eq!((file.count, file.format), (10, Format::JsonArray));
    let with = |status| devices.iter().filter(move |device| device.status == status);
    assert_eq!(with(Connectivity::Online).count(), 6);
    assert_eq!(with(Connectivity::Offline).count(), 3);
    assert_eq!(with(Connectivity::Unknown).count(), 1);
    let first = &devices[0];
    assert_eq!(first.id.as_str(), "pos-nyc-001");
    assert_eq!(first.address, "https://pos-nyc-001.retailcorp.com:8443");
    assert!(first.version.is_some() && first.location.is_some());
    let region = Value::Text("us-east".to_owned());
    assert_eq!(first.attributes["region"], region);
}

const RICH: &str = r#"{"id": "a", "name": "Ä", "address": "ssh://a.example", "kind": "till",
  "version": "2.2.0", "status": "online", "timezone": "Europe/Oslo", "tags": ["z", "b", "z"],
  "last_seen": "2026-01-31T09:00:00.250+01:00", "created_at": "2025-01-31T08:00:00Z",
  "serial": 17, "metadata": {"rack": {"row": [1, null]}, "load": 0.5, "spare": true, "gone": null}}"#;

#[test]
fn every_kind_of_value_is_kept() {
    let place = Place::with("devices.json", format!("\u{feff}[{RICH}]"));
    let (devices, _) = place.devices().expect("it is right");
    let [device] = devices.as_slice() else {
        panic!("one device: {devices:?}");
    };
    assert_eq!(device.version.as_deref(), Some("2.2.0"));
    assert_eq!(device.tags, ["b", "z"]);
    assert_eq!(device.last_seen, Some(Timestamp(1_769_846_400_250)));
    let nested = JsonText {
        json: r#"{"row":[1,null]}"#.to_owned(),
    };
    let attributes = [
        ("created_at", Value::Text("2025-01-31T08:00:00Z".to_owned())),
        ("load", Value::Real(0.5)),
        ("rack", Value::Json(nested)),
        ("serial", Value::Integer(17)),
        ("spare", Value::Boolean(true)),
    ];
    let attributes = attributes.map(|(name, value)| (name.to_owned(), value));
    assert_eq!(device.attributes, attributes.into());
}

#[test]
fn a_device_is_the_same_in_all_three_formats() {
    let one_line = r#"{"id":"a","address":"http://a","tags":["x","y"],"firmware_version":"1","metadata":{"region":"north, far"}}"#;
    let csv = "id,address,tags,firmware_version,metadata.region,kind\r\n\
               a,http://a,y; x,1,\"north, far\",\r\n\r\n";
    let files = [
        (
            "devices.json",
            format!("[\n{one_line}\n]"),
            Format::JsonArray,
        ),
        ("devices.json", format!("\n{one_line}\n\n"), Format::Ndjson),
        ("devices.CSV", csv.to_owned(), Format::Csv),
        ("devices.csv", csv.trim_end().to_owned(), Format::Csv),
    ];
    let read = files.map(|(name, text, format)| {
        let (devices, file) = Place::with(name, text).devices().expect("it is right");
        assert_eq!(file.format, format);
        devices
    });
    assert!(read.iter().all(|devices| *devices == read[0]));
}

#[test]
fn a_cell_in_quotes_may_hold_line_breaks_and_quotes() {
    let csv =
        "id,address,note\na,http://a,\"two\nlines, \"\"quoted\"\"\"\nb,http://b,five\" screen\n";
    let (devices, _) = Place::with("devices.csv", csv)
        .devices()
        .expect("it is right");
    let note = |index: usize| devices[index].attributes["note"].clone();
    assert_eq!(note(0), Value::Text("two\nlines, \"quoted\"".to_owned()));
    assert_eq!(note(1), Value::Text("five\" screen".to_owned()));
}

#[test]
fn a_file_of_no_devices_is_one() {
    for (name, text) in [("devices.json", " [ ] \n"), ("devices.csv", "id,address\n")] {
        let (devices, file) = Place::with(name, text).devices().expect("it is right");
        assert!(devices.is_empty() && file.count == 0);
    }
}
