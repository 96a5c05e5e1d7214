//! A fleet made from a list of devices.

use std::net::Ipv4Addr;

use serde_json::{Value, json};
use windlass_model::Connectivity;
use windlass_sim::{Addressing, DeviceRecord, Fleet, FleetSpec};

use crate::support::{push, version};

fn listed(list: Value) -> Vec<DeviceRecord> {
    serde_json::from_value(list).expect("a list of devices")
}

/// GO-126, GO-132: the devices of a file, with addresses where they are.
#[tokio::test]
async fn the_devices_of_a_file_are_there_as_the_file_says() {
    let list = json!([
        {
            "id": "pos-nyc-001", "name": "Register 1",
            "address": "https://pos-nyc-001.retailcorp.com:8443", "status": "online",
            "firmware_version": "2.2.0", "location": "New York, NY",
            "metadata": { "store_id": "NYC-5TH-AVE", "lanes": 3 },
        },
        { "id": "pos-mia-001", "status": "offline", "version": "2.1.0" },
        { "id": "pos-aus-001", "status": "unknown" },
    ]);
    let ports = Addressing::Ports {
        address: Ipv4Addr::LOCALHOST,
    };
    for addressing in [Addressing::default(), ports] {
        let fleet = Fleet::start(FleetSpec {
            addressing,
            offline_share: 1.0,
            ..FleetSpec::of(listed(list.clone()))
        })
        .expect("a fleet");

        let mut file = Vec::new();
        fleet.export(&mut file).expect("written");
        let exported: Value = serde_json::from_slice(&file).expect("JSON");
        let address = exported[0]["address"].as_str().expect("text").to_owned();
        assert!(address.starts_with("http://127."), "{address}");
        let mut expected = list[0].clone();
        expected["address"] = json!(address);
        assert_eq!(exported[0], expected);
        let records = listed(exported);
        let statuses = records.iter().map(|record| record.status);
        let expected = [
            Connectivity::Online,
            Connectivity::Offline,
            Connectivity::Unknown,
        ];
        assert_eq!(statuses.collect::<Vec<_>>(), expected);
        assert_eq!(records[1].firmware_version.as_deref(), Some("2.1.0"));
        assert_eq!(records[2].firmware_version, None);

        let told = version(&fleet, 0).await.expect("answers").json();
        assert_eq!(told["device_id"], "pos-nyc-001");
        assert_eq!(told["device_name"], "Register 1");
        assert_eq!(told["version"], "2.2.0");
        version(&fleet, 2).await.expect("unknown is reachable");
        push(&fleet, 1, b"release", "").await.expect_err("offline");
        fleet.connect(fleet.index_of("pos-mia-001").expect("it is there"));
        while push(&fleet, 1, b"release", "").await.is_err() {
            tokio::task::yield_now().await;
        }
        let report = fleet.stop().await;
        assert_eq!(report.devices[1].id, "pos-mia-001");
    }
}

#[tokio::test]
async fn a_list_that_makes_no_sense_is_refused() {
    let one = json!({ "id": "a" });
    let sense = |spec: FleetSpec| match Fleet::start(spec) {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    };
    let twice = sense(FleetSpec::of(listed(json!([one, one]))));
    assert!(twice.contains("\"a\" is listed twice"), "{twice}");
    let more = sense(FleetSpec {
        count: 2,
        ..FleetSpec::of(listed(json!([one])))
    });
    assert!(more.contains("1 devices are listed"), "{more}");
}
