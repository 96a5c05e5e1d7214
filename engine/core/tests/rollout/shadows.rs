//! Policies in shadow (issue 4, "Shadow"; design §4, §8).

use proptest::{collection::vec, option, prelude::*, sample::select};
use windlass_core::Effect;
use windlass_model::{
    Assignment, AssignmentId, Event, EventKind, InFlight, Outcome, Steering, Verdict,
};

use crate::{
    fleet::{Mood, Presence},
    plan::{EASY, good, policies, presences, world},
    policy::Policy,
    world::{ONLY, World, swap::Swap},
};

/// All that a rollout did, without what shadows said.
#[derive(Debug, PartialEq)]
struct Story {
    outcome: Outcome,
    events: Vec<Event>,
    effects: Vec<Effect>,
    rows: Vec<(AssignmentId, Assignment)>,
    decisions: (u64, u64),
}

fn story(world: &World, outcome: Outcome) -> Story {
    let own = |event: &&Event| !matches!(event.kind, EventKind::ShadowFailed { .. });
    let in_force = |effect: &&Effect| !matches!(effect, Effect::AskShadows { .. });
    let table = world.table();
    Story {
        outcome,
        events: world.store.events.iter().filter(own).cloned().collect(),
        effects: world.effects.iter().filter(in_force).cloned().collect(),
        rows: table
            .rows
            .iter()
            .map(|(id, row)| (*id, row.clone()))
            .collect(),
        decisions: (table.kept, table.repeated),
    }
}

/// When a shadow comes, its cohorts' shares, which target is its first, and when it goes.
type Plan = (u32, Vec<u64>, usize, Option<u32>);

fn shadows() -> impl Strategy<Value = Plan> {
    (
        prop_oneof![Just(0_u32), 1..150_u32],
        vec(1..5_u64, 1..4),
        0..40_usize,
        option::weighted(0.2, 1..200_u32),
    )
}

#[derive(Clone, Debug)]
struct Disturbance {
    person_aborts: Option<u32>,
    person_pauses: Option<u32>,
    swap: Option<(u32, Swap)>,
}

fn disturbances() -> impl Strategy<Value = Disturbance> {
    let swap = (vec(1..5_u64, 1..4), 0..40_usize, vec(policies(), 0..3)).prop_map(
        |(shares, first, policies)| Swap {
            shares,
            first,
            policies,
        },
    );
    (
        option::weighted(0.1, 5..200_u32),
        option::weighted(0.2, 5..100_u32),
        option::weighted(0.3, (1..150_u32, swap)),
    )
        .prop_map(|(person_aborts, person_pauses, swap)| Disturbance {
            person_aborts,
            person_pauses,
            swap,
        })
}

fn live(mut world: World, disturbance: &Disturbance, shadows: &[Plan]) -> Story {
    world.begin();
    let mut turns = 0;
    let mut keys = vec![None; shadows.len()];
    let outcome = loop {
        for ((from, shares, first, until), key) in shadows.iter().zip(&mut keys) {
            if *from == turns {
                *key = Some(world.add_shadow(ONLY, shares, *first));
            } else if *until == Some(turns)
                && let Some(key) = key.take()
            {
                world.remove_shadow(ONLY, key);
            }
        }
        turns += 1;
        if disturbance.person_aborts == Some(turns) {
            let in_flight = InFlight::Finish;
            let _ = world.order(ONLY, Steering::Abort { in_flight });
        }
        if disturbance.person_pauses == Some(turns) {
            let _ = world.order(ONLY, Steering::Pause);
        }
        if let Some((at, swap)) = &disturbance.swap
            && *at == turns
        {
            world.swap(ONLY, swap.clone());
        }
        if let Some(outcome) = world.turn() {
            break outcome;
        }
    };
    world.check_end();
    story(&world, outcome)
}

proptest! {
    /// A shadow changes nothing: whatever it says, whenever it says it, and also if it fails or
    /// never answers, the rollout does the same at the same instants as without it.
    #[test]
    fn a_rollout_does_the_same_with_shadows_as_without(
        devices in vec((vec(select(Mood::ALL.to_vec()), 0..4), presences()), 0..30),
        in_force in vec(policies(), 0..3),
        disturbance in disturbances(),
        shadows in vec(shadows(), 1..4),
        whims in vec(any::<u16>(), 0..300),
        cap in 1..6_usize,
        choices in vec(any::<u16>(), 0..400),
        crashes in vec(1..300_u32, 0..3),
        refusals in vec(1..300_u32, 0..2),
    ) {
        let third = devices.len() as u64 / 3;
        let sizes = [third, devices.len() as u64 - third];
        let fresh = || {
            let mut world = world(&sizes, &in_force, cap, 3, devices.clone());
            world.choices = choices.clone();
            world.crashes = crashes.clone();
            world.refusals = refusals.clone();
            world.asides.whims = whims.clone();
            world
        };
        let alone = live(fresh(), &disturbance, &[]);
        let beside = live(fresh(), &disturbance, &shadows);
        prop_assert_eq!(alone, beside);
    }
}

fn flashing(count: usize) -> Vec<(Vec<Mood>, Presence)> {
    vec![(vec![Mood::Flashes], Presence::There); count]
}

/// A stricter candidate would have aborted, and nothing happens: when, at how many starts, and
/// how long it would have stood elsewhere is told.
#[test]
fn a_stricter_shadow_is_compared_and_not_obeyed() {
    let mut devices = flashing(12);
    for (moods, _) in devices.iter_mut().step_by(4) {
        *moods = vec![Mood::Refuses];
    }
    let narrow = Policy { width: 2, ..EASY };
    let mut world = world(&[12], &[narrow], 2, 1, devices);
    world.begin();
    let key = world.add_shadow(ONLY, &[1, 3], 5);
    let strict = Policy {
        abort_at: Some(2),
        width: 2,
        ..EASY
    };
    world.asides.policies.push((key, strict));
    assert_eq!(world.go_on(), Outcome::Completed);
    let comparison = &world.shadow(ONLY, key).comparison;
    assert!(comparison.moments > 3, "{comparison:?}");
    assert_eq!(comparison.failed, 0);
    let [first] = comparison.shadow_firsts.as_slice() else {
        panic!("one verdict but `continue`: {comparison:?}");
    };
    assert_eq!(first.verdict, Verdict::Abort);
    assert!(first.started < 12, "before all were started");
    assert_eq!(first.reasons[0].code, "too-many-failures");
    assert_eq!(comparison.in_force_firsts, []);
    let [stretch] = comparison.stretches.as_slice() else {
        panic!("one stretch: {comparison:?}");
    };
    assert_eq!(stretch.from, first.at);
    assert_eq!(stretch.until, None);
    assert_eq!(stretch.shadow, Verdict::Abort);
    assert!(comparison.verdict_differed < comparison.moments);
    let largest = comparison.largest_starts.as_ref().expect("they differed");
    assert!(largest.in_force.starts > largest.shadow.starts);
    assert!(comparison.agreed + comparison.starts_differed <= comparison.moments);
}

/// The same policy with the same cohorts agrees at every moment.
#[test]
fn a_shadow_of_the_policy_in_force_agrees() {
    let narrow = Policy { width: 2, ..EASY };
    let mut world = world(&[10], &[narrow], 2, 1, flashing(10));
    world.begin();
    let key = world.add_shadow(ONLY, &[1], 0);
    world.asides.policies.push((key, narrow));
    assert_eq!(world.go_on(), Outcome::Completed);
    let shadow = world.shadow(ONLY, key);
    assert!(shadow.comparison.moments > 3);
    assert_eq!(shadow.comparison.agreed, shadow.comparison.moments);
    assert_eq!(shadow.comparison.stretches, []);
    assert_eq!(
        shadow.kept + shadow.repeated,
        world.asides.answers as u64,
        "decisions that repeat are counted"
    );
}

/// Nobody is asked what it runs for the sake of a shadow, and it does not wait for that: it goes on
/// as if whoever succeeded still ran the release.
#[test]
fn a_shadow_takes_what_it_wants_verified_as_confirmed() {
    let slow = Policy {
        rechecks: Some(10),
        ..EASY
    };
    let quick = Policy {
        rechecks: Some(2),
        ..EASY
    };
    let mut world = world(&[3, 9], &[slow], 2, 1, good(12));
    world.begin();
    let key = world.add_shadow(ONLY, &[1, 3], 0);
    world.asides.policies.push((key, quick));
    assert_eq!(world.go_on(), Outcome::Completed);
    let comparison = &world.shadow(ONLY, key).comparison;
    let largest = comparison.largest_starts.as_ref().expect("they differed");
    assert!(
        largest.shadow.starts > largest.in_force.starts,
        "{largest:?}"
    );
    let rounds = world.count(|event| matches!(event, EventKind::RecheckStarted { .. }));
    assert_eq!(rounds, 1, "that of the policy in force");
}

/// A shadow that fails is noted, and asked again later.
#[test]
fn a_shadow_that_fails_is_noted_and_asked_again() {
    let narrow = Policy { width: 1, ..EASY };
    let mut world = world(&[20], &[narrow], 1, 1, flashing(20));
    world.begin();
    let key = world.add_shadow(ONLY, &[1], 0);
    let broken = Policy {
        fails_every: 1,
        ..EASY
    };
    world.asides.policies.push((key, broken));
    assert_eq!(world.go_on(), Outcome::Completed);
    let comparison = &world.shadow(ONLY, key).comparison;
    assert_eq!(comparison.moments, 0);
    assert_eq!(comparison.failed, world.asides.answers as u64);
    assert!(comparison.failed > 1, "it was asked again");
    let failure = comparison.last_failure.as_ref().expect("it failed");
    assert_eq!(failure.message, "trapped");
    let told = world.count(|event| matches!(event, EventKind::ShadowFailed { .. }));
    assert_eq!(told, 1, "the same failure is told once");
}

/// What has happened before a shadow came is in its counts, and a device that joins later is in
/// its last cohort. The world compares each view with the rows.
#[test]
fn a_shadow_that_comes_later_knows_what_was_before() {
    let narrow = Policy { width: 2, ..EASY };
    let mut world = world(&[10], &[narrow], 2, 2, good(10));
    world.begin();
    while world.in_flight() < 2 {
        assert_eq!(world.turn(), None);
    }
    let key = world.add_shadow(ONLY, &[1, 1], 3);
    world.asides.policies.push((key, EASY));
    let came = world.now;
    while world.asides.answers == 0 {
        assert_eq!(world.turn(), None);
    }
    assert_eq!(world.now, came, "it is asked at once");
    assert_eq!(world.go_on(), Outcome::Completed);
    assert!(world.shadow(ONLY, key).comparison.moments > 0);
}
