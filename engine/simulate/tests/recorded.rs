//! What is inferred of a device from its past.

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;
use windlass_model::{
    Connectivity, Device, DeviceHistory, DeviceId, FailureKind, PastAttempt, PastOutcome, PastWait,
    Timestamp, WaitEnd,
};
use windlass_simulate::recorded::{Behaviour, RecordedFleet, WEIGHT};

const HOUR: u64 = 3_600_000;

fn history(attempts: &[PastAttempt], waits: &[PastWait]) -> DeviceHistory {
    DeviceHistory {
        device: Device {
            id: DeviceId::new("d"),
            name: String::new(),
            address: "http://127.0.0.1".to_owned(),
            kind: None,
            version: None,
            status: Connectivity::Unknown,
            location: None,
            timezone: None,
            tags: Vec::new(),
            attributes: BTreeMap::new(),
            last_seen: None,
        },
        attempts: attempts.to_vec(),
        waits: waits.to_vec(),
    }
}

/// An attempt that takes a minute, and is known to be good two minutes later.
fn attempt(at: u64, outcome: PastOutcome) -> PastAttempt {
    PastAttempt {
        started_at: Timestamp(at),
        ended_at: Some(Timestamp(at + 60_000)),
        settled_at: Some(Timestamp(at + 180_000)),
        outcome,
        bytes: 1,
    }
}

fn wait(since: u64, until: u64, end: WaitEnd) -> PastWait {
    PastWait {
        since: Timestamp(since),
        until: Timestamp(until),
        end,
    }
}

fn behaviours(histories: &[DeviceHistory]) -> Vec<Behaviour> {
    let fleet = RecordedFleet::of(histories.iter().cloned());
    fleet
        .devices
        .into_iter()
        .map(|device| device.behaviour)
        .collect()
}

fn close(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

#[test]
fn nothing_recorded_is_a_fleet_that_does_well() {
    let fleet = RecordedFleet::of([history(&[], &[])]);
    assert_eq!((fleet.attempts, fleet.waits), (0, 0));
    let behaviour = &fleet.devices[0].behaviour;
    assert_eq!(*behaviour, fleet.typical);
    assert!(close(behaviour.online, 1.0) && close(behaviour.failing, 0.0));
    assert_eq!((behaviour.transfer, behaviour.connected), (None, None));
}

/// A wait that ends with the device coming is one look that found it away; the attempt then
/// made is no second look.
#[test]
fn the_share_online_is_that_of_looks() {
    let came = history(
        &[attempt(2 * HOUR, PastOutcome::Delivered)],
        &[wait(HOUR, 2 * HOUR, WaitEnd::Connected)],
    );
    let there = history(&[attempt(HOUR, PastOutcome::Delivered)], &[]);
    let all = RecordedFleet::of([came, there]);
    assert!(close(all.typical.online, 0.5));
    assert_eq!(all.typical.away, Duration::from_secs(3_600));
    assert_eq!(all.typical.connected, Some(Duration::from_secs(3_600)));
    // One look of its own, against those of the fleet.
    let own = all.devices.iter().map(|device| device.behaviour.online);
    let expected = [
        0.5 * WEIGHT / (1.0 + WEIGHT),
        (1.0 + 0.5 * WEIGHT) / (1.0 + WEIGHT),
    ];
    assert!(
        own.zip(expected)
            .all(|(own, expected)| close(own, expected))
    );
}

/// What was given up after ten hours lasted at least ten hours.
#[test]
fn waits_that_were_given_up_count_for_what_they_are() {
    let one = history(&[], &[wait(0, HOUR, WaitEnd::Connected)]);
    let other = history(&[], &[wait(0, 10 * HOUR, WaitEnd::Unknown)]);
    let fleet = RecordedFleet::of([one, other]);
    assert_eq!(fleet.typical.away, Duration::from_secs(11 * 3_600));
    let own: Vec<_> = fleet
        .devices
        .iter()
        .map(|device| device.behaviour.away)
        .collect();
    assert_eq!(
        own,
        [Duration::from_secs(3_600), Duration::from_secs(11 * 3_600)]
    );
}

/// A wait that was given up at once says nothing of how long devices are away.
#[test]
fn where_no_device_ever_came_it_takes_an_hour_or_more() {
    let given_up = |minutes: u64| history(&[], &[wait(0, 60_000 * minutes, WaitEnd::Unknown)]);
    for (waited, away) in [(0, 60), (1, 60), (90, 90)] {
        let fleet = RecordedFleet::of([given_up(waited)]);
        assert_eq!(
            fleet.typical.away,
            Duration::from_secs(60 * away),
            "{waited}"
        );
    }
}

#[test]
fn failures_are_those_of_the_device() {
    let outcomes = [
        PastOutcome::Delivered,
        PastOutcome::Failed(FailureKind::DeviceError),
        PastOutcome::Failed(FailureKind::Plugin),
        PastOutcome::Failed(FailureKind::Unreachable),
        PastOutcome::Cancelled,
        PastOutcome::Unknown,
    ];
    let attempts: Vec<_> = (1..)
        .zip(outcomes)
        .map(|(at, outcome)| attempt(at * HOUR, outcome))
        .collect();
    let fleet = RecordedFleet::of([history(&attempts, &[]), history(&[], &[])]);
    let typical = &fleet.typical;
    assert!(close(typical.failing, 0.5), "a delivery and an error");
    assert!(
        close(typical.online, 2.0 / 3.0),
        "one of three was not reached"
    );
    assert_eq!(
        typical.failures,
        BTreeMap::from([(FailureKind::DeviceError, 1)])
    );
    assert_eq!(fleet.devices[1].behaviour.failures, typical.failures);
}

#[test]
fn lengths_are_medians_of_what_went_well() {
    let mut slow = attempt(HOUR, PastOutcome::Delivered);
    slow.ended_at = Some(Timestamp(2 * HOUR));
    slow.settled_at = None;
    let attempts = [
        attempt(0, PastOutcome::Delivered),
        slow,
        attempt(3 * HOUR, PastOutcome::Delivered),
        attempt(4 * HOUR, PastOutcome::Failed(FailureKind::TimedOut)),
    ];
    let all = behaviours(&[history(&attempts, &[]), history(&[], &[])]);
    for behaviour in all {
        assert_eq!(behaviour.transfer, Some(Duration::from_secs(60)));
        assert_eq!(behaviour.install, Some(Duration::from_secs(120)));
    }
}

#[test]
fn the_registry_is_asked_where_nothing_else_is_known() {
    let mut away = history(&[], &[]);
    away.device.status = Connectivity::Offline;
    let mut seen = history(&[attempt(0, PastOutcome::Delivered)], &[]);
    seen.device.status = Connectivity::Offline;
    assert!(close(RecordedFleet::of([away]).typical.online, 0.0));
    assert!(close(RecordedFleet::of([seen]).typical.online, 1.0));
}

fn outcomes() -> impl Strategy<Value = PastOutcome> {
    let kinds = prop::sample::select(FailureKind::ALL.to_vec());
    prop_oneof![
        Just(PastOutcome::Unknown),
        Just(PastOutcome::Delivered),
        Just(PastOutcome::Offered),
        Just(PastOutcome::Cancelled),
        kinds.prop_map(PastOutcome::Failed),
    ]
}

fn histories() -> impl Strategy<Value = DeviceHistory> {
    let instants = 0..1_000 * HOUR;
    let attempts = prop::collection::vec((instants.clone(), outcomes()), 0..8);
    let end = prop::sample::select(vec![WaitEnd::Connected, WaitEnd::Unknown]);
    let waits = prop::collection::vec((instants.clone(), instants, end), 0..5);
    (attempts, waits).prop_map(|(attempts, waits)| {
        let attempts: Vec<_> = attempts
            .into_iter()
            .map(|(at, outcome)| attempt(at, outcome))
            .collect();
        let waits: Vec<_> = waits
            .into_iter()
            .map(|(since, until, end)| wait(since, until, end))
            .collect();
        history(&attempts, &waits)
    })
}

proptest! {
    /// Whatever is recorded: shares are shares, a device lies between itself and its fleet, and
    /// a spell with a connection is there whenever one without is.
    #[test]
    fn behaviour_is_always_possible(histories in prop::collection::vec(histories(), 0..12)) {
        let fleet = RecordedFleet::of(histories.iter().cloned());
        prop_assert_eq!(fleet.devices.len(), histories.len());
        let devices = fleet.devices.iter().map(|device| &device.behaviour);
        for behaviour in devices.chain([&fleet.typical]) {
            prop_assert!((0.0..=1.0).contains(&behaviour.online));
            prop_assert!((0.0..=1.0).contains(&behaviour.failing));
            prop_assert!(behaviour.failing == 0.0 || !behaviour.failures.is_empty());
            prop_assert!(behaviour.online == 1.0 || behaviour.connected.is_some());
        }
        let again = RecordedFleet::of(histories);
        prop_assert_eq!(fleet, again);
    }
}
