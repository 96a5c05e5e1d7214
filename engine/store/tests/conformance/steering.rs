use std::time::Duration;

use windlass_model::{
    Advance, Approval, AssignmentState, Change, CohortIndex, Deferral, FailureKind, RolloutName,
    RolloutState, Sha256, SkipReason, StateKind, Timestamp,
};

use crate::fixture::{Fixture, kinds, moved};

fn approval(gate: &str, at: u64, expires: Option<u64>) -> Approval {
    Approval {
        gate: gate.to_owned(),
        actor: "ada".to_owned(),
        at: Timestamp(at),
        expires: expires.map(Timestamp),
    }
}

fn advance(cohort: Option<u32>, at: u64) -> Advance {
    Advance {
        cohort: cohort.map(CohortIndex),
        actor: "ben".to_owned(),
        at: Timestamp(at),
    }
}

pub(crate) fn consents_and_orders_come_back_in_order(f: &mut Fixture) {
    let devices = f.fleet(1);
    let (rollout, other) = (f.rollout("r", &devices, 1), f.rollout("s", &devices, 1));
    let approvals = [
        approval("soak", 9_000, Some(10_000)),
        approval("canary", 8_000, None),
        approval("soak", 9_500, None),
    ];
    let advances = [advance(Some(0), 9_000), advance(None, 8_000)];
    let given = approvals.iter().cloned().map(Change::Approved);
    let ordered = advances.iter().cloned().map(Change::Advanced);
    f.apply(rollout, given.chain(ordered).collect());
    let snapshot = f.store.snapshot(rollout).expect("known");
    assert_eq!(snapshot.approvals, approvals);
    assert_eq!(snapshot.advances, advances);
    let untouched = f.store.snapshot(other).expect("known");
    assert!(untouched.approvals.is_empty() && untouched.advances.is_empty());
}

/// Design §6: an approval binds to gate, release digest and policy digests.
pub(crate) fn other_policies_void_what_was_consented_to(f: &mut Fixture) {
    let devices = f.fleet(1);
    let (rollout, other) = (f.rollout("r", &devices, 1), f.rollout("s", &devices, 1));
    for key in [rollout, other] {
        let given = Change::Approved(approval("soak", 9_000, None));
        f.apply(key, vec![given, Change::Advanced(advance(None, 9_000))]);
    }
    let mut plan = f.store.snapshot(rollout).expect("known").rollout.plan;
    plan.settings.retry.attempts += 1;
    f.store.replace_plan(rollout, &plan).expect("replaced");
    let kept = f.store.snapshot(rollout).expect("known");
    assert_eq!((kept.approvals.len(), kept.advances.len()), (1, 1));

    plan.policies[1].settings = Sha256([9; 32]);
    f.store.replace_plan(rollout, &plan).expect("replaced");
    let void = f.store.snapshot(rollout).expect("known");
    assert_eq!((void.approvals.len(), void.advances.len()), (0, 0));
    let untouched = f.store.snapshot(other).expect("known");
    assert_eq!(
        (untouched.approvals.len(), untouched.advances.len()),
        (1, 1)
    );
}

pub(crate) fn a_requeued_dead_letter_keeps_its_rank_and_is_paged_again(f: &mut Fixture) {
    let devices = f.fleet(3);
    let rollout = f.rollout("r", &devices, 0);
    f.store.reserve_attempt_ids(10).expect("ids are left");
    let before = f.assignments(rollout);
    f.dead_letter(rollout, &before[1], (1, 3_000), FailureKind::Busy);
    let pending = |f: &Fixture| {
        let page = f.store.pending(rollout, CohortIndex(1), None, 10);
        let page = page.expect("readable").into_iter();
        page.map(|(row, _)| row.id).collect::<Vec<_>>()
    };
    assert_eq!(pending(f), [before[0].id, before[2].id]);
    let letter = f.assignments(rollout).remove(1);
    f.apply(rollout, vec![moved(&letter, AssignmentState::Pending)]);
    assert_eq!(
        pending(f),
        before.iter().map(|row| row.id).collect::<Vec<_>>()
    );
    let requeued = f.assignments(rollout).remove(1);
    assert_eq!(
        (requeued.device, requeued.started_attempts),
        (devices[1], 1)
    );
    let letters = f
        .store
        .dead_letters(Some(rollout), None, 10)
        .expect("readable");
    assert_eq!(letters, []);
}

pub(crate) fn a_person_may_move_what_waits(f: &mut Fixture) {
    let devices = f.fleet(5);
    let rollout = f.rollout("r", &devices, 0);
    f.store.reserve_attempt_ids(10).expect("ids are left");
    let rows = f.assignments(rollout);
    let deferral = Deferral {
        until: Timestamp(9_000),
        needs_connection: false,
    };
    let retry_at = Timestamp(9_000);
    f.dead_letter(rollout, &rows[0], (1, 3_000), FailureKind::Busy);
    f.apply(
        rollout,
        vec![
            moved(&rows[1], AssignmentState::Waiting { retry_at }),
            moved(&rows[2], AssignmentState::Waiting { retry_at }),
            moved(&rows[3], AssignmentState::Deferred(deferral)),
        ],
    );
    let rows = f.assignments(rollout);
    let states = [
        AssignmentState::Failed(FailureKind::Busy),
        AssignmentState::Skipped(SkipReason::Excluded),
        AssignmentState::Superseded,
        AssignmentState::Pending,
        AssignmentState::Skipped(SkipReason::Excluded),
    ];
    let moves = rows.iter().zip(states.clone());
    f.apply(
        rollout,
        moves.map(|(row, state)| moved(row, state)).collect(),
    );
    let after = f.assignments(rollout).into_iter();
    assert_eq!(after.map(|row| row.state).collect::<Vec<_>>(), states);
}

pub(crate) fn a_completed_rollout_runs_again(f: &mut Fixture) {
    let devices = f.fleet(1);
    let rollout = f.rollout("r", &devices, 1);
    let change = |state, ended_at| Change::Rollout {
        state,
        started_at: Some(Timestamp(3_000)),
        ended_at,
        paused_for: Duration::ZERO,
        paused_since: None,
    };
    let completed = change(RolloutState::Completed, Some(Timestamp(9_000)));
    f.apply(rollout, vec![completed]);
    f.apply(rollout, vec![change(RolloutState::Running, None)]);
    let stored = f.store.rollout(&RolloutName::new("r")).expect("readable");
    let stored = stored.expect("known");
    assert_eq!(stored.state, RolloutState::Running);
    assert_eq!(
        (stored.started_at, stored.ended_at),
        (Some(Timestamp(3_000)), None)
    );
    assert_eq!(kinds(&f.assignments(rollout)), [StateKind::Pending]);
}
