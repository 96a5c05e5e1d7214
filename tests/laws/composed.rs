//! Several policies together, as the core composes them: the world of the core's own tests
//! (`engine/core/tests/rollout`), with compiled components for its policies. It checks at every
//! start that no policy's ceilings are exceeded, that each one's answer still holds, and that
//! the rollout runs; and afterwards that nothing started after an abort.

#[path = "../../engine/core/tests/rollout/fleet.rs"]
#[expect(dead_code, reason = "the core's own tests use the rest")]
mod fleet;
mod policy;
#[path = "../../engine/core/tests/rollout/spec.rs"]
mod spec;
#[path = "../../engine/core/tests/rollout/store.rs"]
#[expect(dead_code, reason = "the core's own tests use the rest")]
mod store;
#[path = "../../engine/core/tests/rollout/world.rs"]
#[expect(dead_code, reason = "the core's own tests use the rest")]
mod world;

use proptest::{collection::vec, option, prelude::*, sample::select};
use windlass_core::Standing;
use windlass_model::{Outcome, RolloutState, Steering};

use crate::{cases, progressive, rate};
use fleet::Mood;
use policy::Policy;
use spec::{Spec, presences};
use world::{ONLY, World};

/// Turns after which a rollout is blocked before a person orders it on: more than a soak or a
/// deadline takes, at a decision every half minute.
const PATIENCE: u32 = 300;

/// Settings of policy-window that let start every hour: a hold takes no virtual days.
fn windows() -> impl Strategy<Value = String> {
    let zone = select(vec![
        r#""zone":"Europe/Berlin""#,
        r#""zone":"device","without_zone":"Asia/Kolkata""#,
    ]);
    let window = (0..60_u32, 15..50_u32).prop_map(|(minute, lasts)| {
        format!(r#"{{"cron":"{minute} * * * *","duration":"{lasts}m"}}"#)
    });
    let freeze = option::of((0..4_u32, 1..3_u32)).prop_map(|freeze| {
        freeze.map_or_else(String::new, |(after, lasts)| {
            // The world begins on 14 November 2023 at 22:13 UTC.
            format!(
                r#"{{"from":"2023-11-15T{after:02}:30Z","to":"2023-11-15T{:02}:30Z"}}"#,
                after + lasts
            )
        })
    });
    (zone, vec(window, 1..3), freeze, 0..15_u32).prop_map(|(zone, windows, freeze, last)| {
        format!(
            r#"{{{zone},"last_start":"{last}m","windows":[{}],"freezes":[{freeze}]}}"#,
            windows.join(",")
        )
    })
}

/// Names and settings; the first cuts the cohorts, which the others serve as they are.
fn policies() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    // The world measures no signals.
    let progressive = progressive::laws::settings_with(Just(String::new()));
    let progressive = option::weighted(0.8, progressive);
    let others = (
        option::weighted(0.6, rate::laws::any_settings()),
        option::weighted(0.6, windows()),
        any::<bool>(),
    );
    (progressive, others).prop_map(|(first, (rate, window, swapped))| {
        let named = |name| move |settings| (name, settings);
        let mut others = [
            rate.map(named("policy-rate")),
            window.map(named("policy-window")),
        ];
        if swapped {
            others.reverse();
        }
        let first = [first.map(named("policy-progressive"))];
        first.into_iter().chain(others).flatten().collect()
    })
}

/// Runs to the end. Where policies wait for a person, one resumes what is paused, and orders
/// on what is held.
fn run(world: &mut World) -> Outcome {
    world.begin();
    let mut blocked = 0;
    loop {
        if let Some(outcome) = world.turn() {
            return outcome;
        }
        blocked += u32::from(matches!(world.standing(), Standing::Blocked(_)));
        if blocked > PATIENCE && world.state() != RolloutState::Paused {
            let past_all = Steering::Advance { full: true };
            world.order(ONLY, past_all).expect("it has not ended");
            blocked = 0;
        }
    }
}

proptest! {
    #![proptest_config(cases())]

    /// Design §4, "policies compose"; issue 4, "terminates on every seeded fleet".
    #[test]
    fn every_start_is_allowed_by_every_policy_and_every_rollout_ends(
        devices in vec((vec(select(Mood::ALL.to_vec()), 0..3), presences()), 0..25),
        policies in policies(),
        cap in 1..6_usize,
        attempts in 1..4_u32,
        choices in vec(any::<u16>(), 0..300),
        crashes in vec(1..400_u32, 0..3),
    ) {
        let policies: Vec<_> = policies
            .iter()
            .map(|(name, settings)| Policy::open(name, settings))
            .collect();
        let total = devices.len() as u64;
        let cohorts = policies.first().map_or_else(|| vec![total], |first| first.cohorts(total));
        let spec = Spec {
            key: ONLY,
            release: ("app", "2.0.0"),
            cohorts: &cohorts,
            policies: &policies,
            attempts,
            priority: 0,
            concurrency: None,
        };
        let mut world = spec.world(cap, devices);
        world.choices = choices;
        world.crashes = crashes;
        let outcome = run(&mut world);
        prop_assert!(matches!(outcome, Outcome::Completed | Outcome::Aborted), "{outcome:?}");
        world.check_end();
    }
}
