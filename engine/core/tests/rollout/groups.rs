//! Bounds on groups of devices (issue 3: "per-attribute concurrency caps", "availability
//! groups"). That they are never exceeded is checked by the world after every step.

use std::{num::NonZeroU32, time::Duration};

use windlass_core::{GroupSeat, Standing, admission::code};
use windlass_model::{DeviceKey, EventKind, GroupField, GroupLimit, Outcome, StateKind};

use crate::{
    fleet::{Mood, Presence},
    plan::{EASY, good, world},
    policy::Policy,
    world::World,
};

/// It breaks; three moods, so that it is in no other order than the good ones.
const BREAKS: [Mood; 3] = [Mood::Breaks, Mood::Takes, Mood::Takes];

fn limit(transfers: Option<u32>, unavailable: Option<u32>) -> GroupLimit {
    GroupLimit {
        by: GroupField::Location,
        transfers: transfers.and_then(NonZeroU32::new),
        unavailable: unavailable.and_then(NonZeroU32::new),
        bandwidth: None,
    }
}

fn site(number: i64) -> GroupSeat {
    GroupSeat {
        limit: 0,
        value: format!("site-{number}"),
    }
}

fn succeeded(world: &World) -> usize {
    let rows = world.table().rows.values();
    rows.filter(|row| row.state.kind() == StateKind::Succeeded)
        .count()
}

/// A site is full and others are not: its devices wait aside, and the slots are used.
#[test]
fn a_full_group_keeps_nobody_else_back() {
    let mut world = world(&[30], &[EASY], 10, 1, good(30));
    world.limits = vec![limit(Some(2), None)];
    world.begin();
    while world.in_flight() < 6 {
        assert_eq!(world.turn(), None);
    }
    for number in 0..3 {
        assert_eq!(world.groups().transferring(&site(number)), 2);
    }
    assert_eq!(world.go_on(), Outcome::Completed);
    assert_eq!(succeeded(&world), 30);
    assert_eq!(world.peak(), 6, "two a site, of ten slots");
    assert_eq!(world.looks, 30, "none was looked at twice");
}

/// A device that is rebooting is out of service though it holds no slot.
#[test]
fn a_device_that_reboots_counts_as_unavailable() {
    let devices = vec![(vec![Mood::Flashes], Presence::There); 9];
    let mut world = world(&[9], &[EASY], 9, 1, devices);
    world.limits = vec![limit(None, Some(1))];
    let began = world.now.wall;
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(succeeded(&world), 9);
    let passed = world.now.wall.since(began);
    assert!(
        passed >= Duration::from_secs(3 * 40),
        "one after the other: {passed:?}"
    );
}

/// A device that failed is out of service until it is back: the rest of its group waits, and
/// the run says for what.
#[test]
fn a_failed_device_takes_the_place_of_its_group() {
    let mut devices = good(9);
    devices[0].0 = BREAKS.to_vec();
    let mut world = world(&[9], &[EASY], 1, 1, devices);
    world.limits = vec![limit(None, Some(1))];
    world.begin();
    world.let_pass(Duration::from_secs(3));
    assert_eq!(world.table().row(1).state.kind(), StateKind::Failed);
    assert_eq!(succeeded(&world), 6, "the two other sites");
    let Standing::Blocked(reasons) = world.standing() else {
        panic!("{:?}", world.standing());
    };
    let cap = reasons.iter().find(|reason| reason.code == code::GROUP_CAP);
    assert!(cap.expect("the cap").text.contains("`site-1`"));
    let looks = world.looks;
    world.let_pass(Duration::from_secs(3600));
    assert!(
        world.looks - looks < 200,
        "{} looks in an hour",
        world.looks - looks
    );
    assert_eq!(succeeded(&world), 6);
    let deferred = |event: &EventKind| matches!(event, EventKind::DeviceDeferred { .. });
    assert_eq!(world.count(deferred), 0, "they wait without a word");
    world.store.failed.clear();
    assert_eq!(world.go_on(), Outcome::Completed);
    assert_eq!(succeeded(&world), 8);
}

/// A device that fell back is out of service as soon as that is known.
#[test]
fn a_device_that_fell_back_takes_the_place_of_its_group() {
    let mut devices = good(6);
    devices[0].0 = vec![Mood::FallsBack];
    let watching = Policy {
        rechecks: Some(2),
        ..EASY
    };
    let mut world = world(&[3, 3], &[watching], 3, 1, devices);
    world.limits = vec![limit(None, Some(1))];
    world.begin();
    let fell = |event: &EventKind| matches!(event, EventKind::DeviceRegressed { .. });
    while world.count(fell) == 0 {
        assert_eq!(world.turn(), None);
    }
    assert!(world.groups().is_out(&site(1), DeviceKey(1)));
    // Beyond the watch of the first cohort.
    world.let_pass(Duration::from_secs(300));
    assert_eq!(world.table().row(4).state.kind(), StateKind::Admitted);
    assert_eq!(succeeded(&world), 4, "the two other sites");
}

/// One that is out of service already may be updated: that takes nothing from its group.
#[test]
fn a_device_that_is_down_may_be_updated() {
    let mut world = world(&[1], &[EASY], 1, 1, good(1));
    world.limits = vec![limit(None, Some(1))];
    world.store.failed.insert(DeviceKey(1));
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(succeeded(&world), 1);
}

/// A group larger than what is kept aside gets through all the same, and bounds its rows.
#[test]
fn a_large_group_gets_through_a_small_cap() {
    let mut world = world(&[300], &[EASY], 8, 1, good(300));
    world.limits = vec![limit(Some(1), None)];
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(succeeded(&world), 300);
    world.check_end();
}

/// A failure is not forgotten because the store was read before it was there.
#[test]
fn an_older_health_answer_does_not_bring_a_failed_device_back() {
    let mut devices = good(6);
    devices[0].0 = BREAKS.to_vec();
    let mut world = world(&[6], &[EASY], 1, 1, devices);
    world.limits = vec![limit(None, Some(1))];
    world.begin();
    while world.table().row(1).state.kind() != StateKind::Failed {
        assert_eq!(world.turn(), None);
    }
    // The store knows nothing of it in the next pages.
    world.store.failed.clear();
    world.let_pass(Duration::from_secs(2));
    assert!(world.groups().is_out(&site(1), DeviceKey(1)));
}
