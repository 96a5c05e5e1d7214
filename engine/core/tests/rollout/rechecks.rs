//! Succeeded devices that are asked again (design §7.12: "before a soak ends, devices are
//! verified again; one that no longer runs the release has failed (regressed)").

use std::time::Duration;

use proptest::{collection::vec, option, prelude::*, sample::select};
use windlass_core::{Effect, Standing};
use windlass_model::{
    AssignmentState, CohortIndex, DeviceKey, EventKind, FailureKind, InFlight, Outcome, Recheck,
    RolloutState, StateKind, Steering,
};

use crate::{
    fleet::{Mood, Presence},
    plan::{EASY, Spec, good, policies, presences, world},
    policy::Policy,
    world::{ONLY, World, swap::Swap},
};

/// It watches each cohort for two minutes, which is longer than unstable devices last.
const WATCHING: Policy = Policy {
    rechecks: Some(2),
    ..EASY
};

fn unstable(count: usize) -> Vec<(Vec<Mood>, Presence)> {
    vec![(vec![Mood::FallsBack], Presence::There); count]
}

fn round(world: &World) -> Option<Recheck> {
    world.only().rollout.cohorts()[0].recheck
}

fn questions(world: &World) -> usize {
    let asks = |effect: &&Effect| matches!(effect, Effect::Recheck { .. });
    world.effects.iter().filter(asks).count()
}

/// Until the round of the first cohort has begun.
fn until_asked(world: &mut World) {
    world.begin();
    while questions(world) == 0 {
        assert_eq!(world.turn(), None);
    }
}

/// The counts as they are when nothing is known of `unconfirmed`.
fn counted(found: Recheck) -> (u64, u64, u64) {
    (found.confirmed, found.regressed, found.unconfirmed)
}

#[test]
fn a_device_that_fell_back_has_failed_and_is_counted_so() {
    let devices = [unstable(2), good(8)].concat();
    let mut world = world(&[5, 5], &[WATCHING], 3, 2, devices);
    assert_eq!(world.run(), Outcome::Completed);
    for device in [1, 2] {
        let row = world.table().row(device);
        assert_eq!(row.state, AssignmentState::Failed(FailureKind::Regressed));
        assert_eq!(row.first_failure, Some(FailureKind::Regressed));
        assert_eq!(world.store.versions[&DeviceKey(device)], "an old one");
    }
    let canary = &world.only().rollout.cohorts()[0];
    let regressed = [(FailureKind::Regressed, 2)].into();
    assert_eq!(
        (&canary.failures, &canary.first_failures),
        (&regressed, &regressed)
    );
    assert_eq!(
        (canary.ended, canary.states.get(StateKind::Succeeded)),
        (5, 3)
    );
    let fell = world.count(|event| matches!(event, EventKind::DeviceRegressed { .. }));
    assert_eq!(fell, 2);
    // The last cohort ends the rollout: nothing waits for what its devices run.
    assert_eq!(world.only().rollout.cohorts()[1].recheck, None);
}

/// Design §7.3: abort thresholds count devices whose first attempt failed, and one that fell
/// back is one of them.
#[test]
fn a_canary_that_falls_back_aborts_the_rollout_before_the_rest_starts() {
    let strict = Policy {
        abort_at: Some(2),
        ..WATCHING
    };
    let devices = [unstable(3), good(17)].concat();
    let mut world = world(&[5, 15], &[strict], 3, 2, devices);
    assert_eq!(world.run(), Outcome::Aborted);
    assert_eq!(world.only().rollout.cohorts()[1].started, 0);
    let starts = world.count(|event| matches!(event, EventKind::AttemptStarted { .. }));
    assert_eq!(starts, 5);
    assert_eq!(round(&world).map(counted), Some((2, 3, 0)));
}

/// A retry does not hide that a build is bad, nor is a device counted twice.
#[test]
fn a_device_whose_first_attempt_failed_counts_once() {
    let devices = vec![(vec![Mood::Refuses, Mood::FallsBack], Presence::There); 1];
    let mut world = world(&[1, 1], &[WATCHING], 1, 3, [devices, good(1)].concat());
    assert_eq!(world.run(), Outcome::Completed);
    let canary = &world.only().rollout.cohorts()[0];
    assert_eq!(
        canary.first_failures,
        [(FailureKind::Unreachable, 1)].into()
    );
    assert_eq!(canary.failures, [(FailureKind::Regressed, 1)].into());
}

/// The same answer of a policy, given again and again, is one round.
#[test]
fn a_wish_that_is_repeated_is_one_round() {
    let mut world = world(&[20, 1], &[WATCHING], 4, 1, good(21));
    assert_eq!(world.run(), Outcome::Completed);
    assert!(world.only().policies[0].calls > 3);
    assert_eq!(questions(&world), 20);
    assert_eq!(round(&world).map(counted), Some((20, 0, 0)));
}

/// Who cannot be asked is asked three times, and holds nobody up for ever.
#[test]
fn devices_that_are_away_are_given_up_on() {
    let mut world = world(&[6, 1], &[WATCHING], 4, 1, good(7));
    until_asked(&mut world);
    let now = world.now.wall;
    for device in 1..=2 {
        let device = world.fleet.device(DeviceKey(device));
        device.mute(now, Duration::from_secs(86_400));
    }
    let began = world.now.monotonic;
    assert_eq!(world.go_on(), Outcome::Completed);
    assert_eq!(round(&world).map(counted), Some((4, 0, 2)));
    assert_eq!(questions(&world), 4 + 2 * 3);
    assert!(world.now.monotonic - began < Duration::from_secs(60));
    let succeeded = world.only().rollout.cohorts()[0].states;
    assert_eq!(
        succeeded.get(StateKind::Succeeded),
        6,
        "nobody says that they failed"
    );
}

/// A delivery that cannot ask makes no rollout wait.
#[test]
fn a_round_of_devices_that_cannot_be_asked_is_over_at_once() {
    let mut world = world(&[6, 1], &[WATCHING], 4, 1, good(7));
    world.facts.verifies = false;
    assert_eq!(world.run(), Outcome::Completed);
    assert_eq!(round(&world).map(counted), Some((0, 0, 6)));
    assert_eq!(questions(&world), 0);
}

/// Design §7.15: a plugin's fault is no device's; it holds the rollout, which goes on when the
/// plugin works again.
#[test]
fn a_fault_of_the_plugin_is_waited_out() {
    let mut world = world(&[6, 1], &[WATCHING], 4, 1, good(7));
    until_asked(&mut world);
    let trap = |world: &mut World, traps| {
        for device in 1..=6 {
            world.fleet.device(DeviceKey(device)).traps = traps;
        }
    };
    trap(&mut world, true);
    while world.state() != RolloutState::Holding {
        assert_eq!(world.turn(), None);
    }
    let asked = questions(&world);
    trap(&mut world, false);
    assert_eq!(world.go_on(), Outcome::Completed);
    assert_eq!(round(&world).map(counted), Some((6, 0, 0)));
    assert!(questions(&world) > asked);
}

/// Nobody is asked in a pause; afterwards the round goes on.
#[test]
fn a_pause_stops_a_round_and_a_resume_goes_on() {
    let mut world = world(&[40, 1], &[WATCHING], 4, 1, good(41));
    until_asked(&mut world);
    world.order(ONLY, Steering::Pause).expect("it runs");
    world.quiesce_paused();
    let asked = questions(&world);
    assert!(asked < 40);
    assert!(matches!(world.standing(), Standing::Blocked(_)));
    world.let_pass(Duration::from_secs(7_200));
    assert_eq!(questions(&world), asked);
    world.order(ONLY, Steering::Resume).expect("it is paused");
    assert_eq!(world.go_on(), Outcome::Completed);
    assert_eq!(round(&world).map(counted), Some((40, 0, 0)));
    assert_eq!(questions(&world), 40);
}

/// A later process goes on where the one before was, and counts nobody twice.
#[test]
fn a_round_goes_on_after_a_crash() {
    let devices = [good(30), unstable(10), good(1)].concat();
    let mut world = world(&[40, 1], &[WATCHING], 4, 1, devices);
    until_asked(&mut world);
    while round(&world).is_none_or(|round| round.confirmed < 15) {
        assert_eq!(world.turn(), None);
    }
    let began = round(&world).expect("it goes on").began;
    let asked = questions(&world);
    world.begin();
    assert_eq!(world.go_on(), Outcome::Completed);
    let all: Vec<_> = world
        .store
        .events_of(ONLY)
        .filter_map(|event| match event {
            EventKind::RecheckStarted { devices, .. } => Some((*devices, 0, 0, 0)),
            EventKind::RecheckEnded {
                confirmed,
                regressed,
                unconfirmed,
                ..
            } => Some((0, *confirmed, *regressed, *unconfirmed)),
            _ => None,
        })
        .collect();
    // The policy sees that devices ended anew, and asks once more.
    assert_eq!(all[..2], [(40, 0, 0, 0), (0, 30, 10, 0)]);
    assert!(round(&world).is_some_and(|round| round.began >= began));
    let again = questions(&world) - asked;
    assert!(again <= 40 - 15 + 30, "{again} questions");
}

/// Order given while devices are asked: what they say counts no more.
#[test]
fn an_abort_ends_a_round() {
    let mut world = world(&[9, 1], &[WATCHING], 4, 1, [unstable(9), good(1)].concat());
    until_asked(&mut world);
    let in_flight = InFlight::Finish;
    world
        .order(ONLY, Steering::Abort { in_flight })
        .expect("it runs");
    while world.turn().is_none() {}
    assert_eq!(round(&world), None);
    assert_eq!(world.table().rechecks, [].into());
    let fell = world.count(|event| matches!(event, EventKind::DeviceRegressed { .. }));
    assert_eq!(fell, 0);
}

/// A round is of a cohort: other cohorts are asked anew.
#[test]
fn a_swap_withdraws_a_round() {
    let mut world = world(&[9, 9], &[WATCHING], 4, 1, good(18));
    until_asked(&mut world);
    let swap = Swap {
        shares: vec![2, 1],
        first: 3,
        policies: vec![WATCHING],
    };
    assert!(world.swap(ONLY, swap));
    assert_eq!(round(&world), None);
    assert_eq!(world.go_on(), Outcome::Completed);
    assert_eq!(round(&world).map(counted), Some((12, 0, 0)));
}

/// Design §7.8: what another rollout brought since is no regression, and a device that
/// it has in hand is left alone.
#[test]
fn a_device_that_another_rollout_took_over_has_not_fallen_back() {
    let devices = good(6);
    let older = Spec {
        cohorts: &[5, 1],
        policies: &[WATCHING],
        priority: 1,
        ..Spec::default()
    };
    let newer = Spec {
        key: windlass_model::RolloutKey(2),
        release: ("app", "3.0.0"),
        cohorts: &[3],
        ..Spec::default()
    };
    let tables = vec![older.table(), newer.table()];
    let mut world = World::new(tables, crate::fleet::Fleet::new(devices), 2);
    world.run();
    assert_eq!(round(&world).map(counted), Some((2, 0, 3)));
    let failed = |table: &crate::store::Table| {
        let rows = table.rows.values();
        rows.filter(|row| row.state.kind() == StateKind::Failed)
            .count()
    };
    assert_eq!(world.store.tables.values().map(failed).sum::<usize>(), 0);
    world.check_end();
}

proptest! {
    /// Whatever happens to devices, policies, engine and store, all that [`World`] checks
    /// holds, and a watched cohort in whose last round everybody was reached has nobody left
    /// that fell back before it began.
    #[test]
    fn who_fell_back_before_a_round_is_found_by_it(
        devices in vec((vec(select(vec![Mood::FallsBack, Mood::Takes, Mood::Flashes, Mood::Refuses, Mood::LosesAnswer]), 1..3), presences()), 2..40),
        share in 1..9_u64,
        policy in policies(),
        soak in 0..3_u64,
        cap in 1..6_usize,
        choices in vec(any::<u16>(), 0..400),
        crashes in vec(1..400_u32, 0..4),
        refusals in vec(1..400_u32, 0..3),
        order in option::weighted(0.3, (1..200_u32, select(vec![Steering::Pause, Steering::RollBack { in_flight: InFlight::Finish }, Steering::Advance { full: true }]))),
    ) {
        let total = devices.len() as u64;
        let canary = (total * share).div_ceil(10);
        let policy = Policy { rechecks: Some(soak), ..policy };
        let mut world = world(&[canary, total - canary], &[policy], cap, 3, devices);
        world.choices = choices;
        world.crashes = crashes;
        world.refusals = refusals;
        world.orders = order.into_iter().map(|(at, what)| (at, ONLY, what)).collect();
        let outcome = world.run();
        prop_assert!(matches!(outcome, Outcome::Completed | Outcome::Aborted));
        world.check_end();
        if let Some(found) = round(&world)
            && found.unconfirmed == 0
        {
            for row in world.table().rows.values() {
                let succeeded = row.cohort == CohortIndex(0) && row.state == AssignmentState::Succeeded;
                let device = &world.fleet.0[&row.device];
                prop_assert!(!(succeeded && device.fell_before(found.began)));
            }
        }
    }
}
