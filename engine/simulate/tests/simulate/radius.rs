//! The blast radius is stated before a session, and the session keeps within it (issue 4).

use std::{num::NonZeroUsize, time::Duration};

use proptest::prelude::*;
use windlass_model::Verdict;
use windlass_simulate::{End, FallBack, Faults, Plugins, Profile, Scenario, Session};

use crate::{
    canary::Canary,
    scenes::{DAY, HOUR, lived, one_policy, scene},
    verified::Verified,
};

/// A build that breaks one device in five, six hours after the start of the attempt.
fn bad(profile: Profile, seed: u64) -> Scenario {
    Scenario {
        policies: one_policy(),
        faults: Faults {
            broken: Some(0.2),
            known_after: 6 * HOUR,
            flaky: 0.02,
            ..Faults::default()
        },
        ..scene(profile, 5000, seed)
    }
}

/// Devices started when the abort was decided, and when that was.
fn at_abort(session: &Session) -> (u64, Duration) {
    let abort = session
        .marks
        .iter()
        .find(|mark| mark.verdict == Verdict::Abort);
    let abort = abort.unwrap_or_else(|| panic!("it is aborted: {:?}", session.end));
    (abort.started, abort.at)
}

/// The session of the issue: a canary that soaks for 14 days, and a bad build.
#[test]
fn a_canary_of_14_days_keeps_a_bad_build_within_the_stated_radius() {
    let canary = Canary {
        size: 500,
        soak: 14 * DAY,
        count: 5,
    };
    for profile in Profile::ALL {
        for seed in 0..4 {
            let session = lived(&bad(profile, seed), &canary);
            let stated = session.blast_radius.clone().expect("it is stated");
            assert!(stated.at.is_some(), "{stated:?}");
            assert_eq!((stated.devices, stated.cohort.as_str()), (500, "canary"));
            let (started, at) = at_abort(&session);
            assert!(started <= stated.devices, "{started} of {stated:?}");
            assert!(at < 14 * DAY, "{at:?}");
            assert!(matches!(session.end, End::Aborted(_)), "{:?}", session.end);
            assert!(session.harm.harmed <= stated.devices);
            assert_eq!(session.cohorts[1].first_started, None);
        }
    }
}

/// Without a canary the clock alone bounds it: as many start as can until enough is known.
#[test]
fn an_abort_in_the_middle_of_a_cohort_is_within_it_as_well() {
    let at_once = Canary {
        size: u64::MAX,
        soak: DAY,
        count: 40,
    };
    for profile in Profile::ALL {
        for seed in 0..4 {
            let mut scene = bad(profile, seed);
            scene.faults.known_after = HOUR;
            let session = lived(&scene, &at_once);
            let stated = session.blast_radius.clone().expect("it is stated");
            let (started, _) = at_abort(&session);
            assert!(
                started <= stated.devices,
                "{profile:?} {seed}: {started} of {stated:?}"
            );
        }
    }
}

/// Devices that are broken free their slots for others long before that is known.
#[test]
fn a_build_that_breaks_nearly_all_is_within_it_as_well() {
    let at_once = Canary {
        size: u64::MAX,
        soak: DAY,
        count: 21,
    };
    for seed in 0..4 {
        let mut scene = bad(Profile::Signage, seed);
        scene.concurrency = NonZeroUsize::new(33).expect("it is not zero");
        scene.faults = Faults {
            broken: Some(0.97),
            known_after: 7 * HOUR,
            flaky: 0.05,
            transfer: Duration::from_secs(600),
            ..Faults::default()
        };
        let session = lived(&scene, &at_once);
        let stated = session.blast_radius.clone().expect("it is stated");
        assert!(stated.at.is_some(), "{stated:?}");
        let (started, _) = at_abort(&session);
        assert!(started <= stated.devices, "{seed}: {started} of {stated:?}");
    }
}

/// A failure that the push itself tells is known soon: a part of the fleet is the radius.
#[test]
fn what_is_known_at_once_bounds_more() {
    let at_once = Canary {
        size: u64::MAX,
        soak: DAY,
        count: 40,
    };
    let mut radii = Vec::new();
    for known_after in [Duration::ZERO, HOUR] {
        let mut scene = bad(Profile::Signage, 1);
        scene.faults.known_after = known_after;
        scene.concurrency = NonZeroUsize::new(20).expect("it is not zero");
        let session = lived(&scene, &at_once);
        let stated = session.blast_radius.clone().expect("it is stated");
        assert!(stated.devices < 5000, "{stated:?}");
        assert!(at_abort(&session).0 <= stated.devices);
        radii.push(stated.devices);
    }
    assert!(radii[0] < radii[1], "{radii:?}");
}

/// Nothing is promised that luck could break: too few devices fail in a small canary.
#[test]
fn a_canary_that_is_too_small_to_tell_bounds_nothing() {
    let canary = Canary {
        size: 50,
        soak: DAY,
        count: 3,
    };
    let mut scene = bad(Profile::Signage, 1);
    scene.faults.broken = Some(0.001);
    let stated = lived(&scene, &canary).blast_radius.expect("it is stated");
    assert_eq!((stated.devices, stated.at), (5000, None));
    assert_eq!(stated.rate, 0.001, "of which build it is said");
}

/// Without a rate the statement is about a build that breaks every device.
#[test]
fn without_a_rate_every_device_is_taken_for_broken() {
    let canary = Canary {
        size: 500,
        soak: DAY,
        count: 5,
    };
    let mut scene = bad(Profile::Signage, 1);
    scene.faults = Faults::default();
    let session = lived(&scene, &canary);
    let stated = session.blast_radius.expect("it is stated");
    assert!(stated.devices < 500 && stated.at.is_some(), "{stated:?}");
    assert_eq!(stated.rate, 1.0);
    assert_eq!(session.harm.harmed, 0);
    assert!(
        matches!(session.end, End::Completed(_)),
        "{:?}",
        session.end
    );
}

/// Rollouts of every kind that the canary knows, with builds from harmless to fatal.
fn rollouts() -> impl Strategy<Value = (Scenario, Canary)> {
    let fleet = (0..4_usize, 1..400_u64, any::<u64>(), 1..60_usize);
    let faults = (0.01..=1.0, 0..300_u64, 0.0..0.6, 1..1200_u64);
    let canary = (0..400_u64, 0..300_u64, 1..60_u64);
    let rules = (1..120_u64, 1..4_u32, 30..3600_u64);
    (fleet, faults, canary, rules).prop_map(|(fleet, faults, canary, rules)| {
        let (profile, devices, seed, slots) = fleet;
        let (broken, known_after, flaky, transfer) = faults;
        let (idle, attempts, limit) = rules;
        let mut scene = scene(Profile::ALL[profile], devices, seed);
        scene.policies = one_policy();
        scene.concurrency = NonZeroUsize::new(slots).expect("it is not zero");
        scene.span = 2 * DAY;
        scene.settings.timeouts.idle = Duration::from_secs(idle);
        scene.settings.timeouts.attempt = Duration::from_secs(limit);
        scene.settings.retry.attempts = attempts;
        scene.faults = Faults {
            broken: Some(broken),
            known_after: Duration::from_secs(60 * known_after),
            flaky,
            transfer: Duration::from_secs(transfer),
            ..Faults::default()
        };
        let (size, soak, count) = canary;
        let canary = Canary {
            size,
            soak: Duration::from_secs(60 * soak),
            count,
        };
        (scene, canary)
    })
}

/// Whatever the fleet, the faults and the luck: an abort acts within what was stated.
fn keeps_within<P: Plugins>(scene: &Scenario, policy: &P) -> Result<(), TestCaseError> {
    let session = lived(scene, policy);
    let stated = session.blast_radius.clone().expect("it is stated");
    prop_assert!(stated.devices <= session.devices);
    let abort = session
        .marks
        .iter()
        .find(|mark| mark.verdict == Verdict::Abort);
    if let Some(abort) = abort {
        prop_assert!(
            abort.started <= stated.devices,
            "{} of {:?}",
            abort.started,
            stated
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(crate::whole_rollouts())]

    #[test]
    fn an_abort_is_always_within_it((scene, canary) in rollouts()) {
        keeps_within(&scene, &canary)?;
    }

    /// What devices lose again only makes an abort come sooner.
    #[test]
    fn an_abort_of_a_build_that_falls_back_is_within_it(
        (mut scene, canary) in rollouts(),
        share in 0.0..=1.0,
        after in 0..600_u64,
    ) {
        let after = Duration::from_secs(60 * after);
        scene.faults.fall_back = Some(FallBack { share, after });
        keeps_within(&scene, &Verified(canary))?;
    }
}
