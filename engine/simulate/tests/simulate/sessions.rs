//! What a session tells adds up, and comes out the same again.

use std::{num::NonZeroUsize, time::Duration};

use proptest::prelude::*;
use windlass_simulate::{End, Faults, Profile, Scenario, Session};

use crate::{
    canary::{Canary, Nobody},
    scenes::{DAY, HOUR, lived, one_policy, scene},
};

fn bytes(session: &Session) -> String {
    serde_json::to_string(session).expect("a session is JSON")
}

/// Devices that are away are deferred and taken when they connect; a good build reaches all.
#[test]
fn everybody_is_updated_by_a_good_build() {
    for profile in Profile::ALL {
        let session = lived(&scene(profile, 1000, 3), &Nobody);
        assert!(
            matches!(session.end, End::Completed(_)),
            "{:?}",
            session.end
        );
        let [all] = &session.cohorts[..] else {
            panic!("{:?}", session.cohorts);
        };
        // Some went away while they were asked, so often that nobody asked again.
        assert!(all.succeeded >= 990, "{profile:?}: {all:?}");
        assert_eq!(all.succeeded + all.failed, 1000);
        assert!(
            session.samples.iter().any(|sample| sample.deferred > 0),
            "{profile:?}"
        );
        assert_eq!(session.harm.harmed, 0);
        let radius = session.blast_radius.expect("it is stated");
        assert_eq!((radius.devices, radius.at), (1000, None), "nobody ends it");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let bad = |seed| Scenario {
        policies: one_policy(),
        faults: Faults {
            broken: Some(0.1),
            known_after: HOUR,
            flaky: 0.05,
            ..Faults::default()
        },
        ..scene(Profile::Vehicle, 2000, seed)
    };
    let canary = Canary {
        size: 200,
        soak: DAY,
        count: 30,
    };
    let first = lived(&bad(1), &canary);
    assert_eq!(bytes(&first), bytes(&lived(&bad(1), &canary)));
    assert_ne!(bytes(&first), bytes(&lived(&bad(2), &canary)));
}

/// A device that is away costs nothing until it is back, however often it would be probed.
#[test]
fn a_device_that_is_skipped_when_offline_is_not_waited_for() {
    let mut scene = scene(Profile::Iot, 1000, 1);
    scene.settings.offline = windlass_model::OfflineDevices::Skip;
    let session = lived(&scene, &Nobody);
    let End::Completed(after) = session.end else {
        panic!("{:?}", session.end);
    };
    assert!(after < 2 * HOUR, "{after:?}");
    let updated = session.cohorts[0].succeeded;
    assert!((200..=400).contains(&updated), "{updated}");
}

fn scenes() -> impl Strategy<Value = (Scenario, Canary)> {
    let fleet = (0..4_usize, 1..300_u64, any::<u64>(), 1..20_usize);
    let faults = (0.0..=1.0, 0..600_u64, 0.0..=0.5, 1..600_u64);
    let canary = (0..300_u64, 0..900_u64, 1..50_u64);
    (fleet, faults, canary).prop_map(|(fleet, faults, canary)| {
        let (profile, devices, seed, slots) = fleet;
        let (broken, known_after, flaky, transfer) = faults;
        let mut scene = scene(Profile::ALL[profile], devices, seed);
        scene.concurrency = NonZeroUsize::new(slots).expect("it is not zero");
        scene.policies = one_policy();
        scene.span = DAY;
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

proptest! {
    #[test]
    fn counts_add_up((scene, canary) in scenes()) {
        let session = lived(&scene, &canary);
        let sizes: Vec<u64> = session.cohorts.iter().map(|cohort| cohort.size).collect();
        prop_assert_eq!(sizes.iter().sum::<u64>(), session.devices);
        let mut before = vec![0; sizes.len()];
        let ended = match session.end {
            End::Aborted(at) | End::RolledBack(at) => at,
            _ => scene.span,
        };
        let until = session.samples.partition_point(|sample| sample.at < ended);
        let (before_end, after) = session.samples.split_at(until);
        for part in [before_end, after] {
            let from = part.first().map_or(0, |sample| sample.at.as_millis());
            let step = part.get(1).map_or(0, |sample| sample.at.as_millis() - from);
            for (index, sample) in part.iter().enumerate() {
                let at = sample.at.as_millis() - from;
                let even = step * index as u128;
                prop_assert!(at.abs_diff(even) <= 2 * index as u128 + 1, "{} is not {}", at, even);
            }
        }
        for sample in &session.samples {
            for (started, size) in sample.started.iter().zip(&sizes) {
                prop_assert!(started <= size);
            }
            prop_assert!(before.iter().zip(&sample.started).all(|(one, next)| one <= next));
            before.clone_from(&sample.started);
            let told = sample.succeeded + sample.failed + sample.deferred + sample.in_progress;
            prop_assert!(told <= session.devices);
            prop_assert!(sample.in_progress <= scene.concurrency.get() as u64);
        }
        // What is drawn is what is said: the highest bar is the peak.
        let fastest = session.samples.iter().map(|sample| sample.starts_per_minute);
        prop_assert_eq!(fastest.max(), Some(session.peak_starts));
        let last = session.samples.last().expect("there is one");
        let ended = |of: fn(&windlass_simulate::CohortCourse) -> u64| {
            session.cohorts.iter().map(of).sum::<u64>()
        };
        prop_assert_eq!(last.succeeded, ended(|cohort| cohort.succeeded));
        prop_assert_eq!(last.failed, ended(|cohort| cohort.failed));
        prop_assert!(session.harm.harmed <= last.started.iter().sum());
        if let End::Completed(_) = session.end {
            let all_ended = last.succeeded + last.failed == session.devices;
            prop_assert!(all_ended, "nobody is skipped");
            let all = last.succeeded == session.devices;
            prop_assert_eq!(session.updated.all.is_some(), all);
        }
    }
}
