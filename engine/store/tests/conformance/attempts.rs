use windlass_model::{AssignmentState, AttemptOutcome, Change, FailureKind, Timestamp};
use windlass_store::{AttemptEnd, CommitError, StoreError};

use crate::fixture::{Fixture, attempt, failure, moved, set, started};

/// Design §6: over all rollouts, always.
pub(crate) fn a_device_has_one_unsettled_attempt_over_all_rollouts(f: &mut Fixture) {
    let devices = f.fleet(1);
    let (first, second) = (f.rollout("r", &devices, 1), f.rollout("s", &devices, 1));
    f.store.reserve_attempt_ids(10).expect("ids are left");
    let row = f.assignments(first).remove(0);
    let rival = f.assignments(second).remove(0);
    f.apply(first, started(&row, 1, 3_000));
    let start_rival = set(second, started(&rival, 2, 3_000));
    let busy = |error: CommitError| matches!(error, CommitError::DeviceBusy { device, attempt: by } if device == row.device && by == attempt(1));
    assert!(busy(
        f.commit(&start_rival).expect_err("the device is fenced")
    ));

    // That the push returned does not lift the fence; that its outcome is known does.
    let ended = Change::AttemptEnded {
        attempt: attempt(1),
        at: Timestamp(4_000),
        outcome: AttemptOutcome::Delivered,
        bytes: 10,
    };
    f.apply(first, vec![ended]);
    assert!(busy(
        f.commit(&start_rival).expect_err("the device is fenced")
    ));
    let settled = Change::AttemptSettled {
        attempt: attempt(1),
        at: Timestamp(5_000),
    };
    f.apply(first, vec![settled]);
    f.commit(&start_rival).expect("the fence is lifted");
}

/// Design §6: a positive 32-bit integer.
pub(crate) fn attempt_ids_are_never_given_out_twice(f: &mut Fixture) {
    let last = 2_147_483_647;
    assert_eq!(f.store.reserve_attempt_ids(100).expect("left"), 1..101);
    let most = f.store.reserve_attempt_ids(last - 110).expect("left");
    assert_eq!(most, 101..last - 9);
    let rest = f.store.reserve_attempt_ids(u32::MAX).expect("left");
    assert_eq!(rest, last - 9..last + 1);
    let exhausted = f.store.reserve_attempt_ids(1).expect_err("none is left");
    assert!(matches!(exhausted, StoreError::AttemptIdsExhausted));
}

/// A late result is recorded.
pub(crate) fn the_newest_report_of_an_attempt_holds(f: &mut Fixture) {
    let devices = f.fleet(1);
    let rollout = f.rollout("r", &devices, 1);
    f.store.reserve_attempt_ids(10).expect("ids are left");
    let row = f.assignments(rollout).remove(0);
    f.apply(rollout, started(&row, 3, 3_000));
    let begun = f.store.attempts(row.id).expect("readable").remove(0);
    assert_eq!((begun.id, begun.number), (attempt(3), 1));
    assert_eq!((begun.end, begun.settled_at), (None, None));
    for (at, outcome, bytes) in [
        (4_000, AttemptOutcome::Cancelled, 1),
        (4_500, AttemptOutcome::Offered("action 5".to_owned()), 2),
        (5_000, AttemptOutcome::Delivered, 3),
        (6_000, AttemptOutcome::Failed(failure(FailureKind::Busy)), 4),
    ] {
        let at = Timestamp(at);
        let ended = Change::AttemptEnded {
            attempt: attempt(3),
            at,
            outcome: outcome.clone(),
            bytes,
        };
        f.apply(rollout, vec![ended]);
        let stored = f.store.attempts(row.id).expect("readable").remove(0);
        assert_eq!(stored.end, Some(AttemptEnd { at, outcome, bytes }));
    }
    assert_eq!(f.store.bytes_sent(rollout).expect("readable"), 4);
    for at in [7_000, 8_000] {
        let settled = Change::AttemptSettled {
            attempt: attempt(3),
            at: Timestamp(at),
        };
        f.apply(rollout, vec![settled]);
        let stored = f.store.attempts(row.id).expect("readable").remove(0);
        assert_eq!(stored.settled_at, Some(Timestamp(7_000)));
    }
}

/// What a delivery keeps is fenced by the attempt, and goes with the assignment.
pub(crate) fn a_checkpoint_is_that_of_the_newest_attempt_until_the_assignment_ends(
    f: &mut Fixture,
) {
    let devices = f.fleet(1);
    let rollout = f.rollout("r", &devices, 1);
    let row = f.assignments(rollout).remove(0);
    let kept = |f: &Fixture| f.store.checkpoint(row.id).expect("readable");
    assert_eq!(kept(f), None);
    for (id, data) in [(2, b"two"), (1, b"old"), (2, b"new")] {
        let put = f.store.put_checkpoint(row.id, attempt(id), data);
        put.expect("writable");
    }
    assert_eq!(kept(f), Some(b"new".to_vec()));
    f.apply(rollout, vec![moved(&row, AssignmentState::Rejected)]);
    assert_eq!(kept(f), None);
}
