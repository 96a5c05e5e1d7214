//! Worlds and their parts.

use proptest::{option, prelude::*};

use crate::{
    fleet::{Mood, Presence},
    policy::Policy,
    world::{ONLY, World},
};

pub(crate) use crate::spec::{Spec, presences};

pub(crate) const EASY: Policy = Policy {
    width: u64::MAX,
    abort_at: None,
    pause_at: None,
    hold_minutes: 0,
    fails_every: 0,
    gate: None,
    gates_first: false,
    holds_at_gate: false,
    rolls_back: false,
    rechecks: None,
    calls: 0,
};

impl Default for Spec<'_> {
    fn default() -> Self {
        Self {
            key: ONLY,
            release: ("app", "2.0.0"),
            cohorts: &[],
            policies: &[EASY],
            attempts: 1,
            priority: 0,
            concurrency: None,
        }
    }
}

pub(crate) fn world(
    cohorts: &[u64],
    policies: &[Policy],
    cap: usize,
    attempts: u32,
    devices: Vec<(Vec<Mood>, Presence)>,
) -> World {
    let spec = Spec {
        cohorts,
        policies,
        attempts,
        ..Spec::default()
    };
    spec.world(cap, devices)
}

pub(crate) fn good(count: usize) -> Vec<(Vec<Mood>, Presence)> {
    vec![(Vec::new(), Presence::There); count]
}

pub(crate) fn policies() -> impl Strategy<Value = Policy> {
    (
        prop_oneof![Just(u64::MAX), 1..6_u64],
        option::weighted(0.3, 1..6_u64),
        option::weighted(0.3, 0..9_u64),
        prop_oneof![3 => Just(0_u64), 1 => 1..20_u64],
        prop_oneof![3 => Just(0_u64), 1 => 2..9_u64],
        option::weighted(0.4, 0..3_u64),
    )
        .prop_map(
            |(width, abort_at, pause_at, hold_minutes, fails_every, rechecks)| Policy {
                width,
                abort_at,
                pause_at,
                hold_minutes,
                fails_every,
                gate: None,
                gates_first: false,
                holds_at_gate: false,
                rolls_back: false,
                rechecks,
                calls: 0,
            },
        )
}
