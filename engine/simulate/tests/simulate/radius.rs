//! The blast radius is stated before a session, and the session keeps within it (issue 4).

use std::{num::NonZeroUsize, time::Duration};

use windlass_model::Verdict;
use windlass_simulate::{End, Faults, Profile, Scenario, Session};

use crate::{
    canary::Canary,
    scenes::{DAY, HOUR, lived, one_policy, scene},
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
    assert_eq!(session.harm.harmed, 0);
    assert!(
        matches!(session.end, End::Completed(_)),
        "{:?}",
        session.end
    );
}
