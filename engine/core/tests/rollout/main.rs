//! The rollout's state machine against a simple world (issue 2: "`core` passes its
//! property tests").

mod fleet;
mod policy;
mod store;
mod world;

use std::{num::NonZeroUsize, time::Duration};

use proptest::{collection::vec, option, prelude::*, sample::select};
use windlass_core::{Command, DeliveryFacts, Input, Standing, StopCause};
use windlass_model::{
    Assignment, AssignmentState, Cohort, EventKind, FailureKind, OfflineDevices, OnUncertain,
    Outcome, PluginName, PluginPin, ReleaseKey, RetrySettings, RolloutKey, RolloutName,
    RolloutPlan, RolloutSettings, RolloutState, SettleSettings, Sha256, StateKind, StoredRollout,
    Timeouts, VerifyMode,
};

use self::{
    fleet::{Fleet, Mood, Presence},
    policy::Policy,
    store::Store,
    world::World,
};

const EASY: Policy = Policy {
    width: u64::MAX,
    abort_at: None,
    pause_at: None,
    hold_minutes: 0,
    fails_every: 0,
    calls: 0,
};

fn world(
    cohorts: &[u64],
    policies: &[Policy],
    cap: usize,
    attempts: u32,
    devices: Vec<(Vec<Mood>, Presence)>,
) -> World {
    let pins = (0..policies.len()).map(|index| PluginPin {
        name: PluginName::new(format!("policy-{index}")),
        component: Sha256([1; 32]),
        settings: Sha256([2; 32]),
    });
    let plan = RolloutPlan {
        name: RolloutName::new("rollout"),
        release: ReleaseKey(1),
        settings: RolloutSettings {
            retry: RetrySettings {
                attempts,
                backoff: Duration::from_secs(1),
                max_backoff: Duration::from_secs(30),
            },
            timeouts: Timeouts {
                idle: Duration::from_secs(30),
                attempt: Duration::from_secs(600),
            },
            settle: SettleSettings {
                grace: Duration::from_secs(60),
                on_uncertain: OnUncertain::DeadLetter,
            },
            offline: OfflineDevices::Defer,
            probe_interval: Duration::from_secs(10),
            verify: VerifyMode::WhenPossible,
            allow_downgrade: false,
            seed: 3,
        },
        cohorts: (0..)
            .zip(cohorts)
            .map(|(index, size)| Cohort {
                name: format!("cohort-{index}"),
                size: *size,
            })
            .collect(),
        filter_expression: None,
        filter: None,
        policies: pins.collect(),
        deliveries: Vec::new(),
        unselected: 0,
        fleet: None,
    };
    let rollout = StoredRollout {
        key: RolloutKey(1),
        plan,
        state: RolloutState::Draft,
        started_at: None,
        ended_at: None,
        paused_for: Duration::ZERO,
        paused_since: None,
    };
    World::new(
        Store::new(rollout),
        Fleet::new(devices),
        policies.to_vec(),
        DeliveryFacts {
            verifies: true,
            idempotent_push: false,
        },
        NonZeroUsize::new(cap).expect("a positive cap"),
    )
}

fn good(count: usize) -> Vec<(Vec<Mood>, Presence)> {
    vec![(Vec::new(), Presence::There); count]
}

fn policies() -> impl Strategy<Value = Policy> {
    (
        prop_oneof![Just(u64::MAX), 1..6_u64],
        option::weighted(0.3, 1..6_u64),
        option::weighted(0.3, 0..9_u64),
        prop_oneof![3 => Just(0_u64), 1 => 1..20_u64],
        prop_oneof![3 => Just(0_u64), 1 => 2..9_u64],
    )
        .prop_map(
            |(width, abort_at, pause_at, hold_minutes, fails_every)| Policy {
                width,
                abort_at,
                pause_at,
                hold_minutes,
                fails_every,
                calls: 0,
            },
        )
}

fn presences() -> impl Strategy<Value = Presence> {
    prop_oneof![
        6 => Just(Presence::There),
        1 => (1..4_u8).prop_map(Presence::Away),
        1 => (1..9_u8).prop_map(Presence::Later),
        1 => Just(Presence::Current),
    ]
}

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
                world.command(Input::Command(Command::Abort {
                    actor: "tester".to_owned(),
                    reason: String::new(),
                }));
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
            world.command(Input::Stop(StopCause::Signal));
            if cancels {
                world.command(Input::CancelInFlight);
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
    for row in world.store.rows.values() {
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
        world.store.rollout.plan.settings.settle.on_uncertain = OnUncertain::PushAgain;
        assert_eq!(world.run(), Outcome::Completed);
        let kinds: Vec<_> = world
            .store
            .rows
            .values()
            .map(|row| row.state.kind())
            .collect();
        assert_eq!(kinds, [expected]);
    }
}

/// Design §4: decisions are coalesced, but a count that a policy waits for is told at
/// once: here no time passes at all.
#[test]
fn a_trigger_opens_the_next_cohort_without_waiting() {
    let mut world = world(&[20, 30, 50], &[EASY], 7, 1, good(100));
    let began = world.now;
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(world.now, began);
    assert_eq!(world.policies[0].calls, 3, "one call a cohort");
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
    assert_eq!(world.store.rows.values().filter(succeeded).count(), 100);
    assert!(world.looks > 100, "{} looks", world.looks);
}

/// Design §6: soak and deadline clocks stand still in a pause.
#[test]
fn the_length_of_a_pause_is_kept() {
    let mut world = world(&[4], &[EASY], 1, 1, good(4));
    world.begin();
    let actor = "tester".to_owned();
    let reason = String::new();
    world.command(Input::Command(Command::Pause { actor, reason }));
    let pause = Duration::from_secs(3600);
    world.now.wall = world.now.wall.plus(pause);
    world.now.monotonic += pause;
    let actor = "tester".to_owned();
    world.command(Input::Command(Command::Resume { actor }));
    assert_eq!(world.store.rollout.paused_for, pause);
    assert_eq!(world.store.rollout.paused_since, None);
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
    let rows: Vec<_> = world.store.rows.values().collect();
    assert_eq!(rows[0].state, AssignmentState::Succeeded);
    assert_eq!(rows[0].first_failure, Some(FailureKind::Unreachable));
    assert_eq!(
        rows[1].state,
        AssignmentState::DeadLettered(FailureKind::Unreachable)
    );
    let starts = world
        .store
        .events
        .iter()
        .filter(|event| matches!(event.kind, EventKind::AttemptStarted { .. }))
        .count();
    assert_eq!(starts, 6);
}
