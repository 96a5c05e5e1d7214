use std::collections::BTreeMap;

use windlass_model::{
    AssignmentState, AttemptOutcome, Change, Connectivity, Device, DeviceId, DeviceKey,
    FailureKind, GroupField, Timestamp, Value,
};

use crate::fixture::{Fixture, attempt, device, observation, started};

fn site(number: usize) -> Device {
    let mut device = device(&format!("d-{number}"));
    device.location = Some(format!("site-{}", number % 2));
    device.kind = Some("till".to_owned());
    device
}

fn import(f: &mut Fixture, devices: Vec<Device>) -> Vec<DeviceKey> {
    f.store
        .import_devices(devices, Timestamp(1_000))
        .expect("imported");
    let all = f.store.devices(None, 1_000, &[]).expect("readable");
    all.into_iter().map(|stored| stored.key).collect()
}

fn down(f: &Fixture, field: GroupField, value: &str) -> Vec<DeviceKey> {
    let group = [(field, value.to_owned())];
    f.store.down(&group, &[]).expect("readable").remove(0)
}

pub(crate) fn offline_members_are_down(f: &mut Fixture) {
    let mut fleet: Vec<_> = (0..8).map(site).collect();
    for offline in [1, 2, 5] {
        fleet[offline].status = Connectivity::Offline;
    }
    fleet[3].status = Connectivity::Unknown;
    let keys = import(f, fleet);
    let groups = [
        (GroupField::Location, "site-1".to_owned()),
        (GroupField::Location, "nowhere".to_owned()),
        (GroupField::Kind, "till".to_owned()),
        (GroupField::Location, "site-0".to_owned()),
    ];
    let found = f.store.down(&groups, &[]).expect("readable");
    let all = vec![keys[1], keys[2], keys[5]];
    assert_eq!(found, [vec![keys[1], keys[5]], vec![], all, vec![keys[2]]]);

    // Nobody waits for a device that was taken out of the fleet.
    let gone = f.store.set_decommissioned(&DeviceId::new("d-1"), true);
    assert!(gone.expect("writable"));
    assert_eq!(down(f, GroupField::Location, "site-1"), [keys[5]]);
}

/// The failed count as out of service, until something newer is known.
pub(crate) fn a_failed_member_is_down_until_it_is_seen_or_updated(f: &mut Fixture) {
    let keys = import(f, (0..6).map(site).collect());
    f.store.reserve_attempt_ids(20).expect("ids are left");
    let rollout = f.rollout("r", &keys, 0);
    let rows = f.assignments(rollout);
    let failed = |kind| AttemptOutcome::Failed(crate::fixture::failure(kind));
    for (id, row) in (1..).zip(&rows[..4]) {
        f.dead_letter(rollout, row, (id, 3_000), FailureKind::Silent);
    }
    let regressed = AssignmentState::Failed(FailureKind::Regressed);
    let outcome = failed(FailureKind::Regressed);
    f.attempt(rollout, &rows[4], (5, 3_000), outcome, regressed);
    let outcome = failed(FailureKind::Rejected);
    f.attempt(
        rollout,
        &rows[5],
        (6, 3_000),
        outcome,
        AssignmentState::Rejected,
    );
    let tills = |f: &Fixture| down(f, GroupField::Kind, "till");
    assert_eq!(tills(f), keys[..5]);

    // Seen online at the instant of the failure, or offline later, is no news.
    for (device, at, status) in [
        (0, 4_000, Connectivity::Online),
        (1, 9_000, Connectivity::Offline),
        (2, 4_001, Connectivity::Online),
    ] {
        let mut seen = observation(keys[device], at);
        seen.status = Some(status);
        f.observe(rollout, seen);
    }
    assert_eq!(tills(f), [keys[0], keys[1], keys[3], keys[4]]);

    // An update that came before the failure is none since.
    let second = f.rollout("s", &keys, 0);
    let rows = f.assignments(second);
    for (device, id, at) in [(3, 7, 2_000), (4, 8, 5_000)] {
        let succeeded = AssignmentState::Succeeded;
        let row = &rows[device];
        f.attempt(second, row, (id, at), AttemptOutcome::Delivered, succeeded);
    }
    assert_eq!(tills(f), [keys[0], keys[1], keys[3]]);

    // That a device refused an update does not mend it.
    let refused = f.assignments(second).remove(0);
    let outcome = failed(FailureKind::Rejected);
    let rejected = AssignmentState::Rejected;
    f.attempt(second, &refused, (10, 5_000), outcome, rejected);
    assert_eq!(tills(f), [keys[0], keys[1], keys[3]]);

    // Failed again.
    let third = f.rollout("t", &keys, 0);
    let row = f.assignments(third).remove(4);
    f.dead_letter(third, &row, (9, 7_000), FailureKind::Busy);
    assert_eq!(tills(f), [keys[0], keys[1], keys[3], keys[4]]);
}

/// What [`GroupField::of`] says is a group, and nothing else.
pub(crate) fn groups_are_those_of_the_model(f: &mut Fixture) {
    let long = "x".repeat(1_000);
    let text = |text: &str| Value::Text(text.to_owned());
    let values = [
        text("3"),
        Value::Integer(3),
        Value::Real(3.0),
        text("true"),
        Value::Boolean(true),
        text("03"),
        text(&long),
        text(""),
    ];
    let fleet = values.iter().enumerate().map(|(number, value)| {
        let mut device = device(&format!("d-{number}"));
        device.status = Connectivity::Offline;
        device.attributes = BTreeMap::from([
            ("site".to_owned(), value.clone()),
            (long.clone(), text("a")),
        ]);
        device
    });
    let fleet: Vec<_> = fleet.collect();
    let keys = import(f, fleet.clone());
    let named = |name: &str| GroupField::Attribute(name.to_owned());
    let groups = [
        ("site", "3"),
        ("site", "true"),
        ("site", "03"),
        ("site", long.as_str()),
        ("site", ""),
        ("site", "3.0"),
        (long.as_str(), "a"),
        ("elsewhere", "3"),
    ];
    for (name, value) in groups {
        let field = named(name);
        let members = fleet.iter().zip(&keys);
        let expected: Vec<_> = members
            .filter(|(device, _)| field.of(device).as_deref() == Some(value))
            .map(|(_, key)| *key)
            .collect();
        assert_eq!(down(f, field, value), expected, "{name} {value}");
    }
    assert_eq!(down(f, named("site"), "3"), keys[..2]);
    assert_eq!(down(f, named("site"), &long), [keys[6]]);
}

/// Until its attempt is settled, a device is out of service, even if nobody drives the rollout
/// (issue 3: "availability groups"). Who does drive it counts for himself.
pub(crate) fn a_member_with_an_unsettled_attempt_is_down(f: &mut Fixture) {
    let keys = import(f, (0..4).map(site).collect());
    f.store.reserve_attempt_ids(20).expect("ids are left");
    let rollout = f.rollout("r", &keys, 0);
    let rows = f.assignments(rollout);
    f.apply(rollout, started(&rows[1], 1, 3_000));
    assert_eq!(down(f, GroupField::Location, "site-1"), [keys[1]]);
    assert_eq!(down(f, GroupField::Kind, "till"), [keys[1]]);
    let tills = [(GroupField::Kind, "till".to_owned())];
    let driven = f.store.down(&tills, &[rollout]).expect("readable");
    assert_eq!(driven, [[]]);

    let settled = Change::AttemptSettled {
        attempt: attempt(1),
        at: Timestamp(4_000),
    };
    f.apply(rollout, vec![settled]);
    assert_eq!(down(f, GroupField::Location, "site-1"), []);
}

/// A group reaches beyond the file that was imported last.
pub(crate) fn members_of_another_list_are_down_until_decommissioned(f: &mut Fixture) {
    let mut fleet: Vec<_> = (0..2).map(site).collect();
    fleet[1].status = Connectivity::Offline;
    let keys = import(f, fleet);
    let replaced = f.store.replace_devices(vec![site(2)], Timestamp(2_000));
    assert_eq!(replaced.expect("writable").unlisted, 2);
    assert_eq!(down(f, GroupField::Location, "site-1"), [keys[1]]);

    let gone = f.store.set_decommissioned(&DeviceId::new("d-1"), true);
    assert!(gone.expect("writable"));
    assert_eq!(down(f, GroupField::Location, "site-1"), []);
}
