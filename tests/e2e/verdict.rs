//! What must hold at the end of every story, whatever happened in it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use windlass_store::Store;

use crate::support::{Bench, Ended};

/// The whole log of the bench's state file.
pub(crate) async fn log(bench: &Bench) -> Vec<Value> {
    let log = ["events", "--state", "state/windlass.db", "--output", "json"];
    let log = bench.windlass(&log).await;
    assert_eq!(log.code, Some(0), "{log:#?}");
    log.events()
}

/// Every device of the bench succeeded and was updated once; nothing is missing in the log, and
/// the state file is sound.
pub(crate) async fn everyone_once(bench: Bench, last: &Ended, devices: u64) {
    assert_eq!(last.code, Some(0), "{last:#?}");
    assert_eq!(last.result()["succeeded"], devices, "{last:#?}");
    let problems = Store::open_read_only(&bench.path("state/windlass.db"))
        .expect("the state file opens")
        .check()
        .expect("it can be read");
    assert_eq!(problems, Vec::<String>::new());
    let succeeded = is_whole(&log(&bench).await);
    assert_eq!(succeeded.len() as u64, devices);
    let payload = bench.payload;
    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(payload), []);
    assert_eq!(report.totals.updated, devices);
}

/// Zero duplicate or missing events: numbers without a gap, one success per device, attempts
/// counted from 1 on. The devices that succeeded.
pub(crate) fn is_whole(events: &[Value]) -> BTreeSet<String> {
    let mut attempts = BTreeMap::<String, u64>::new();
    let mut succeeded = BTreeSet::new();
    for (expected, event) in (1..).zip(events) {
        assert_eq!(event["seq"], expected, "{event}");
        let device = device(event).to_owned();
        match event["type"].as_str().expect("events have a type") {
            "attempt-started" => {
                let last = attempts.entry(device).or_default();
                *last += 1;
                assert_eq!(event["number"], *last, "{event}");
            }
            "device-succeeded" => assert!(succeeded.insert(device), "{event}"),
            _ => {}
        }
    }
    succeeded
}

/// The device that an event speaks of.
pub(crate) fn device(event: &Value) -> &str {
    event["device"].as_str().unwrap_or_default()
}

/// The events of this type.
pub(crate) fn of_type<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events
        .iter()
        .filter(|event| event["type"] == kind)
        .collect()
}

/// When an event happened, in milliseconds since 1970, by the engine's clock.
pub(crate) fn millis(event: &Value) -> i64 {
    let time = event["time"].as_str().expect("events have a time");
    let time: jiff::Timestamp = time.parse().expect("it is RFC 3339");
    time.as_millisecond()
}
