//! A fleet of a million. Not part of a usual run: it takes a minute and says how long each
//! step took, which no assertion may depend on.
#![expect(clippy::print_stdout, reason = "its figures are for people")]

mod support;

use std::{collections::BTreeMap, fs, num::NonZeroU32, time::Instant};

use windlass_model::{
    Assignment, AssignmentState, AttemptId, AttemptOutcome, Change, ChangeSet, Cohort, CohortIndex,
    Condition, Connectivity, Device, DeviceId, Event, EventKind, IndexedField, Relation,
    RolloutKey, StateKind, Timestamp, Value,
};
use windlass_store::{Location, Store};

const DEVICES: u32 = 1_000_000;
const COMMITTED: usize = 20_000;
const SETS_A_TRANSACTION: usize = 100;

fn device(number: u32) -> Device {
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

fn timed<T>(what: &str, step: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let result = step();
    println!("{what}: {:.2} s", begun.elapsed().as_secs_f64());
    result
}

/// Start, end with an event each, as `windlass-core` writes them.
fn sets(rollout: RolloutKey, row: &Assignment, id: u32) -> [ChangeSet; 2] {
    let attempt = AttemptId(NonZeroU32::new(id).expect("ids are positive"));
    let mut begun = row.clone();
    begun.state = AssignmentState::Transferring(attempt);
    begun.started_attempts = 1;
    begun.counted_attempts = 1;
    begun.attempt_started = Some(Timestamp(2_000));
    let mut ended = begun.clone();
    ended.state = AssignmentState::Succeeded;
    let moved = |from, row: &Assignment| Change::Assignment {
        from,
        row: Box::new(row.clone()),
    };
    let event = |kind| Event {
        at: Timestamp(2_000),
        rollout: Some(rollout),
        kind,
    };
    let device = row.device_id.clone();
    [
        ChangeSet {
            rollout,
            changes: vec![
                Change::AttemptStarted {
                    attempt,
                    assignment: row.id,
                    device: row.device,
                    number: 1,
                    at: Timestamp(2_000),
                },
                moved(StateKind::Pending, &begun),
            ],
            events: vec![event(EventKind::AttemptStarted {
                device: device.clone(),
                attempt,
                number: 1,
            })],
        },
        ChangeSet {
            rollout,
            changes: vec![
                Change::AttemptEnded {
                    attempt,
                    at: Timestamp(3_000),
                    outcome: AttemptOutcome::Delivered,
                    bytes: 1_024,
                },
                Change::AttemptSettled {
                    attempt,
                    at: Timestamp(3_000),
                },
                moved(StateKind::Transferring, &ended),
            ],
            events: vec![event(EventKind::DeviceSucceeded { device })],
        },
    ]
}

#[test]
#[ignore = "takes a minute; run it alone"]
fn a_million_devices_are_imported_planned_and_rolled_out_to() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("state.db");
    let mut store = Store::open(&Location::File(path.clone())).expect("a new file opens");
    let size = || fs::metadata(&path).expect("the file exists").len();

    timed("import of 1,000,000 new devices", || {
        store
            .import_devices((0..DEVICES).map(device), Timestamp(2_000))
            .expect("imported");
    });
    timed("import of the same list again", || {
        store
            .replace_devices((0..DEVICES).map(device), Timestamp(2_000))
            .expect("imported");
    });
    println!("bytes a device: {}", size() / u64::from(DEVICES));

    let keys = timed("reading all devices, 8,192 a page", || {
        let (mut after, mut keys) = (None, Vec::new());
        loop {
            let page = store.devices(after, 8_192, &[]).expect("a page");
            let Some(last) = page.last() else { break keys };
            after = Some(last.key);
            keys.extend(page.iter().map(|stored| stored.key));
        }
    });
    timed("one device by its serial number", || {
        let narrow = [Condition {
            field: IndexedField::Attribute("serial".to_owned()),
            relation: Relation::Equals(Value::Text("SN-0000777777".to_owned())),
        }];
        assert_eq!(store.devices(None, 10, &narrow).expect("a page").len(), 1);
    });

    let before = size();
    let mut plan = support::plan(&mut store);
    plan.cohorts = vec![Cohort {
        name: "all".to_owned(),
        size: u64::from(DEVICES),
    }];
    // In an order that has nothing to do with that of the rows.
    let total = keys.len();
    let mut targets = (0..total).map(|rank| (keys[rank * 7_919 % total], CohortIndex(0)));
    let rollout = timed("creating a rollout of 1,000,000 targets", || {
        store
            .create_rollout(&plan, &mut targets, Timestamp(2_000))
            .expect("created")
    });
    drop(store);
    let bytes = (size() - before) / u64::from(DEVICES);
    println!("bytes an assignment, with indexes: {bytes}");
    assert!(bytes <= 100, "a million assignments must stay small");

    let mut store = Store::open(&Location::File(path)).expect("the file is free");
    store.reserve_attempt_ids(1_000_000).expect("left");
    timed("snapshot", || store.snapshot(rollout).expect("readable"));
    let rows = store
        .assignments(rollout, None, COMMITTED / 2)
        .expect("readable");
    let (starts, ends): (Vec<_>, Vec<_>) = (1..)
        .zip(&rows)
        .map(|(id, row)| sets(rollout, row, id))
        .map(|[start, end]| (start, end))
        .unzip();
    let begun = Instant::now();
    for group in [starts, ends].concat().chunks(SETS_A_TRANSACTION) {
        let answers = store.commit(&group.iter().collect::<Vec<_>>());
        assert!(answers.iter().all(Result::is_ok));
    }
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "commits, 100 sets a transaction: {:.0} sets/s",
        COMMITTED as f64 / seconds
    );
    timed("cancelling the rest", || {
        let set = ChangeSet {
            rollout,
            changes: vec![Change::CancelRemaining],
            events: Vec::new(),
        };
        assert!(store.commit(&[&set])[0].is_ok());
    });
    timed("snapshot", || {
        let cohort = store.snapshot(rollout).expect("readable").cohorts.remove(0);
        assert_eq!(cohort.states.ended(), u64::from(DEVICES));
    });
    timed("check", || {
        assert!(store.check().expect("the check runs").is_empty())
    });
}
