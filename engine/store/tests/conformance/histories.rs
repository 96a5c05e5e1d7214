//! What past rollouts tell of every device, for a simulation of the next one.

use windlass_model::{
    AssignmentState, AttemptOutcome, ChangeSet, DeviceHistory, DeviceId, Event, EventKind,
    FailureKind, PastOutcome, PastWait, RolloutKey, SkipReason, Timestamp, WaitEnd,
};

use crate::fixture::{Fixture, attempt, device, failure};

fn read(f: &Fixture, limit: usize) -> Vec<DeviceHistory> {
    let mut histories = f.store.histories().expect("readable");
    let mut all = Vec::new();
    loop {
        let page = histories.next_page(limit).expect("readable");
        assert!(page.len() <= limit);
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

fn tell(f: &mut Fixture, rollout: RolloutKey, at: u64, kind: EventKind) {
    let set = ChangeSet {
        rollout,
        changes: Vec::new(),
        events: vec![Event {
            at: Timestamp(at),
            rollout: Some(rollout),
            kind,
        }],
    };
    f.commit(&set).expect("no conflict");
}

fn id(number: usize) -> DeviceId {
    DeviceId::new(format!("d-{number}"))
}

fn away(number: usize) -> EventKind {
    EventKind::DeviceDeferred {
        device: id(number),
        until: Timestamp(60_000),
        needs_connection: true,
        reason: None,
    }
}

fn start(number: usize, attempt_id: u32) -> EventKind {
    EventKind::AttemptStarted {
        device: id(number),
        attempt: attempt(attempt_id),
        number: 1,
    }
}

fn wait(since: u64, until: u64, end: WaitEnd) -> PastWait {
    PastWait {
        since: Timestamp(since),
        until: Timestamp(until),
        end,
    }
}

pub(crate) fn histories_hold_the_attempts_of_all_rollouts(f: &mut Fixture) {
    let keys = f.fleet(3);
    f.store.reserve_attempt_ids(20).expect("ids are left");
    let first = f.rollout_to("1.1.0", &keys, |_| {});
    let second = f.rollout_to("1.2.0", &keys[..1], |_| {});
    let rows = f.assignments(first);
    f.attempt(
        first,
        &rows[0],
        (1, 5_000),
        AttemptOutcome::Delivered,
        AssignmentState::Succeeded,
    );
    f.dead_letter(first, &rows[1], (2, 6_000), FailureKind::TimedOut);
    let row = &f.assignments(second)[0];
    let offered = AttemptOutcome::Offered("offer".to_owned());
    f.attempt(second, row, (3, 9_000), offered, AssignmentState::Succeeded);

    let histories = read(f, 2);
    let told: Vec<_> = histories
        .iter()
        .map(|history| {
            let attempts = history.attempts.iter();
            attempts
                .map(|past| (past.started_at.0, past.outcome))
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(
        told,
        [
            vec![
                (5_000, PastOutcome::Delivered),
                (9_000, PastOutcome::Offered)
            ],
            vec![(6_000, PastOutcome::Failed(FailureKind::TimedOut))],
            vec![],
        ]
    );
    let past = histories[0].attempts[0];
    assert_eq!(
        (past.ended_at, past.settled_at),
        (Some(Timestamp(6_000)), Some(Timestamp(6_000)))
    );
    assert_eq!(past.bytes, 1);
    assert_eq!(histories[2].device, device("d-3"));
}

/// A device that took all bytes and then ran something else: the row says delivered, and the
/// log knows better.
pub(crate) fn a_failure_after_the_delivery_is_a_failure(f: &mut Fixture) {
    let keys = f.fleet(1);
    f.store.reserve_attempt_ids(20).expect("ids are left");
    let rollout = f.rollout("r", &keys, 0);
    let row = &f.assignments(rollout)[0];
    let dead = AssignmentState::DeadLettered(FailureKind::DeviceError);
    f.attempt(rollout, row, (1, 5_000), AttemptOutcome::Delivered, dead);
    let failed = EventKind::AttemptFailed {
        device: id(1),
        attempt: attempt(1),
        failure: failure(FailureKind::DeviceError),
        retry_at: None,
    };
    tell(f, rollout, 8_000, failed);
    let past = read(f, 10)[0].attempts[0];
    assert_eq!(past.outcome, PastOutcome::Failed(FailureKind::DeviceError));
}

pub(crate) fn waits_end_as_the_log_tells(f: &mut Fixture) {
    let keys = f.fleet(6);
    let rollout = f.rollout("r", &keys, 0);
    let other = f.rollout_to("9.0.0", &keys, |_| {});
    // It comes.
    tell(f, rollout, 10_000, away(1));
    tell(f, rollout, 20_000, away(1));
    tell(f, rollout, 50_000, start(1, 1));
    // Another rollout's wait is its own.
    tell(f, other, 55_000, away(1));
    // A hold says nothing of the connection.
    tell(f, rollout, 60_000, away(2));
    let held = EventKind::DeviceDeferred {
        device: id(2),
        until: Timestamp(90_000),
        needs_connection: false,
        reason: None,
    };
    tell(f, rollout, 61_000, held);
    // Left out at once.
    let skipped = EventKind::DeviceSkipped {
        device: id(3),
        reason: SkipReason::Offline,
    };
    tell(f, rollout, 62_000, skipped);
    // Cancelled with all that waited.
    tell(f, rollout, 63_000, away(4));
    tell(
        f,
        rollout,
        70_000,
        EventKind::RolloutAborting { reasons: vec![] },
    );
    // Still away when the record ends.
    tell(f, other, 75_000, away(5));
    tell(f, other, 80_000, EventKind::RolloutReleased);

    let told: Vec<_> = read(f, 4)
        .into_iter()
        .map(|history| history.waits)
        .collect();
    assert_eq!(
        told,
        [
            vec![
                wait(10_000, 50_000, WaitEnd::Connected),
                wait(55_000, 80_000, WaitEnd::Unknown),
            ],
            vec![wait(60_000, 61_000, WaitEnd::Unknown)],
            vec![wait(62_000, 62_000, WaitEnd::Unknown)],
            vec![wait(63_000, 70_000, WaitEnd::Unknown)],
            vec![wait(75_000, 80_000, WaitEnd::Unknown)],
            vec![],
        ]
    );
}

pub(crate) fn histories_are_of_the_fleet_in_service(f: &mut Fixture) {
    f.fleet(3);
    f.store.set_decommissioned(&id(1), true).expect("writable");
    let listed = [device("d-1"), device("d-3")];
    f.store
        .replace_devices(listed, Timestamp(2_000))
        .expect("writable");
    let told: Vec<_> = read(f, 1)
        .into_iter()
        .map(|history| history.device.id)
        .collect();
    assert_eq!(told, [id(3)]);
}
