//! The rollout's state machine against a simple world (issue 2: "`core` passes its
//! property tests").

mod fleet;
mod groups;
mod orders;
mod plan;
mod policy;
mod rechecks;
mod requeues;
mod retries;
mod several;
mod shadows;
mod signals;
mod spec;
mod store;
mod swaps;
mod trouble;
mod world;

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*, sample::select};
use windlass_core::{DeliveryFacts, Input, Standing, StopCause};
use windlass_model::{
    Assignment, AssignmentState, EventKind, FailureKind, InFlight, OnUncertain, Outcome,
    RolloutState, StateKind, Steering,
};

use self::{
    fleet::{Mood, Presence},
    plan::{EASY, good, policies, presences, world},
    policy::Policy,
    world::ONLY,
};

proptest! {
    /// Design §6: the cap is exact; one unsettled attempt a device, also across crashes;
    /// no device is updated twice, none is forgotten; ceilings hold; an abort is for good.
    #[test]
    fn whatever_happens_every_device_ends_and_none_is_updated_twice(
        devices in vec((vec(select(Mood::ALL.to_vec()), 0..5), presences()), 0..40),
        shares in vec(1..5_u64, 1..4),
        policies in vec(policies(), 0..3),
        cap in 1..6_usize,
        attempts in 1..4_u32,
        verifies in any::<bool>(),
        choices in vec(any::<u16>(), 0..600),
        crashes in vec(1..400_u32, 0..4),
        person_aborts in option::weighted(0.1, 5..200_u32),
    ) {
        let total = devices.len() as u64;
        let parts: u64 = shares.iter().sum();
        let mut sizes: Vec<_> = shares.iter().map(|share| total * share / parts).collect();
        sizes[0] += total - sizes.iter().sum::<u64>();
        let mut world = world(&sizes, &policies, cap, attempts, devices);
        world.facts.verifies = verifies;
        world.choices = choices;
        world.crashes = crashes;
        world.begin();
        let mut turns = 0;
        let outcome = loop {
            turns += 1;
            if person_aborts == Some(turns) {
                let in_flight = InFlight::Finish;
                let _ = world.order(ONLY, Steering::Abort { in_flight });
            }
            if let Some(outcome) = world.turn() {
                break outcome;
            }
        };
        prop_assert!(matches!(outcome, Outcome::Completed | Outcome::Aborted));
        world.check_end();
    }

    /// A stop loses nothing: the next run goes on and ends.
    #[test]
    fn a_stopped_rollout_goes_on_in_the_next_run(
        devices in vec((vec(select(Mood::ALL.to_vec()), 0..3), presences()), 1..30),
        cap in 1..6_usize,
        stop_at in 1..80_u32,
        cancels in any::<bool>(),
    ) {
        let mut world = world(&[devices.len() as u64], &[EASY], cap, 3, devices);
        world.begin();
        let early = (1..stop_at).find_map(|_| world.turn());
        if early.is_none() {
            world.input(Input::Stop(StopCause::Signal));
            if cancels {
                world.input(Input::CancelInFlight);
            }
            let outcome = match world.standing() {
                Standing::Ended(outcome) => outcome,
                _ => loop {
                    if let Some(outcome) = world.turn() {
                        break outcome;
                    }
                },
            };
            prop_assert!(matches!(outcome, Outcome::Stopped | Outcome::Completed));
            prop_assert_eq!(world.in_flight(), 0);
            if outcome == Outcome::Stopped {
                prop_assert_eq!(world.run(), Outcome::Completed);
            }
        }
        world.check_end();
    }
}

#[test]
fn a_rollout_without_targets_is_complete_at_once() {
    let mut world = world(&[0], &[EASY], 1, 1, Vec::new());
    world.begin();
    assert_eq!(world.standing(), Standing::Ended(Outcome::Completed));
    assert_eq!(world.run(), Outcome::Completed);
}

/// Devices that are away are probed for ever. However long that takes, the run comes back
/// between two looks: nothing but their connection can move it on.
#[test]
fn slow_probes_of_devices_that_stay_away_do_not_look_like_work() {
    let devices = vec![(Vec::new(), Presence::Away(u8::MAX)); 3];
    let mut world = world(&[3], &[EASY], 3, 1, devices);
    world.begin();
    while world.looks < 9 {
        world.tick();
    }
    let calls = world.only().policies[0].calls;
    // Longer than devices are put off for.
    world.probes_take = Duration::from_secs(20);
    let mut blocked = 0;
    while world.looks < 30 {
        let looks = world.looks;
        world.tick();
        if world.looks > looks {
            blocked += usize::from(matches!(world.standing(), Standing::Blocked(_)));
        }
    }
    assert_eq!(blocked, 7, "after every look at three devices");
    let asked = world.only().policies[0].calls - calls;
    assert!(
        asked <= 3,
        "a look is no news to a policy, which was asked {asked} times"
    );
}

/// Design §7.15 and §7.3: traps use up no attempt; a plugin that always traps ends in a
/// pause instead of an endless loop.
#[test]
fn a_plugin_that_always_traps_stops_its_rollout_and_costs_no_attempt() {
    let moods = vec![Mood::PluginTraps; 100];
    let mut world = world(&[3], &[EASY], 3, 1, vec![(moods, Presence::There); 3]);
    world.begin();
    while !matches!(world.standing(), Standing::Blocked(_)) {
        assert_eq!(world.turn(), None);
    }
    assert_eq!(world.state(), RolloutState::Paused);
    for row in world.table().rows.values() {
        assert_eq!(row.counted_attempts, 0);
        assert_eq!(row.state.kind(), StateKind::Waiting);
    }
}

/// Design §4: a file edited during a rollout stops the rollout.
#[test]
fn a_changed_payload_pauses_the_rollout() {
    let mut world = world(&[9], &[EASY], 2, 3, good(9));
    world.begin();
    while world.in_flight() == 0 {
        assert_eq!(world.turn(), None);
    }
    world.fail_next_push(FailureKind::Source);
    assert_eq!(world.state(), RolloutState::Paused);
    assert_eq!(
        world.in_flight(),
        1,
        "nothing takes the slot that became free"
    );
}

/// Design §6, "after a crash": an idempotent delivery may push again if told so.
#[test]
fn a_lost_answer_without_verification_follows_on_uncertain() {
    for (idempotent_push, expected) in [
        (false, StateKind::DeadLettered),
        (true, StateKind::Succeeded),
    ] {
        let mut world = world(
            &[1],
            &[EASY],
            1,
            3,
            vec![(vec![Mood::DropsAll], Presence::There)],
        );
        world.facts = DeliveryFacts {
            verifies: false,
            idempotent_push,
        };
        world.table_mut().rollout.plan.settings.settle.on_uncertain = OnUncertain::PushAgain;
        assert_eq!(world.run(), Outcome::Completed);
        let kinds: Vec<_> = world
            .table()
            .rows
            .values()
            .map(|row| row.state.kind())
            .collect();
        assert_eq!(kinds, [expected]);
    }
}

/// GO-110, design §6: that the last byte left is told from where the attempt came to, not
/// from what it sent itself: an attempt that went on from a checkpoint sent less.
#[test]
fn the_lost_answer_of_a_resumed_push_is_asked_for_and_not_pushed_again() {
    let moods = vec![Mood::CutsOff, Mood::LosesAnswer];
    let mut world = world(&[1], &[EASY], 1, 4, vec![(moods, Presence::There)]);
    assert_eq!(world.run(), Outcome::Completed);
    let starts = world.count(|event| matches!(event, EventKind::AttemptStarted { .. }));
    assert_eq!(starts, 2);
    assert_eq!(world.table().row(1).state, AssignmentState::Succeeded);
}

/// Design §4: decisions are coalesced, but a count that a policy waits for is told at
/// once: here no time passes at all.
#[test]
fn a_trigger_opens_the_next_cohort_without_waiting() {
    let mut world = world(&[20, 30, 50], &[EASY], 7, 1, good(100));
    let began = world.now;
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(world.now, began);
    assert_eq!(
        world.only().policies[0].calls,
        4,
        "one before each cohort and one at the end"
    );
}

/// Design §6: a decision is written when its output or memo changes, else counted. None is
/// forgotten, and those that are counted are no commits of their own.
#[test]
fn decisions_that_repeat_are_counted() {
    let slow = Policy { width: 1, ..EASY };
    let devices = vec![(vec![Mood::Flashes], Presence::There); 30];
    let mut world = world(&[30], &[slow], 1, 1, devices);
    assert_eq!(world.run(), Outcome::Completed);
    let calls = world.only().policies[0].calls;
    let table = world.table();
    assert_eq!(table.kept + table.repeated, calls);
    assert!(
        table.repeated > table.kept,
        "{} of {calls} decisions were kept",
        table.kept
    );
}

/// Design §6 ("checked again at dispatch"): with one device in progress at a time most
/// of a page waits for longer than what was found about its devices holds, is given
/// back, and none of it is forgotten.
#[test]
fn devices_that_waited_long_after_their_gate_are_looked_at_again() {
    let slow = Policy { width: 1, ..EASY };
    let devices = vec![(vec![Mood::Flashes], Presence::There); 100];
    let mut world = world(&[100], &[slow], 4, 1, devices);
    assert_eq!(world.run(), Outcome::Completed);
    let succeeded = |row: &&Assignment| row.state == AssignmentState::Succeeded;
    assert_eq!(world.table().rows.values().filter(succeeded).count(), 100);
    assert!(world.looks > 100, "{} looks", world.looks);
}

/// Design §6: soak and deadline clocks stand still in a pause.
#[test]
fn the_length_of_a_pause_is_kept() {
    let mut world = world(&[4], &[EASY], 1, 1, good(4));
    world.begin();
    world.order(ONLY, Steering::Pause).expect("it runs");
    let pause = Duration::from_secs(3600);
    world.now.wall = world.now.wall.plus(pause);
    world.now.monotonic += pause;
    world.order(ONLY, Steering::Resume).expect("it is paused");
    assert_eq!(world.table().rollout.paused_for, pause);
    assert_eq!(world.table().rollout.paused_since, None);
    while world.turn().is_none() {}
    world.check_end();
}

/// Design §7.4: `attempts` is the total number of tries, and a device that needs all but
/// one of them still succeeds.
#[test]
fn attempts_are_counted_exactly() {
    let refusals = |count| (vec![Mood::Refuses; count], Presence::There);
    let mut world = world(&[2], &[EASY], 2, 3, vec![refusals(2), refusals(3)]);
    assert_eq!(world.run(), Outcome::Completed);
    let rows: Vec<_> = world.table().rows.values().collect();
    assert_eq!(rows[0].state, AssignmentState::Succeeded);
    assert_eq!(rows[0].first_failure, Some(FailureKind::Unreachable));
    assert_eq!(
        rows[1].state,
        AssignmentState::DeadLettered(FailureKind::Unreachable)
    );
    let starts = world.count(|event| matches!(event, EventKind::AttemptStarted { .. }));
    assert_eq!(starts, 6);
}

/// Design §7.5: an attempt's deadline counts from its dispatch, an offer's from the offer.
#[test]
fn clocks_start_at_dispatch_and_at_the_offer() {
    let limit = Duration::from_secs(600);
    for (mood, counts_from_dispatch) in [(Mood::FallsSilent, true), (Mood::Forgets, false)] {
        let mut world = world(&[1], &[EASY], 1, 1, vec![(vec![mood], Presence::There)]);
        world.begin();
        while world.in_flight() == 0 {
            assert_eq!(world.turn(), None);
        }
        let dispatched = world.now.wall;
        let transfer = Duration::from_secs(100);
        world.now.wall = world.now.wall.plus(transfer);
        world.now.monotonic += transfer;
        assert_eq!(world.go_on(), Outcome::Completed);
        let dead = AssignmentState::DeadLettered(FailureKind::Silent);
        assert_eq!(world.table().row(1).state, dead);
        let from = if counts_from_dispatch {
            dispatched
        } else {
            dispatched.plus(transfer)
        };
        let passed = world.now.wall.since(from);
        assert!(
            passed >= limit && passed < limit + Duration::from_secs(15),
            "{passed:?}"
        );
    }
}
