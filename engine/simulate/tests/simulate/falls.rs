//! Devices that lose the release again (design §7.12): nobody knows before they are asked.

use proptest::prelude::*;
use windlass_model::Verdict;
use windlass_simulate::{End, FallBack, Faults, FellBack, Profile, Scenario, Session};

use crate::{
    canary::Canary,
    scenes::{DAY, HOUR, lived, one_policy, scene},
    verified::Verified,
};

/// A build that no device shows to be bad, and that so many lose six hours later.
pub(crate) fn lost(share: f64, seed: u64) -> Scenario {
    Scenario {
        policies: one_policy(),
        faults: Faults {
            fall_back: Some(FallBack {
                share,
                after: 6 * HOUR,
            }),
            ..Faults::default()
        },
        ..scene(Profile::Signage, 2000, seed)
    }
}

fn canary(count: u64) -> Canary {
    Canary {
        size: 200,
        soak: DAY,
        count,
    }
}

fn fell_back(session: &Session) -> FellBack {
    session.harm.fell_back.expect("it was simulated")
}

/// The round at the end of the soak finds them, and the rest never starts.
#[test]
fn a_round_finds_devices_that_fell_back_and_the_rollout_is_aborted() {
    for seed in 0..4 {
        let session = lived(&lost(0.2, seed), &Verified(canary(5)));
        let End::Aborted(at) = session.end else {
            panic!("{:?}", session.end);
        };
        let abort = session
            .marks
            .iter()
            .find(|mark| mark.verdict == Verdict::Abort)
            .expect("it is aborted");
        assert_eq!(abort.started, 200, "the canary alone");
        let fell = fell_back(&session);
        assert!(fell.found >= 5 && fell.found <= fell.devices, "{fell:?}");
        assert!(
            (20..=60).contains(&fell.devices),
            "a fifth of 200: {fell:?}"
        );
        let first = fell.first_found.expect("they were found");
        assert!(first >= DAY && first <= at, "{first:?} of {at:?}");
        assert_eq!(session.cohorts[0].failed, fell.found);
        assert_eq!(session.cohorts[0].succeeded, 200 - fell.found);
        assert_eq!(session.cohorts[1].first_started, None);
        assert_eq!(session.harm.harmed, 0, "it broke none");
    }
}

/// Where nobody asks, everybody has succeeded, and the harm is told all the same.
#[test]
fn without_a_round_nobody_finds_them() {
    let session = lived(&lost(0.2, 1), &canary(5));
    assert!(
        matches!(session.end, End::Completed(_)),
        "{:?}",
        session.end
    );
    let fell = fell_back(&session);
    assert_eq!((fell.found, fell.first_found), (0, None));
    assert!(
        (300..=500).contains(&fell.devices),
        "a fifth of 2000: {fell:?}"
    );
    let updated: u64 = session.cohorts.iter().map(|cohort| cohort.succeeded).sum();
    assert!(updated >= 1900, "{updated}");
}

/// Those that were found are no more counted as running it.
#[test]
fn a_round_that_finds_too_few_lets_the_rest_open() {
    let session = lived(&lost(0.02, 1), &Verified(canary(50)));
    assert!(
        matches!(session.end, End::Completed(_)),
        "{:?}",
        session.end
    );
    let fell = fell_back(&session);
    assert!(fell.found > 0 && fell.found < fell.devices, "{fell:?}");
    assert_eq!(session.cohorts[0].failed, fell.found);
    assert_eq!(session.updated.all, None, "not all run it");
}

/// A good build is lost by nobody, and so is one that broke the device before.
#[test]
fn only_what_ran_is_lost() {
    let good = lived(&lost(0.0, 1), &Verified(canary(5)));
    assert_eq!((fell_back(&good).devices, fell_back(&good).found), (0, 0));
    let mut scene = lost(1.0, 1);
    scene.faults.broken = Some(1.0);
    let broken = lived(&scene, &Verified(canary(u64::MAX)));
    assert_eq!(fell_back(&broken).devices, 0);
    let kept = Scenario {
        faults: Faults::default(),
        ..lost(1.0, 1)
    };
    let kept = lived(&kept, &Verified(canary(5)));
    assert_eq!(kept.harm.fell_back, None);
}

proptest! {
    #![proptest_config(crate::whole_rollouts())]

    /// What is told of them adds up, and comes out the same again.
    #[test]
    fn counts_of_those_that_fell_back_add_up(
        share in 0.0..=1.0,
        after in 0..200_u64,
        seed in any::<u64>(),
        profile in 0..4_usize,
        count in 1..50_u64,
        asks in any::<bool>(),
    ) {
        let mut scene = lost(share, seed);
        scene.fleet = windlass_simulate::Fleet::new(Profile::ALL[profile], seed, 300, Vec::new());
        scene.span = 4 * DAY;
        scene.faults.fall_back = Some(FallBack { share, after: HOUR * after as u32 / 2 });
        let live = || match asks {
            true => lived(&scene, &Verified(Canary { size: 100, ..canary(count) })),
            false => lived(&scene, &Canary { size: 100, ..canary(count) }),
        };
        let session = live();
        let bytes = |session: &Session| serde_json::to_string(session).expect("it is JSON");
        prop_assert_eq!(bytes(&session), bytes(&live()));
        let fell = fell_back(&session);
        prop_assert!(fell.found <= fell.devices);
        prop_assert_eq!(fell.found > 0, fell.first_found.is_some());
        prop_assert!(asks || fell.found == 0);
        let last = session.samples.last().expect("there is one");
        prop_assert!(fell.found <= last.failed);
        prop_assert!(fell.devices <= last.started.iter().sum());
        prop_assert!(last.succeeded + last.failed <= session.devices);
    }
}
