//! Dead letters that people requeue or dismiss.

use std::time::Duration;

use windlass_core::Effect;
use windlass_model::{
    AssignmentState, EventKind, FailureKind, Outcome, RolloutState, StateKind, Steering, Timestamp,
};

use crate::{
    fleet::{Mood, Presence},
    orders::{failing, id, kinds},
    plan::{EASY, good, world},
    policy::Policy,
    world::{ONLY, World},
};

/// The only device gets fresh attempts, and takes the release.
fn requeue_and_succeed(world: &mut World) {
    let devices = vec![id(1)];
    world
        .order(ONLY, Steering::Requeue { devices })
        .expect("a dead letter");
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(kinds(world), [StateKind::Succeeded]);
}

/// Issue 3: an excluded device whose outcome nobody knows is a dead letter; whoever wants it
/// all the same requeues it, and it is tried as often as any.
#[test]
fn a_requeue_takes_an_exclusion_back() {
    let moods = [Mood::DropsAll, Mood::Refuses];
    let mut world = world(&[1], &[EASY], 1, 2, failing(&moods, 1));
    world.facts.verifies = false;
    world.begin();
    while world.in_flight() == 0 {
        assert_eq!(world.turn(), None);
    }
    world
        .order(ONLY, Steering::Exclude { device: id(1) })
        .expect("in flight");
    assert_eq!(world.go_on(), Outcome::Completed);
    assert_eq!(kinds(&world), [StateKind::DeadLettered]);
    requeue_and_succeed(&mut world);
}

/// Issue 3: `dead-letters requeue|dismiss`.
#[test]
fn dead_letters_get_fresh_attempts_or_are_dismissed() {
    let mut world = world(&[3], &[EASY], 3, 1, failing(&[Mood::Refuses], 3));
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(kinds(&world), [StateKind::DeadLettered; 3]);
    let dismissed = vec![id(3)];
    world
        .order(ONLY, Steering::Dismiss { devices: dismissed })
        .expect("a dead letter");
    assert_eq!(
        world.table().row(3).state,
        AssignmentState::Failed(FailureKind::Unreachable)
    );
    let devices = vec![id(1), id(1), id(2)];
    world
        .order(ONLY, Steering::Requeue { devices })
        .expect("dead letters");
    assert_eq!(world.table().rollout.state, RolloutState::Running);
    assert_eq!(world.table().rollout.ended_at, None);
    let reopened = |event: &EventKind| matches!(event, EventKind::RolloutReopened);
    assert_eq!(world.count(reopened), 1);
    assert_eq!(world.run(), Outcome::Completed);
    let expected = [
        StateKind::Succeeded,
        StateKind::Succeeded,
        StateKind::Failed,
    ];
    assert_eq!(kinds(&world), expected);
    let [cohort] = world.only().rollout.cohorts() else {
        panic!("one cohort");
    };
    assert_eq!((cohort.started, cohort.ended), (3, 3));
    assert_eq!(cohort.failures.values().sum::<u64>(), 1);
}

/// Design §6, "after a lost answer": a requeued device that may run the release is asked
/// before it is pushed to, by whichever process comes to it, and by each requeue anew.
#[test]
fn a_requeued_device_in_doubt_is_asked_before_it_is_pushed_to() {
    let width = Policy { width: 1, ..EASY };
    let mut world = world(&[3], &[width], 3, 1, failing(&[Mood::FallsSilent], 3));
    let requeue = || Steering::Requeue {
        devices: vec![id(1), id(2), id(3)],
    };
    assert_eq!(world.run(), Outcome::Completed);
    let silent = AssignmentState::DeadLettered(FailureKind::Silent);
    // The last is still mute.
    assert_eq!(world.table().row(3).state, silent);
    world.order(ONLY, requeue()).expect("dead letters");
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(world.table().row(3).state, silent);
    world.now.monotonic += Duration::from_secs(900);
    world.now.wall = world.now.wall.plus(Duration::from_secs(900));
    let devices = vec![id(3)];
    world
        .order(ONLY, Steering::Requeue { devices })
        .expect("a dead letter");
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(kinds(&world), [StateKind::Succeeded; 3]);
    let started = |event: &EventKind| matches!(event, EventKind::AttemptStarted { .. });
    assert_eq!(world.count(started), 3, "none is pushed to twice");
    world.check_end();
}

/// Design §6: the old version is believed when the device had time to flash, and then it is
/// pushed to.
#[test]
fn a_requeued_device_that_runs_another_version_is_pushed_to() {
    let mut world = world(&[1], &[EASY], 1, 1, failing(&[Mood::DropsAll], 1));
    assert_eq!(world.run(), Outcome::Completed);
    let lost = AssignmentState::DeadLettered(FailureKind::Interrupted);
    assert_eq!(world.table().row(1).state, lost);
    let before = world.now.wall;
    let devices = vec![id(1)];
    world
        .order(ONLY, Steering::Requeue { devices })
        .expect("a dead letter");
    let seen = world.effects.len();
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(kinds(&world), [StateKind::Succeeded]);
    assert!(world.now.wall.since(before) >= Duration::from_secs(60));
    let told: Vec<_> = world.effects[seen..]
        .iter()
        .filter_map(|effect| match effect {
            Effect::Verify { .. } => Some("verify"),
            Effect::Start { .. } => Some("start"),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["verify", "verify", "start", "verify"]);
}

/// A clock that was set back since does not keep a requeued device from being believed.
#[test]
fn a_requeued_device_is_believed_although_the_clock_was_set_back() {
    let mut world = world(&[1], &[EASY], 1, 1, failing(&[Mood::DropsAll], 1));
    assert_eq!(world.run(), Outcome::Completed);
    let day = Duration::from_secs(24 * 60 * 60);
    world.now.wall = Timestamp(world.now.wall.0 - day.as_millis() as u64);
    let before = world.now.monotonic;
    requeue_and_succeed(&mut world);
    let took = world.now.monotonic - before;
    assert!(took < Duration::from_secs(600), "{took:?}");
}

/// What a device answered before its first start holds, also when all that was found out
/// about it meanwhile is to be looked at anew.
#[test]
fn a_requeued_device_that_answered_is_not_asked_for_ever() {
    let mut world = world(&[1], &[EASY], 1, 1, failing(&[Mood::DropsAll], 1));
    assert_eq!(world.run(), Outcome::Completed);
    let devices = vec![id(1)];
    world
        .order(ONLY, Steering::Requeue { devices })
        .expect("a dead letter");
    let asks = |world: &World| {
        let verifies = |effect: &&Effect| matches!(effect, Effect::Verify { .. });
        world.effects.iter().filter(verifies).count()
    };
    let before = asks(&world);
    let mut seen = before;
    world.begin();
    while world.turn().is_none() {
        if asks(&world) > seen && seen < before + 6 {
            seen = asks(&world);
            world.refresh();
        }
    }
    assert_eq!(kinds(&world), [StateKind::Succeeded]);
    assert_eq!(
        asks(&world) - before,
        3,
        "twice before the push, once after"
    );
}

/// Design §7.3: a requeued device is a new one to those who count first failures.
#[test]
fn a_requeue_takes_the_first_failure_back() {
    let mut devices = failing(&[Mood::Refuses], 2);
    devices.extend(good(1));
    let mut world = world(&[3], &[EASY], 3, 1, devices);
    assert_eq!(world.run(), Outcome::Completed);
    let first_failures = |world: &World| {
        let cohort = &world.only().rollout.cohorts()[0];
        (cohort.first_failures.values().sum::<u64>(), cohort.started)
    };
    assert_eq!(first_failures(&world), (2, 3));
    let devices = vec![id(1), id(2)];
    world
        .order(ONLY, Steering::Requeue { devices })
        .expect("dead letters");
    assert_eq!(first_failures(&world), (0, 1));
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(first_failures(&world), (0, 3));
}

/// Design §7.9: what was updated by a lost attempt is among the devices to take back.
#[test]
fn a_requeued_device_that_is_known_to_run_the_release_has_succeeded() {
    let mut world = world(&[1], &[EASY], 1, 1, failing(&[Mood::FallsSilent], 1));
    assert_eq!(world.run(), Outcome::Completed);
    let key = windlass_model::DeviceKey(1);
    world.store.versions.insert(key, "2.0.0".to_owned());
    requeue_and_succeed(&mut world);
}

/// Issue 3, GX: a requeue while the rollout runs needs no other process.
#[test]
fn a_dead_letter_is_requeued_while_the_rollout_runs() {
    let mut devices = failing(&[Mood::Refuses], 1);
    devices.push((vec![Mood::AsksForTime], Presence::There));
    let mut world = world(&[2], &[EASY], 2, 3, devices);
    world.table_mut().rollout.plan.settings.retry.attempts = 1;
    world.begin();
    world.quiesce();
    assert_eq!(kinds(&world)[0], StateKind::DeadLettered);
    // Of two dead letters one is requeued before the end of the run is told.
    assert_eq!(world.state(), RolloutState::Completed);
    let devices = vec![id(1)];
    world
        .order(ONLY, Steering::Requeue { devices })
        .expect("a dead letter");
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(
        kinds(&world),
        [StateKind::Succeeded, StateKind::DeadLettered]
    );
}
