use std::time::Duration;

use windlass_model::{
    AssignmentId, AssignmentState, AttemptOutcome, Change, ChangeSet, Connectivity, Deferral,
    DeviceKey, FailureKind, RolloutKey, RolloutState, Sequence, SkipReason, StateKind, Timestamp,
};
use windlass_store::CommitError;

use crate::fixture::{Fixture, attempt, event, kinds, moved, observation, set, started};

pub(crate) fn every_state_survives_the_way_through_the_database(f: &mut Fixture) {
    let states = [
        AssignmentState::Deferred(Deferral {
            until: Timestamp(77),
            needs_connection: true,
        }),
        AssignmentState::Admitted,
        AssignmentState::Transferring(attempt(1)),
        AssignmentState::Offered {
            attempt: attempt(2),
            deadline: Timestamp(88),
        },
        AssignmentState::Verifying(attempt(3)),
        AssignmentState::Settling(attempt(4)),
        AssignmentState::Waiting {
            retry_at: Timestamp(99),
        },
        AssignmentState::Cancelling(attempt(5)),
        AssignmentState::Succeeded,
        AssignmentState::Failed(FailureKind::Incompatible),
        AssignmentState::Rejected,
        AssignmentState::Skipped(SkipReason::Excluded),
        AssignmentState::Cancelled,
        AssignmentState::Superseded,
        AssignmentState::DeadLettered(FailureKind::Other),
    ];
    let devices = f.fleet(states.len());
    f.store.reserve_attempt_ids(10).expect("ids are left");
    let rollout = f.rollout("r", &devices, 1);
    let rows = f.assignments(rollout);
    let mut expected = Vec::new();
    for (number, (row, state)) in (1..).zip(rows.iter().zip(states)) {
        let mut after = row.clone();
        after.state = state;
        after.started_attempts = number;
        after.counted_attempts = number - 1;
        after.first_failure = Some(FailureKind::Corrupt);
        after.last_failure = Some((FailureKind::Busy, Timestamp(number.into())));
        after.attempt_started = Some(Timestamp(1_000));
        after.excluded = number % 2 == 0;
        let mut changes = Vec::new();
        if let AssignmentState::Transferring(id)
        | AssignmentState::Offered { attempt: id, .. }
        | AssignmentState::Verifying(id)
        | AssignmentState::Settling(id)
        | AssignmentState::Cancelling(id) = after.state
        {
            changes.push(started(row, id.0.get(), 1_000).swap_remove(0));
        }
        changes.push(Change::Assignment {
            from: StateKind::Pending,
            row: Box::new(after.clone()),
        });
        f.apply(rollout, changes);
        expected.push(after);
    }
    assert_eq!(f.assignments(rollout), expected);
}

/// One transaction, a savepoint a set.
pub(crate) fn a_conflicting_set_is_refused_and_the_others_hold(f: &mut Fixture) {
    let devices = f.fleet(3);
    let rollout = f.rollout("r", &devices, 1);
    let rows = f.assignments(rollout);
    f.store.reserve_attempt_ids(10).expect("ids are left");
    let sets = [
        ChangeSet {
            rollout,
            changes: started(&rows[0], 1, 3_000),
            events: vec![event(rollout, 3_000)],
        },
        // Sound in its first half; the second meets what the first set did.
        ChangeSet {
            rollout,
            changes: [started(&rows[1], 2, 3_000), started(&rows[0], 3, 3_000)].concat(),
            events: vec![event(rollout, 3_001), event(rollout, 3_002)],
        },
        ChangeSet {
            rollout,
            changes: vec![moved(&rows[2], AssignmentState::Admitted)],
            events: vec![event(rollout, 3_003)],
        },
    ];
    let answers = f.store.commit(&sets.iter().collect::<Vec<_>>());
    assert_eq!(answers[0].as_ref().expect("held").first, Sequence(1));
    assert!(matches!(answers[1], Err(CommitError::DeviceBusy { .. })));
    assert_eq!(answers[2].as_ref().expect("held").first, Sequence(2));
    assert_eq!(
        kinds(&f.assignments(rollout)),
        [
            StateKind::Transferring,
            StateKind::Pending,
            StateKind::Admitted
        ]
    );
    assert!(f.store.attempts(rows[1].id).expect("readable").is_empty());
    let events = f.store.events(Sequence(0), 10, None).expect("readable");
    let times: Vec<_> = events.iter().map(|logged| logged.event.at.0).collect();
    assert_eq!(times, [3_000, 3_003]);
}

pub(crate) fn every_conflict_has_a_name(f: &mut Fixture) {
    let devices = f.fleet(2);
    let rollout = f.rollout("r", &devices, 1);
    let other = f.rollout("s", &devices, 1);
    let row = f.assignments(rollout).remove(0);
    f.store.reserve_attempt_ids(10).expect("ids are left");
    f.apply(rollout, started(&row, 1, 3_000));
    let mut refused = |rollout, change| {
        let set = set(rollout, vec![change]);
        f.commit(&set).expect_err("a conflict")
    };

    let error = refused(rollout, moved(&row, AssignmentState::Admitted));
    assert_eq!(
        error.to_string(),
        format!("assignment {} is transferring, not pending", row.id)
    );
    let error = refused(RolloutKey(99), Change::CancelRemaining);
    assert!(matches!(error, CommitError::NoSuchRollout(RolloutKey(99))));
    let error = refused(other, moved(&row, AssignmentState::Admitted));
    assert!(matches!(error, CommitError::NoSuchAssignment(id) if id == row.id));
    let mut stray = row.clone();
    (stray.id, stray.device) = (AssignmentId(12), devices[1]);
    let error = refused(rollout, started(&stray, 2, 3_000).swap_remove(0));
    assert!(matches!(
        error,
        CommitError::NoSuchAssignment(AssignmentId(12))
    ));
    let error = refused(rollout, started(&row, 1, 3_000).swap_remove(0));
    assert!(matches!(error, CommitError::AttemptIdUsed(id) if id == attempt(1)));
    let settled = |id| Change::AttemptSettled {
        attempt: attempt(id),
        at: Timestamp(4_000),
    };
    let error = refused(rollout, settled(9));
    assert!(matches!(error, CommitError::NoSuchAttempt(id) if id == attempt(9)));
    let ended = Change::AttemptEnded {
        attempt: attempt(9),
        at: Timestamp(4_000),
        outcome: AttemptOutcome::Delivered,
        bytes: 1,
    };
    let error = refused(rollout, ended);
    assert!(matches!(error, CommitError::NoSuchAttempt(id) if id == attempt(9)));
    let error = refused(rollout, Change::Observed(observation(DeviceKey(99), 1)));
    assert!(matches!(error, CommitError::NoSuchDevice(DeviceKey(99))));
}

pub(crate) fn events_have_no_gaps(f: &mut Fixture) {
    let devices = f.fleet(1);
    let (first, second) = (f.rollout("r", &devices, 1), f.rollout("s", &devices, 1));
    assert_eq!(f.store.last_event().expect("readable"), Sequence(0));
    for round in 0..10 {
        let rollout = if round % 2 == 0 { first } else { second };
        let good = ChangeSet {
            rollout,
            changes: Vec::new(),
            events: vec![event(rollout, round), event(rollout, round)],
        };
        let bad = ChangeSet {
            rollout: RolloutKey(99),
            ..good.clone()
        };
        let answers = f.store.commit(&[&bad, &good, &bad]);
        assert!(answers[0].is_err() && answers[2].is_err());
        let committed = answers[1].as_ref().expect("held");
        assert_eq!(committed.first, Sequence(round * 2 + 1));
    }
    let all = f.store.events(Sequence(0), 100, None).expect("readable");
    let numbers: Vec<_> = all.iter().map(|logged| logged.seq.0).collect();
    assert_eq!(numbers, (1..=20).collect::<Vec<_>>());
    let page = f
        .store
        .events(Sequence(4), 3, Some(second))
        .expect("readable");
    let numbers: Vec<_> = page.iter().map(|logged| logged.seq.0).collect();
    assert_eq!(numbers, [7, 8, 11]);
    assert_eq!(page[0].event, event(second, 3));
    assert_eq!(f.store.last_event().expect("readable"), Sequence(20));
}

pub(crate) fn the_rest_is_cancelled_at_once(f: &mut Fixture) {
    let devices = f.fleet(6);
    let (rollout, other) = (f.rollout("r", &devices, 1), f.rollout("s", &devices, 1));
    let rows = f.assignments(rollout);
    let deferral = Deferral {
        until: Timestamp(9_000),
        needs_connection: false,
    };
    f.apply(rollout, started(&rows[0], 1, 3_000));
    f.apply(
        rollout,
        vec![
            moved(&rows[1], AssignmentState::Deferred(deferral)),
            moved(&rows[2], AssignmentState::Succeeded),
        ],
    );
    f.store.reserve_attempt_ids(1).expect("ids are left");
    f.commit(&ChangeSet {
        rollout,
        changes: vec![
            Change::CancelRemaining,
            Change::Rollout {
                state: RolloutState::Aborting,
                started_at: Some(Timestamp(3_000)),
                ended_at: None,
                paused_for: Duration::from_millis(1_500),
                paused_since: Some(Timestamp(4_000)),
            },
        ],
        events: vec![event(rollout, 5_000)],
    })
    .expect("no conflict");
    use StateKind::{Cancelled, Succeeded, Transferring};
    let rows = f.assignments(rollout);
    assert_eq!(
        kinds(&rows),
        [
            Transferring,
            Cancelled,
            Succeeded,
            Cancelled,
            Cancelled,
            Cancelled
        ]
    );
    assert_eq!(rows[1].state, AssignmentState::Cancelled);
    assert_eq!(kinds(&f.assignments(other)), [StateKind::Pending; 6]);
    let snapshot = f.store.snapshot(rollout).expect("known");
    assert_eq!(snapshot.rollout.state, RolloutState::Aborting);
    assert_eq!(snapshot.rollout.paused_for, Duration::from_millis(1_500));
    assert_eq!(snapshot.rollout.paused_since, Some(Timestamp(4_000)));
    assert_eq!(snapshot.next_deferred, None);
    assert_eq!(snapshot.cohorts[0].last_ended, None);
    assert_eq!(snapshot.cohorts[1].last_ended, Some(Timestamp(5_000)));
}

pub(crate) fn observations_travel_with_the_set(f: &mut Fixture) {
    let devices = f.fleet(1);
    let rollout = f.rollout("r", &devices, 1);
    let row = f.assignments(rollout).remove(0);
    let mut seen = observation(devices[0], 5_000);
    seen.status = Some(Connectivity::Offline);
    let mut refused = set(rollout, vec![Change::Observed(seen)]);
    let mut stale = row.clone();
    stale.state = AssignmentState::Admitted;
    refused
        .changes
        .push(moved(&stale, AssignmentState::Pending));
    f.commit(&refused).expect_err("the row is not admitted");
    assert_eq!(f.device("d-1").status, Connectivity::Online);
}
