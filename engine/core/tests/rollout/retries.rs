//! Retries are starts (design §7.4, §7.12).

use std::{num::NonZeroU32, time::Duration};

use windlass_core::{Effect, Standing, WaitingFor};
use windlass_model::{
    AssignmentState, DeviceId, EventKind, Hold, HoldKind, HoldSubject, Outcome, SkipReason,
    StateKind,
};

use crate::{
    fleet::{Mood, Presence},
    plan::{EASY, world},
    world::World,
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
