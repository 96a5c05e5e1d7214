use std::{collections::BTreeMap, time::Instant};

use serde_json::json;
use windlass_host::Filter;
use windlass_model::{Device, Timestamp, Value};

use crate::{
    guest::filter_with,
    support::{builtin, device, host, open_filter},
};

const DEVICES: usize = 100_000;
/// All of `device-fields`.
const EVERYTHING: u16 = 0x3ff;
/// All but `all-attributes`.
const FIELDS: u16 = 0x1ff;

#[tokio::test]
#[ignore = "measures; run it alone, with --release and --nocapture"]
#[expect(clippy::print_stderr, reason = "its numbers are what it is for")]
async fn what_a_device_costs_by_what_the_filter_reads() {
    let host = host();
    let devices = fleet();
    let answer =
        "(call $answer (i32.shr_u (i32.add (local.get $count) (i32.const 7)) (i32.const 3)))";
    for (what, reads) in [
        ("id", 0),
        ("fields", FIELDS),
        ("fields, 8 attributes", EVERYTHING),
    ] {
        let filter = open_filter(&host, filter_with("", reads, "", answer)).await;
        eprintln!(
            "bump allocator, {what}: {:.2} µs a device",
            cost(&filter, &devices).await
        );
    }
    let cel = builtin(&host, "filter-cel").await;
    for expression in [
        "true",
        "device.kind == 'gateway'",
        "device.attributes.exists(a, a == 'x')",
    ] {
        match cel.filter(Some(expression), &json!({})).await {
            Ok(filter) => eprintln!(
                "cel `{expression}`: {:.2} µs a device",
                cost(&filter, &devices).await
            ),
            Err(error) => eprintln!("cel `{expression}`: {error}"),
        }
    }
}

/// Microseconds a device, best of five runs over the fleet.
async fn cost(filter: &Filter, devices: &[Device]) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let begun = Instant::now();
        let answers = filter
            .matches(Timestamp(0), devices)
            .await
            .expect("it answers");
        assert_eq!(answers.len(), devices.len());
        best = best.min(begun.elapsed().as_secs_f64());
    }
    best * 1e6 / devices.len() as f64
}

fn fleet() -> Vec<Device> {
    (0..DEVICES)
        .map(|index| Device {
            attributes: attributes(index),
            timezone: Some("Europe/Berlin".to_owned()),
            last_seen: Some(Timestamp(1_700_000_000_000)),
            ..device(&format!("device-{index:06}"), "https://10.0.0.1:8443")
        })
        .collect()
}

fn attributes(index: usize) -> BTreeMap<String, Value> {
    (0..8)
        .map(|number| {
            let value = if number % 2 == 0 {
                Value::Text(format!("value {index}"))
            } else {
                Value::Integer(number)
            };
            (format!("attribute-{number}"), value)
        })
        .collect()
}
