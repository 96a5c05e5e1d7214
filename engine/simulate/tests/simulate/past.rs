//! Sessions with the fleet of past rollouts (issue 4: `--recorded STATE`).

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    time::Duration,
};

use proptest::prelude::*;
use windlass_model::{
    Connectivity, Device, DeviceHistory, DeviceId, FailureKind, PastAttempt, PastOutcome, PastWait,
    Timestamp, Verdict, WaitEnd,
};
use windlass_simulate::{End, Faults, Fleet, Profile, Scenario, recorded::RecordedFleet};

use crate::{
    canary::{Canary, Nobody},
    scenes::{DAY, HOUR, MONDAY, lived, one_policy, scene},
};

/// When all this was recorded.
const LONG_AGO: u64 = 1_000 * 3_600_000;

/// What is to be told of a device.
#[derive(Clone, Debug)]
struct Past {
    place: u64,
    /// How long each delivery took, in seconds.
    deliveries: Vec<u64>,
    /// How often an attempt failed.
    failures: u64,
    /// How long it was waited for until it came, in minutes.
    waits: Vec<u64>,
}

fn history(number: usize, past: &Past) -> DeviceHistory {
    let attempt = |at: u64, length: u64, outcome| PastAttempt {
        started_at: Timestamp(at),
        ended_at: Some(Timestamp(at + 1_000 * length)),
        settled_at: Some(Timestamp(at + 1_000 * length + 5_000)),
        outcome,
        bytes: 1,
    };
    let hours = (0..).map(|hour| LONG_AGO + hour * 3_600_000);
    let delivered = past.deliveries.iter().zip(hours.clone());
    let delivered = delivered.map(|(length, at)| attempt(at, *length, PastOutcome::Delivered));
    let failed = hours.clone().skip(100).take(past.failures as usize);
    let failed = failed.map(|at| attempt(at, 1, PastOutcome::Failed(FailureKind::Interrupted)));
    let waits = past.waits.iter().zip(hours.skip(200));
    DeviceHistory {
        device: Device {
            id: DeviceId::new(format!("till-{number:03}")),
            name: String::new(),
            address: "http://127.0.0.1".to_owned(),
            kind: Some("till".to_owned()),
            version: Some("1.0.0".to_owned()),
            status: Connectivity::Unknown,
            location: Some(format!("store-{}", past.place)),
            timezone: None,
            tags: Vec::new(),
            attributes: BTreeMap::new(),
            last_seen: None,
        },
        attempts: delivered.chain(failed).collect(),
        waits: waits
            .map(|(minutes, since)| PastWait {
                since: Timestamp(since),
                until: Timestamp(since + 60_000 * minutes),
                end: WaitEnd::Connected,
            })
            .collect(),
    }
}

fn fleet(pasts: &[Past], seed: u64, devices: Option<u64>) -> Fleet {
    let histories = pasts.iter().enumerate();
    let histories = histories.map(|(number, past)| history(number, past));
    let recorded = RecordedFleet::of(histories);
    Fleet::recorded(recorded, "state.db".to_owned(), seed, devices)
}

fn with(fleet: Fleet, seed: u64) -> Scenario {
    Scenario {
        fleet,
        ..scene(Profile::Pos, 1, seed)
    }
}

/// A device that took a minute each time.
fn well() -> Past {
    Past {
        place: 0,
        deliveries: vec![60, 60, 60],
        failures: 0,
        waits: Vec::new(),
    }
}

fn ids(fleet: &Fleet) -> Vec<String> {
    let ids = (0..fleet.devices()).map(|number| fleet.device(number, MONDAY).id.to_string());
    ids.collect()
}

#[test]
fn without_a_number_it_is_the_fleet_as_it_was() {
    let pasts = vec![well(); 50];
    let as_it_was = fleet(&pasts, 3, None);
    let names: Vec<_> = (0..50).map(|number| format!("till-{number:03}")).collect();
    assert_eq!(ids(&as_it_was), names);
    assert_eq!(ids(&fleet(&pasts, 3, Some(50))), names);
    let session = lived(&with(as_it_was, 3), &Nobody);
    assert_eq!(session.fleet, "state.db");
    assert_eq!(session.cohorts[0].succeeded, 50);
}

/// Each transfer takes as long as its device's did, half as much more or less, and until it is
/// known to be good the time that took.
#[test]
fn devices_take_as_long_as_they_did() {
    let slow = Past {
        deliveries: vec![1_200; 3],
        ..well()
    };
    let mut scene = with(fleet(&[well(), slow.clone()], 1, None), 1);
    scene.concurrency = NonZeroUsize::new(2).expect("it is not zero");
    let End::Completed(after) = lived(&scene, &Nobody).end else {
        panic!("it ends");
    };
    let secs = Duration::from_secs;
    assert!((secs(600)..secs(1_900)).contains(&after), "{after:?}");
    // What takes longer than attempts may is cut.
    scene.settings.timeouts.attempt = secs(300);
    let session = lived(&scene, &Nobody);
    assert_eq!(session.cohorts[0].succeeded, 1, "{:?}", session.end);
    assert_eq!(session.cohorts[0].failed, 1);
    // Unless somebody says how long it takes now.
    let histories = [well(), slow];
    let histories = histories.iter().enumerate();
    let recorded = RecordedFleet::of(histories.map(|(number, past)| history(number, past)));
    let told = recorded.with_transfer(secs(60));
    scene.fleet = Fleet::recorded(told, "state.db".to_owned(), 1, None);
    assert_eq!(lived(&scene, &Nobody).cohorts[0].succeeded, 2);
}

/// A device that was found half of the time is there half of the time, and away as long as it
/// was waited for.
#[test]
fn devices_come_and_go_as_they_did() {
    let half = Past {
        deliveries: vec![60; 200],
        waits: vec![90; 200],
        ..well()
    };
    let fleet = fleet(&vec![half; 100], 7, None);
    let mut online = 0;
    for number in 0..fleet.devices() {
        let mut at = MONDAY;
        let (mut there, mut away) = (Duration::ZERO, Duration::ZERO);
        let mut spells = 0;
        while at < MONDAY.plus(30 * DAY) {
            let spell = fleet.spell(number, at);
            assert!(spell.since <= at && at < spell.until, "{spell:?} at {at:?}");
            let length = spell.until.since(at);
            if spell.online {
                there += length;
            } else {
                away += length;
                spells += 1;
            }
            at = spell.until;
        }
        let mean = away / spells;
        assert!(mean > Duration::from_secs(80 * 60) && mean < Duration::from_secs(100 * 60));
        let share = there.as_secs_f64() / (there + away).as_secs_f64();
        assert!((0.45..0.55).contains(&share), "{share}");
        online += u64::from(fleet.spell(number, MONDAY).online);
    }
    assert!((30..70).contains(&online), "not all at once: {online}");
}

/// Failures of the past happen again: there is no bad build, and attempts fail.
#[test]
fn devices_fail_as_they_did() {
    let poor = Past {
        deliveries: vec![60; 60],
        failures: 20,
        ..well()
    };
    let session = lived(&with(fleet(&vec![poor; 400], 5, None), 5), &Nobody);
    let basis = session.recorded.expect("it was recorded");
    assert!((basis.failing - 0.25).abs() < 1e-9, "{basis:?}");
    // A quarter of the first attempts, a quarter of their retries …
    let failures = session.harm.failures;
    assert!((90..180).contains(&failures), "{failures}");
    assert_eq!(session.harm.harmed, 0);
}

/// What nothing tells of a device is the fleet's, and for how many that is so is said.
#[test]
fn what_is_not_known_is_said() {
    let unknown = Past {
        deliveries: Vec::new(),
        ..well()
    };
    let waited = Past {
        deliveries: Vec::new(),
        waits: vec![30],
        ..well()
    };
    let pasts = [well(), well(), unknown, waited];
    let session = lived(&with(fleet(&pasts, 1, None), 1), &Nobody);
    let basis = session.recorded.expect("it was recorded");
    assert_eq!((basis.devices, basis.attempts, basis.waits), (4, 6, 1));
    assert_eq!((basis.unseen, basis.untried, basis.unmeasured), (1, 2, 2));
    assert_eq!(basis.transfer, Some(Duration::from_secs(60)));
    let many = lived(&with(fleet(&pasts, 1, Some(400)), 1), &Nobody);
    let basis = many.recorded.expect("it was recorded");
    assert_eq!((basis.unseen, basis.untried, basis.devices), (100, 200, 4));
}

/// Nothing in a session depends on anything but the recorded fleet and the seed.
#[test]
fn the_same_seed_gives_the_same_bytes() {
    let pasts = vec![
        Past {
            deliveries: vec![60, 90],
            failures: 1,
            waits: vec![60],
            ..well()
        };
        100
    ];
    let bytes = |seed| {
        let session = lived(&with(fleet(&pasts, seed, Some(70)), seed), &Nobody);
        serde_json::to_string(&session).expect("it is JSON")
    };
    assert_eq!(bytes(1), bytes(1));
    assert_ne!(bytes(1), bytes(2));
}

fn pasts() -> impl Strategy<Value = Vec<Past>> {
    let past = (
        0..4_u64,
        prop::collection::vec(1..1_500_u64, 0..4),
        0..4_u64,
        prop::collection::vec(1..600_u64, 0..3),
    );
    let past = past.prop_map(|(place, deliveries, failures, waits)| Past {
        place,
        deliveries,
        failures,
        waits,
    });
    prop::collection::vec(past, 1..120)
}

proptest! {
    #![proptest_config(crate::whole_rollouts())]

    /// However many are taken: each place keeps its share to within a device, no id comes twice,
    /// and what was recorded of as many devices as there are is taken once.
    #[test]
    fn a_sample_keeps_its_strata(pasts in pasts(), devices in 1..500_u64, seed in any::<u64>()) {
        let fleet = fleet(&pasts, seed, Some(devices));
        prop_assert_eq!(fleet.devices(), devices);
        let mut taken: BTreeMap<String, u64> = BTreeMap::new();
        let mut ids = BTreeSet::new();
        for number in 0..devices {
            let device = fleet.device(number, MONDAY);
            prop_assert!(ids.insert(device.id.to_string()), "{} comes twice", device.id);
            *taken.entry(device.location.expect("it has one")).or_default() += 1;
        }
        for place in 0..4 {
            let there = pasts.iter().filter(|past| past.place == place).count() as f64;
            let share = there / pasts.len() as f64 * devices as f64;
            let taken = taken.get(&format!("store-{place}")).copied().unwrap_or(0) as f64;
            prop_assert!((taken - share).abs() <= 1.0 + 1e-9, "{taken} of {share} in {place}");
        }
    }

    /// Transfers and failures of each device its own: an abort is within what was stated.
    #[test]
    fn an_abort_is_always_within_the_radius(
        pasts in pasts(),
        (devices, seed, slots) in (1..300_u64, any::<u64>(), 1..40_usize),
        (broken, known_after, flaky) in (0.05..=1.0, 0..200_u64, 0.0..0.3),
        (size, soak, count) in (0..300_u64, 0..200_u64, 1..30_u64),
        (idle, limit) in (1..120_u64, 60..3600_u64),
    ) {
        let mut scene = with(fleet(&pasts, seed, Some(devices)), seed);
        scene.policies = one_policy();
        scene.concurrency = NonZeroUsize::new(slots).expect("it is not zero");
        scene.span = DAY;
        scene.settings.timeouts.idle = Duration::from_secs(idle);
        scene.settings.timeouts.attempt = Duration::from_secs(limit);
        scene.faults = Faults {
            broken: Some(broken),
            known_after: Duration::from_secs(60 * known_after),
            flaky,
            ..Faults::default()
        };
        let canary = Canary { size, soak: Duration::from_secs(60 * soak), count };
        let session = lived(&scene, &canary);
        let stated = session.blast_radius.expect("it is stated");
        let abort = session.marks.iter().find(|mark| mark.verdict == Verdict::Abort);
        if let Some(abort) = abort {
            prop_assert!(abort.started <= stated.devices, "{} of {stated:?}", abort.started);
        }
    }
}

/// A device that is never there is not waited for beyond what is watched.
#[test]
fn a_fleet_that_nobody_ever_met_is_not_updated() {
    let gone = Past {
        deliveries: Vec::new(),
        waits: Vec::new(),
        ..well()
    };
    let mut away = history(0, &gone);
    away.device.status = Connectivity::Offline;
    let recorded = RecordedFleet::of([away]);
    let mut scene = with(Fleet::recorded(recorded, "s".to_owned(), 1, None), 1);
    scene.span = 10 * HOUR;
    let session = lived(&scene, &Nobody);
    assert_eq!(session.end, End::Unfinished);
    assert_eq!(session.cohorts[0].first_started, None);
}

/// A hundred devices of two places, taken so often: one in ten was never tried, one in five was
/// waited for, one in four failed once.
pub(crate) fn mixed(devices: u64) -> Fleet {
    let pasts: Vec<_> = (0..100)
        .map(|number| Past {
            place: u64::from(number % 3 == 0),
            deliveries: match number % 10 {
                0 => Vec::new(),
                _ => vec![60 + 3 * number, 90],
            },
            failures: u64::from(number % 4 == 1),
            waits: match number % 5 {
                2 => vec![45 + number, 200],
                _ => Vec::new(),
            },
        })
        .collect();
    fleet(&pasts, 1, Some(devices))
}
