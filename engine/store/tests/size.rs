//! What a large rollout takes on disk.

mod support;

use std::{collections::BTreeMap, fs};

use windlass_model::{Cohort, CohortIndex, Connectivity, Device, DeviceId, Timestamp};
use windlass_store::{Location, Store};

/// Enough that what the file holds beside them does not count.
const DEVICES: u32 = 20_000;

/// A million assignments must stay small: the page cache of a small server holds them.
const MOST_BYTES: u64 = 100;

fn device(number: u32) -> Device {
    Device {
        id: DeviceId::new(format!("device-{number:07}")),
        name: String::new(),
        address: "http://127.0.0.1".to_owned(),
        kind: None,
        version: None,
        status: Connectivity::Unknown,
        location: None,
        timezone: None,
        tags: Vec::new(),
        attributes: BTreeMap::new(),
        last_seen: None,
    }
}

/// Design §6: volume is bounded.
#[test]
fn an_assignment_takes_few_bytes() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("state.db");
    // A closed file has no write-ahead log: its length says it all.
    let open = || Store::open(&Location::File(path.clone())).expect("the file is free");
    let size = || fs::metadata(&path).expect("the file exists").len();
    let mut store = open();
    store
        .import_devices((0..DEVICES).map(device), Timestamp(1))
        .expect("imported");
    let devices = store.devices(None, DEVICES as usize, &[]).expect("read");
    drop(store);
    let before = size();
    let mut store = open();
    let mut plan = support::plan(&mut store);
    plan.cohorts = vec![Cohort {
        name: "all".to_owned(),
        size: u64::from(DEVICES),
    }];
    // In an order that has nothing to do with that of the rows.
    let ranked = (0..devices.len()).map(|rank| devices[rank * 7_919 % devices.len()].key);
    let mut targets = ranked.map(|device| (device, CohortIndex(0)));
    store
        .create_rollout(&plan, &mut targets, Timestamp(1))
        .expect("created");
    drop(store);
    let bytes = (size() - before) / u64::from(DEVICES);
    assert!((30..=MOST_BYTES).contains(&bytes), "{bytes}");
}
