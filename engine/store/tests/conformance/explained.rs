use std::collections::BTreeMap;

use windlass_model::{
    AssignmentState, ChangeSet, Deferral, Device, EngineBounds, Event, EventKind, GroupField,
    GroupLimit, PluginName, Reason, StateKind, Timestamp, Value,
};

use crate::fixture::{Fixture, device, event, moved, started};

fn reason(text: &str) -> Reason {
    Reason {
        code: "hold".to_owned(),
        cohort: None,
        parameters: BTreeMap::from([("actor".to_owned(), Value::Text("ann".to_owned()))]),
        text: text.to_owned(),
    }
}

/// What puts a device off is kept with it, until it goes on; and is told in the log.
pub(crate) fn a_blocker_is_kept_as_long_as_its_device_waits(f: &mut Fixture) {
    let devices = f.fleet(2);
    let rollout = f.rollout("r", &devices, 1);
    f.store.reserve_attempt_ids(10).expect("ids are left");
    let rows = f.assignments(rollout);
    let until = Timestamp(9_000);
    let deferral = Deferral {
        until,
        needs_connection: false,
    };
    let why = reason("on hold by ann");
    for row in &rows {
        let mut put_off = row.clone();
        put_off.state = AssignmentState::Deferred(deferral);
        put_off.blocker = Some(Box::new(why.clone()));
        let told = EventKind::DeviceDeferred {
            device: row.device_id.clone(),
            until,
            needs_connection: false,
            reason: Some(why.clone()),
        };
        let set = ChangeSet {
            rollout,
            changes: vec![windlass_model::Change::Assignment {
                from: StateKind::Pending,
                row: Box::new(put_off),
            }],
            events: vec![Event {
                at: Timestamp(5_000),
                rollout: Some(rollout),
                kind: told.clone(),
            }],
        };
        f.commit(&set).expect("no conflict");
        let (of, kind) = f.events().pop().expect("it was told");
        assert_eq!((of, kind), (Some(rollout), told));
    }
    let kept = f.assignments(rollout);
    assert_eq!(kept[0].blocker.as_deref(), Some(&why));
    assert_eq!(kept[1].blocker, kept[0].blocker);

    let admitted = moved(&kept[0], AssignmentState::Admitted);
    f.apply(rollout, vec![admitted]);
    let kept = f.assignments(rollout);
    assert_eq!(kept[0].blocker, None, "it goes on");
    assert_eq!(kept[1].blocker.as_deref(), Some(&why));
    let of_device = f.store.assignments_of_device(kept[1].device);
    assert_eq!(of_device.expect("readable"), [kept[1].clone()]);
}

/// The log is read by device, and without its devices and decisions, up to any instant.
pub(crate) fn the_log_is_read_by_device(f: &mut Fixture) {
    let devices = f.fleet(2);
    let rollout = f.rollout("r", &devices, 1);
    let rows = f.assignments(rollout);
    let told = |at, kind| Event {
        at: Timestamp(at),
        rollout: Some(rollout),
        kind,
    };
    let succeeded = |row: usize| EventKind::DeviceSucceeded {
        device: rows[row].device_id.clone(),
    };
    let events = vec![
        told(1_000, succeeded(0)),
        event(rollout, 2_000),
        told(
            2_500,
            EventKind::DecisionFailed {
                policy: PluginName::new("careful"),
                message: "it trapped".to_owned(),
            },
        ),
        told(3_000, succeeded(1)),
        told(4_000, succeeded(0)),
    ];
    let set = ChangeSet {
        rollout,
        changes: Vec::new(),
        events: events.clone(),
    };
    f.commit(&set).expect("no conflict");
    let all = f
        .store
        .events(Default::default(), 10, None)
        .expect("readable");
    let all: Vec<_> = all.into_iter().map(|logged| logged.event).collect();
    assert_eq!(all, events);
    let times = |until, limit| -> Vec<u64> {
        let found = f
            .store
            .events_of_device(rows[0].device, Timestamp(until), limit)
            .expect("readable");
        found.iter().map(|logged| logged.event.at.0).collect()
    };
    assert_eq!(times(9_000, 10), [1_000, 4_000]);
    assert_eq!(times(9_000, 1), [4_000]);
    assert_eq!(times(3_999, 10), [1_000]);
    let rest = f
        .store
        .events_of_none(Some(rollout), Timestamp(9_000), 10)
        .expect("readable");
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].event, events[1]);
    let of_none = f.store.events_of_none(None, Timestamp(9_000), 10);
    assert_eq!(of_none.expect("readable"), []);
}

/// Events that came with a move of their device's assignment are found as those that came
/// without are: of every rollout, in order, and up to any number.
pub(crate) fn the_log_of_a_device_is_of_all_its_rollouts(f: &mut Fixture) {
    let devices = f.fleet(2);
    let (one, other) = (f.rollout("r", &devices, 1), f.rollout("s", &devices, 1));
    let mut told = 0;
    for rollout in [one, other] {
        for row in f.assignments(rollout) {
            let event = |at| Event {
                at: Timestamp(at),
                rollout: Some(rollout),
                kind: EventKind::DeviceSucceeded {
                    device: row.device_id.clone(),
                },
            };
            told += 2;
            let with_its_move = ChangeSet {
                rollout,
                changes: vec![moved(&row, AssignmentState::Admitted)],
                events: vec![event(told * 1_000)],
            };
            f.commit(&with_its_move).expect("no conflict");
            let alone = ChangeSet {
                rollout,
                changes: Vec::new(),
                events: vec![event((told + 1) * 1_000)],
            };
            f.commit(&alone).expect("no conflict");
        }
    }
    let times = |device: usize, until, limit| -> Vec<u64> {
        let found = f
            .store
            .events_of_device(devices[device], Timestamp(until), limit)
            .expect("readable");
        found.iter().map(|logged| logged.event.at.0).collect()
    };
    assert_eq!(times(0, 99_000, 10), [2_000, 3_000, 6_000, 7_000]);
    assert_eq!(times(1, 99_000, 10), [4_000, 5_000, 8_000, 9_000]);
    assert_eq!(times(0, 6_500, 2), [3_000, 6_000]);
}

/// What the engine allowed itself outlives it, and the newest holds.
pub(crate) fn bounds_are_those_of_the_newest_engine(f: &mut Fixture) {
    assert_eq!(f.store.bounds().expect("readable"), None);
    let first = EngineBounds {
        since: Timestamp(1),
        transfers: std::num::NonZeroU32::MIN,
        bandwidth: None,
        retries_per_minute: std::num::NonZeroU32::new(30),
        groups: vec![GroupLimit {
            by: GroupField::Location,
            transfers: None,
            unavailable: std::num::NonZeroU32::new(2),
            bandwidth: None,
        }],
    };
    let second = EngineBounds {
        since: Timestamp(2),
        groups: Vec::new(),
        ..first.clone()
    };
    for bounds in [first, second] {
        f.store.put_bounds(&bounds).expect("kept");
        assert_eq!(f.store.bounds().expect("readable"), Some(bounds));
    }
}

/// Transfers are counted, also those to a group, without a look at the other devices.
pub(crate) fn transfers_are_counted(f: &mut Fixture) {
    let long = "x".repeat(200);
    let of = |number: u32, attribute: Value| Device {
        location: Some(format!("site-{}", number % 2)),
        attributes: BTreeMap::from([("ring".to_owned(), attribute)]),
        ..device(&format!("d-{number}"))
    };
    let rings = [
        Value::Integer(3),
        Value::Real(3.0),
        Value::Text("3".to_owned()),
        Value::Boolean(true),
        Value::Text(long.clone()),
        Value::Integer(3),
    ];
    let devices = (0..).zip(rings).map(|(number, ring)| of(number, ring));
    f.store
        .import_devices(devices, Timestamp(1_000))
        .expect("imported");
    let devices = f.store.devices(None, 6, &[]).expect("devices");
    let devices: Vec<_> = devices.into_iter().map(|stored| stored.key).collect();
    let rollout = f.rollout("r", &devices, 1);
    f.store.reserve_attempt_ids(10).expect("ids are left");
    let rows = f.assignments(rollout);
    for (id, row) in (1..).zip(&rows[..5]) {
        f.apply(rollout, started(row, id, 3_000));
    }
    f.apply(rollout, vec![moved(&rows[5], AssignmentState::Admitted)]);
    assert_eq!(f.store.transfers(rollout).expect("readable"), 5);
    let ring = || GroupField::Attribute("ring".to_owned());
    for (field, value, expected) in [
        (GroupField::Location, "site-0", 3),
        (GroupField::Location, "site-1", 2),
        (GroupField::Kind, "lamp", 0),
        (ring(), "3", 2),
        (ring(), "true", 1),
        (ring(), &*long, 1),
        (ring(), "4", 0),
    ] {
        let counted = f.store.transfers_in(rollout, &field, value);
        assert_eq!(counted.expect("readable"), expected, "{field:?} {value}");
    }
}
