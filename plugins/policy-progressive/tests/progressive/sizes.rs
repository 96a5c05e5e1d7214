//! How cohorts are cut and devices placed (design §7.1).

use windlass_sdk::{Attribute, Connectivity, Device, DeviceFields, Policy};

use crate::fleet::{START, open, sizes};
use crate::quarantine::device;

#[test]
fn percentages_are_cumulative_and_sizes_round_up() {
    for (settings, devices, wanted) in [
        (
            r#"{"cohorts":[{"name":"a","percent":10},{"name":"b","percent":50},{"name":"c","percent":100}]}"#,
            300,
            [30, 120, 150],
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":10},{"name":"b","percent":50},{"name":"c"}]}"#,
            3,
            [1, 1, 1],
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":1},{"name":"b","percent":2},{"name":"c"}]}"#,
            1,
            [1, 0, 0],
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":33.3},{"name":"b","percent":66.6},{"name":"c"}]}"#,
            1000,
            [333, 333, 334],
        ),
        (
            r#"{"cohorts":[{"name":"a","count":5},{"name":"b","percent":10},{"name":"c"}]}"#,
            20,
            [5, 0, 15],
        ),
        (
            r#"{"cohorts":[{"name":"a","count":5},{"name":"b","count":8},{"name":"c"}]}"#,
            6,
            [5, 1, 0],
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":10},{"name":"b","percent":50},{"name":"c"}]}"#,
            0,
            [0, 0, 0],
        ),
    ] {
        assert_eq!(
            sizes(&open(settings), devices),
            wanted,
            "{settings} of {devices}"
        );
    }
}

#[test]
fn without_settings_all_devices_start_at_once() {
    assert_eq!(sizes(&open("{}"), 17), [17]);
}

#[test]
fn devices_are_placed_by_stratum_and_recency() {
    let device = |region: Option<&str>, age: Option<u64>| Device {
        attributes: region
            .map(|region| Attribute::new("region", region))
            .into_iter()
            .collect(),
        last_seen: age.map(|age| START - age),
        ..device()
    };
    let policy = open(r#"{"stratify_by":"attributes.region","recently_seen_first":"1h"}"#);
    let place = |device| {
        let placement = policy.place(START, &device);
        (placement.tier, placement.stratum)
    };
    assert_eq!(
        place(device(Some("north"), Some(3_600_000))),
        (0, "north".into())
    );
    assert_eq!(place(device(None, Some(3_600_001))), (1, String::new()));
    assert_eq!(place(device(None, None)), (1, String::new()));
    assert_eq!(policy.reads().fields, DeviceFields::LAST_SEEN);
    assert_eq!(policy.reads().attributes, ["region"]);
}

/// GX-10: a canary of random devices that are online; the host draws them by its seed.
#[test]
fn online_devices_come_first_on_request() {
    let device = |status, age: Option<u64>| Device {
        status,
        last_seen: age.map(|age| START - age),
        ..device()
    };
    let tiers = |settings: &str| -> Vec<u32> {
        let policy = open(settings);
        [
            device(Connectivity::Online, None),
            device(Connectivity::Offline, Some(1000)),
            device(Connectivity::Unknown, None),
        ]
        .iter()
        .map(|device| policy.place(START, device).tier)
        .collect()
    };
    assert_eq!(tiers("{}"), [0, 0, 0]);
    assert_eq!(tiers(r#"{"online_first":true}"#), [0, 1, 1]);
    assert_eq!(
        tiers(r#"{"online_first":true,"recently_seen_first":"1h"}"#),
        [0, 1, 2]
    );
    assert_eq!(
        open(r#"{"online_first":true}"#).reads().fields,
        DeviceFields::STATUS
    );
}
