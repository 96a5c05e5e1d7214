//! Retries are starts (design §7.4, §7.12).

use std::{num::NonZeroU32, time::Duration};

use windlass_core::{Effect, Standing, WaitingFor};
use windlass_model::{
    AssignmentState, DeviceId, EventKind, GroupField, GroupLimit, Hold, HoldKind, HoldSubject,
    Outcome, SkipReason, StateKind, Steering,
};

use crate::{
    fleet::{Mood, Presence},
    plan::{EASY, world},
    world::{ONLY, World},
};

fn retrying(count: usize) -> World {
    let devices = vec![(vec![Mood::Refuses], Presence::There); count];
    world(&[count as u64], &[EASY], count, 3, devices)
}

fn hold(world: &World, device: &str) -> Hold {
    Hold {
        subject: HoldSubject::Device(DeviceId::new(device)),
        kind: HoldKind::Hold,
        until: None,
        actor: "ann".to_owned(),
        reason: String::new(),
        at: world.now.wall,
    }
}

/// Design §7.12: a device whose hold, window or filter changed between two attempts is
/// judged again before the second.
#[test]
fn a_due_retry_is_looked_at_before_it_starts() {
    let mut world = retrying(1);
    world.begin();
    world.quiesce();
    assert_eq!(world.table().row(1).state.kind(), StateKind::Waiting);
    world.holds.push(hold(&world, "device-1"));
    world.let_pass(Duration::from_secs(300));
    let row = world.table().row(1);
    assert_eq!(row.state.kind(), StateKind::Waiting);
    assert_eq!(row.started_attempts, 1, "nothing started under the hold");
    assert!(matches!(world.standing(), Standing::Blocked(_)));
    let told = |event: &EventKind| matches!(event, EventKind::DeviceDeferred { .. });
    assert_eq!(world.count(told), 1, "once");
    world.holds.clear();
    world.refresh();
    assert_eq!(world.go_on(), Outcome::Completed);
    assert_eq!(world.table().row(1).state, AssignmentState::Succeeded);
}

/// Design §7.12, and §7.9 ("devices that succeeded"): one that runs the release by the time
/// of its next try has succeeded; one that is no longer meant is skipped.
#[test]
fn a_retry_that_is_not_needed_any_more_ends() {
    let mut world = retrying(1);
    world.begin();
    world.quiesce();
    let key = windlass_model::DeviceKey(1);
    world.store.versions.insert(key, "2.0.0".to_owned());
    assert_eq!(world.go_on(), Outcome::Completed);
    assert_eq!(world.table().row(1).state, AssignmentState::Succeeded);

    let mut world = retrying(1);
    world.begin();
    world.quiesce();
    world.store.versions.insert(key, "3.0.0".to_owned());
    assert_eq!(world.go_on(), Outcome::Completed);
    let skipped = AssignmentState::Skipped(SkipReason::WouldDowngrade);
    assert_eq!(world.table().row(1).state, skipped);
}

/// Design §7.4: an exhausted budget of retries delays, it does not dead-letter; first starts
/// are not its matter.
#[test]
fn an_exhausted_retry_budget_delays() {
    let mut world = retrying(30);
    world.retries_per_minute = NonZeroU32::new(6);
    let began = world.now.wall;
    world.begin();
    world.quiesce();
    assert_eq!(world.now.wall, began, "all were started at once");
    assert_eq!(world.go_on(), Outcome::Completed);
    let all = world.table().rows.values();
    assert!(
        all.into_iter()
            .all(|row| row.state == AssignmentState::Succeeded)
    );
    // One minute's worth is there at the start, the other 24 come at 6 a minute.
    let passed = world.now.wall.since(began).as_secs();
    assert!((235..260).contains(&passed), "{passed} s");
}

/// Each is looked at once before its one start; never more than a page at a time, which the
/// world checks.
#[test]
fn a_due_retry_is_looked_at_once() {
    let mut world = retrying(600);
    assert_eq!(world.run(), Outcome::Completed);
    let pages: Vec<usize> = world
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::Reconsider { rows } => Some(rows.len()),
            _ => None,
        })
        .collect();
    assert_eq!(pages.iter().sum::<usize>(), 600);
}

fn retry(world: &mut World, key: i64) {
    let device = DeviceId::new(format!("device-{key}"));
    let told = world.order(ONLY, Steering::Retry { device });
    told.expect("it waits");
}

/// Issue 3, "with no owner, a command takes the lock, commits and leaves".
#[test]
fn a_retry_that_was_ordered_without_an_engine_is_due_in_the_next() {
    let mut world = world(
        &[1],
        &[EASY],
        1,
        3,
        vec![(vec![Mood::AsksForTime], Presence::There)],
    );
    world.begin();
    world.quiesce();
    world.reload();
    let before = world.now;
    retry(&mut world, 1);
    let retry_at = before.wall;
    assert_eq!(
        world.table().row(1).state,
        AssignmentState::Waiting { retry_at }
    );
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(world.now, before);
}

/// A wait that is in the store goes on in the next process, and not from its start.
#[test]
fn a_waiting_retry_is_timed_after_a_restart() {
    let mut world = world(
        &[1],
        &[EASY],
        1,
        3,
        vec![(vec![Mood::AsksForTime], Presence::There)],
    );
    world.begin();
    world.quiesce();
    let AssignmentState::Waiting { retry_at } = world.table().row(1).state else {
        panic!("it waits");
    };
    world.let_pass(Duration::from_secs(20));
    world.begin();
    world.let_pass(Duration::from_secs(1));
    let due = match world.standing() {
        Standing::WaitingUntil(due, WaitingFor::Retry) => due,
        other => panic!("{other:?}"),
    };
    assert_eq!(due, retry_at);
    assert_eq!(world.go_on(), Outcome::Completed);
    assert!(world.now.wall >= retry_at);
    assert!(world.now.wall.since(retry_at) < Duration::from_secs(2));
}

/// An order meets the answer about a device that is being looked at, which it overtakes, and
/// one that waits for room in its group.
#[test]
fn a_retry_is_ordered_while_the_device_is_looked_at_or_parked() {
    let mut world = retrying(3);
    world.begin();
    let looked = |world: &World| {
        let mut effects = world.effects.iter();
        effects.any(|effect| matches!(effect, Effect::Reconsider { .. }))
    };
    while !looked(&world) {
        assert_eq!(world.turn(), None);
    }
    for key in 1..=3 {
        retry(&mut world, key);
    }
    assert_eq!(world.go_on(), Outcome::Completed);
    world.check_end();

    // One at a time in a site; devices 3 and 6 share it.
    let moods = || (vec![Mood::Refuses], Presence::There);
    let mut world = self::world(&[6], &[EASY], 6, 3, (0..6).map(|_| moods()).collect());
    world.limits = vec![GroupLimit {
        by: GroupField::Location,
        transfers: NonZeroU32::new(1),
        unavailable: None,
        bandwidth: None,
    }];
    world.begin();
    let waiting = |world: &World| -> Vec<i64> {
        let rows = world.table().rows.values();
        rows.filter(|row| row.state.kind() == StateKind::Waiting)
            .map(|row| row.device.0)
            .collect()
    };
    for _ in 0..400 {
        for key in waiting(&world) {
            retry(&mut world, key);
        }
        if world.turn().is_some() {
            break;
        }
    }
    assert_eq!(world.go_on(), Outcome::Completed);
    let all = world.table().rows.values();
    assert!(
        all.into_iter()
            .all(|row| row.state == AssignmentState::Succeeded)
    );
    world.check_end();
}

/// A device's window is a clock in the next process too, and for those beside a device that a
/// person has tried at once.
#[test]
fn a_put_off_device_is_waited_for_after_a_restart_and_beside_a_retry() {
    let later = || (Vec::new(), Presence::Later(30));
    let windowed = |world: &World| {
        let standing = world.standing();
        let window = matches!(standing, Standing::WaitingUntil(_, WaitingFor::Window));
        assert!(window, "{standing:?}");
    };
    let mut world = world(&[2], &[EASY], 1, 3, vec![later(), later()]);
    world.begin();
    world.let_pass(Duration::from_secs(3));
    windowed(&world);
    world.begin();
    world.let_pass(Duration::from_secs(3));
    windowed(&world);
    retry(&mut world, 1);
    world.let_pass(Duration::from_secs(3));
    assert_eq!(world.table().row(1).state, AssignmentState::Succeeded);
    windowed(&world);
    assert_eq!(world.go_on(), Outcome::Completed);

    // A hold without an end is no clock, whichever process finds it.
    let mut world = retrying(1);
    world.holds.push(hold(&world, "device-1"));
    world.begin();
    world.let_pass(Duration::from_secs(3));
    world.begin();
    world.let_pass(Duration::from_secs(3));
    assert!(matches!(world.standing(), Standing::Blocked(_)));
}

/// Issue 3, "clock stepping": a retry that was put off to an instant goes by the wall clock
/// also in the process after the one that put it off.
#[test]
fn a_retry_that_was_put_off_follows_a_stepped_clock_after_a_restart() {
    let mut world = retrying(1);
    world.begin();
    world.quiesce();
    let mut until = hold(&world, "device-1");
    until.until = Some(world.now.wall.plus(Duration::from_secs(36_000)));
    world.holds.push(until);
    world.let_pass(Duration::from_secs(70));
    world.begin();
    world.let_pass(Duration::from_secs(3));
    world.holds.clear();
    let before = world.now.monotonic;
    world.now.wall = world.now.wall.plus(Duration::from_secs(36_000));
    world.let_pass(Duration::from_secs(1));
    assert_eq!(world.go_on(), Outcome::Completed);
    let passed = world.now.monotonic - before;
    assert!(passed < Duration::from_secs(30), "{passed:?}");
}

/// A retry is a clock.
#[test]
fn a_waiting_retry_is_waited_for() {
    let devices = vec![(vec![Mood::AsksForTime], Presence::There)];
    let mut world = world(&[1], &[EASY], 1, 3, devices);
    world.begin();
    world.let_pass(Duration::from_secs(3));
    let standing = world.standing();
    let retry = matches!(standing, Standing::WaitingUntil(_, WaitingFor::Retry));
    assert!(retry, "{standing:?}");
}
