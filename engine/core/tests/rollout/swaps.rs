//! Other policies for a rollout under way (issue 4, "Swap"; design §8).

use std::time::Duration;

use proptest::{collection::vec, prelude::*, sample::select};
use windlass_model::{AssignmentState, EventKind, Outcome, StateKind};

use crate::{
    fleet::Mood,
    plan::{EASY, good, policies, presences, world},
    policy::Policy,
    world::{ONLY, swap::Swap},
};

fn swaps() -> impl Strategy<Value = Swap> {
    (vec(1..5_u64, 1..4), 0..40_usize, vec(policies(), 0..3)).prop_map(
        |(shares, first, policies)| Swap {
            shares,
            first,
            policies,
        },
    )
}

proptest! {
    /// Whatever is swapped in, whenever, and whether it works or not: the cap and the ceilings in
    /// force are kept, counts are those of the rows, no device is updated twice and none is
    /// forgotten.
    #[test]
    fn swaps_lose_no_device_and_break_no_bound(
        devices in vec((vec(select(Mood::ALL.to_vec()), 0..4), presences()), 0..30),
        first in vec(policies(), 0..3),
        swaps in vec((1..200_u32, swaps()), 1..4),
        cap in 1..6_usize,
        choices in vec(any::<u16>(), 0..400),
        crashes in vec(1..300_u32, 0..3),
    ) {
        let sizes = [devices.len() as u64 / 3, devices.len() as u64 - devices.len() as u64 / 3];
        let mut world = world(&sizes, &first, cap, 3, devices);
        world.choices = choices;
        world.crashes = crashes;
        world.begin();
        let mut turns = 0;
        let outcome = loop {
            turns += 1;
            for (at, swap) in &swaps {
                if *at == turns {
                    world.swap(ONLY, swap.clone());
                }
            }
            if let Some(outcome) = world.turn() {
                break outcome;
            }
        };
        prop_assert!(matches!(outcome, Outcome::Completed | Outcome::Aborted));
        world.check_end();
    }
}

fn swap(shares: &[u64], policy: Policy) -> Swap {
    Swap {
        shares: shares.to_vec(),
        first: 0,
        policies: vec![policy],
    }
}

/// Issue 4: placement is made anew and charged with what was already started.
#[test]
fn cohorts_are_charged_with_what_was_started() {
    let narrow = Policy { width: 2, ..EASY };
    let mut world = world(&[10], &[narrow], 9, 1, good(10));
    world.begin();
    while world.in_flight() < 2 {
        assert_eq!(world.turn(), None);
    }
    assert!(world.swap(ONLY, swap(&[1, 4], EASY)));
    let cohorts = world.only().rollout.cohorts();
    let started: Vec<_> = cohorts
        .iter()
        .map(|cohort| (cohort.size, cohort.started, cohort.in_progress))
        .collect();
    assert_eq!(started, [(2, 2, 2), (8, 0, 0)]);
    assert_eq!(world.in_flight(), 2, "what is in flight goes on");
    assert_eq!(world.go_on(), Outcome::Completed);
    world.check_end();
}

/// Issue 4: a new policy that fails its first calls is taken back by itself; it admits nobody.
#[test]
fn a_policy_that_fails_at_once_is_taken_back_and_admits_nobody() {
    let narrow = Policy { width: 1, ..EASY };
    let mut world = world(&[4, 6], &[narrow], 9, 1, good(10));
    world.begin();
    while world.in_flight() < 1 {
        assert_eq!(world.turn(), None);
    }
    let before = world.table().rollout.plan.clone();
    let broken = Policy {
        fails_every: 1,
        ..EASY
    };
    assert!(world.swap(ONLY, swap(&[1], broken)));
    let starts = |world: &crate::world::World| {
        world.count(|event| matches!(event, EventKind::AttemptStarted { .. }))
    };
    let started = starts(&world);
    while world.table().before.is_some() {
        assert_eq!(starts(&world), started, "nobody is admitted");
        assert_eq!(world.turn(), None);
    }
    assert_eq!(world.table().rollout.plan, before);
    let failed = world.count(|event| matches!(event, EventKind::DecisionFailed { .. }));
    assert_eq!(failed, 1);
    assert_eq!(world.go_on(), Outcome::Completed);
    world.check_end();
}

/// One that fails after its probation holds, as any policy does: it is not taken back.
#[test]
fn a_policy_that_has_shown_that_it_works_is_kept() {
    let mut world = world(&[40], &[Policy { width: 1, ..EASY }], 1, 1, good(40));
    world.begin();
    let late = Policy {
        width: 1,
        fails_every: 5,
        hold_minutes: 60,
        ..EASY
    };
    assert!(world.swap(ONLY, swap(&[1, 1, 1, 1], late)));
    assert_eq!(world.go_on(), Outcome::Completed);
    let confirmed = world.count(|event| matches!(event, EventKind::PoliciesConfirmed { .. }));
    assert_eq!(confirmed, 1);
    assert!(world.table().before.is_none());
    assert_eq!(world.table().rollout.plan.cohorts.len(), 4);
    let failed = world.count(|event| matches!(event, EventKind::DecisionFailed { .. }));
    assert!(failed > 0, "it did fail later");
    world.check_end();
}

/// What was found about a device under other policies does not start it: all are looked at anew.
#[test]
fn devices_that_were_admitted_are_looked_at_again() {
    let narrow = Policy { width: 1, ..EASY };
    let mut world = world(&[30], &[narrow], 1, 1, good(30));
    world.begin();
    let admitted = |world: &crate::world::World| {
        let rows = world.table().rows.values();
        rows.filter(|row| row.state.kind() == StateKind::Admitted)
            .count()
    };
    while admitted(&world) < 5 {
        assert_eq!(world.turn(), None);
    }
    let looks = world.looks;
    assert!(world.swap(ONLY, swap(&[1, 1], EASY)));
    assert_eq!(world.go_on(), Outcome::Completed);
    assert!(world.looks >= looks + 29, "{looks} before, {}", world.looks);
    let succeeded = AssignmentState::Succeeded;
    assert!(
        world
            .table()
            .rows
            .values()
            .all(|row| row.state == succeeded)
    );
}

/// A policy that decides well and cannot judge devices is no better; another plugin's trouble is
/// none of its.
#[test]
fn a_policy_that_cannot_judge_devices_is_taken_back() {
    for (culprit, back) in [("policy-0", 1), ("filter", 0)] {
        let mut world = world(&[10], &[Policy { width: 1, ..EASY }], 9, 1, good(10));
        world.begin();
        while world.in_flight() < 1 {
            assert_eq!(world.turn(), None);
        }
        assert!(world.swap(ONLY, swap(&[1, 1], EASY)));
        world.unjudged_by = culprit;
        world.unjudged_until = world.now.monotonic + Duration::from_secs(60);
        while world.now.monotonic < world.unjudged_until {
            assert_eq!(world.turn(), None);
        }
        let cohorts = world.table().rollout.plan.cohorts.len();
        assert_eq!(cohorts, 2 - back, "{culprit}");
        assert_eq!(world.go_on(), Outcome::Completed);
        world.check_end();
    }
}
