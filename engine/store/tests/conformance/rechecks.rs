//! Succeeded devices that are verified again (design §7.12).

use windlass_model::{
    AssignmentId, AssignmentState, AttemptOutcome, Change, CohortIndex, FailureKind, Inheritance,
    PolicySwap, Recheck, Rechecking, RolloutKey, StateKind, Timestamp,
};

use crate::fixture::{Fixture, attempt, pin, plan, targets};

const CANARY: CohortIndex = CohortIndex(0);
const REST: CohortIndex = CohortIndex(1);

/// Six devices of which four are cohort 0, and the first three and the last were updated.
fn updated(f: &mut Fixture) -> RolloutKey {
    let devices = f.fleet(6);
    let rollout = f.rollout("r", &devices, 4);
    f.store.reserve_attempt_ids(20).expect("ids are left");
    let rows = f.assignments(rollout);
    for (id, place) in [(1, 0), (2, 1), (3, 2), (4, 5)] {
        let (outcome, state) = (AttemptOutcome::Delivered, AssignmentState::Succeeded);
        f.attempt(rollout, &rows[place], (id, 3_000), outcome, state);
    }
    rollout
}

fn round(ended: Option<Timestamp>) -> Recheck {
    Recheck {
        began: Timestamp(5_000),
        ended,
        confirmed: 2,
        regressed: 1,
        unconfirmed: 3,
    }
}

fn keep(f: &mut Fixture, rollout: RolloutKey, cohort: CohortIndex, after: Option<AssignmentId>) {
    let ended = after.is_none().then_some(Timestamp(6_000));
    let kept = Change::Recheck {
        cohort,
        round: Some(round(ended)),
        after,
    };
    f.apply(rollout, vec![kept]);
}

pub(crate) fn succeeded_devices_are_paged_with_their_newest_attempts(f: &mut Fixture) {
    let rollout = updated(f);
    let rows = f.assignments(rollout);
    let page = |f: &Fixture, cohort, after, limit| {
        let found = f.store.succeeded(rollout, cohort, after, limit);
        let found = found.expect("readable").into_iter();
        found
            .map(|(row, attempt)| (row.id, attempt))
            .collect::<Vec<_>>()
    };
    let all = [(0, 1), (1, 2), (2, 3)].map(|(place, id)| (rows[place].id, Some(attempt(id))));
    assert_eq!(page(f, CANARY, None, 10), all);
    assert_eq!(page(f, CANARY, None, 2), all[..2]);
    assert_eq!(page(f, CANARY, Some(all[0].0), 10), all[1..]);
    assert_eq!(page(f, CANARY, Some(all[2].0), 10), []);
    assert_eq!(page(f, REST, None, 10), [(rows[5].id, Some(attempt(4)))]);
}

/// Another rollout has it in hand, or brought it something else: what it runs now says nothing
/// of this release.
pub(crate) fn a_device_is_overtaken_by_a_later_attempt_of_any_rollout(f: &mut Fixture) {
    let rollout = updated(f);
    let rows = f.assignments(rollout);
    let devices: Vec<_> = rows.iter().map(|row| row.device).collect();
    let plan = plan("s", f.release(), &[2]);
    let mut both = targets(&devices[..2], 2).into_iter();
    let other = f.store.create_rollout(&plan, &mut both, Timestamp(4_000));
    let other = other.expect("created");
    let later = f.assignments(other);
    f.apply(other, crate::fixture::started(&later[0], 7, 4_000));
    let (outcome, state) = (AttemptOutcome::Delivered, AssignmentState::Succeeded);
    f.attempt(other, &later[1], (8, 4_000), outcome, state);
    let found = f
        .store
        .succeeded(rollout, CANARY, None, 10)
        .expect("readable");
    let found: Vec<_> = found.into_iter().map(|(_, attempt)| attempt).collect();
    assert_eq!(found, [None, None, Some(attempt(3))]);
    let is_overtaken = |device, id| f.store.is_overtaken(device, attempt(id)).expect("readable");
    assert!(is_overtaken(devices[0], 1) && is_overtaken(devices[1], 2));
    assert!(!is_overtaken(devices[1], 8) && !is_overtaken(devices[2], 3));
}

pub(crate) fn a_round_is_found_where_it_was(f: &mut Fixture) {
    let rollout = updated(f);
    let rows = f.assignments(rollout);
    assert_eq!(f.store.snapshot(rollout).expect("known").rechecking, None);
    keep(f, rollout, REST, None);
    keep(f, rollout, CANARY, Some(rows[0].id));
    let known = f.store.snapshot(rollout).expect("known");
    assert_eq!(known.cohorts[0].recheck, Some(round(None)));
    assert_eq!(
        known.cohorts[1].recheck,
        Some(round(Some(Timestamp(6_000))))
    );
    let under_way = Rechecking {
        cohort: CANARY,
        after: Some(rows[0].id),
    };
    assert_eq!(known.rechecking, Some(under_way));
    let given_up = Change::Recheck {
        cohort: CANARY,
        round: None,
        after: None,
    };
    f.apply(rollout, vec![given_up]);
    let known = f.store.snapshot(rollout).expect("known");
    assert_eq!((known.cohorts[0].recheck, known.rechecking), (None, None));
    assert!(known.cohorts[1].recheck.is_some());
}

/// Rounds are of cohorts that a swap cuts anew.
pub(crate) fn a_swap_forgets_the_rounds(f: &mut Fixture) {
    let rollout = updated(f);
    keep(f, rollout, CANARY, None);
    let known = f.store.snapshot(rollout).expect("known");
    let (decided, _) = f.store.memos(rollout).expect("readable");
    let swap = PolicySwap {
        actor: "ada".to_owned(),
        reason: String::new(),
        replaces: known.rollout.plan.policies,
        policies: vec![pin("careful"), pin("nights")],
        decided,
        memos: vec![Inheritance::Kept, Inheritance::Kept],
        cohorts: known.rollout.plan.cohorts,
        moves: Vec::new(),
    };
    let swapped = f.store.swap_policies(rollout, &swap, Timestamp(9_000));
    swapped.expect("it fits");
    let known = f.store.snapshot(rollout).expect("known");
    assert_eq!(known.cohorts[0].recheck, None);
}

/// Design §7.9: whoever fell back may come up with the release again, and goes where a rollback
/// goes; counts follow from the rows.
pub(crate) fn a_device_that_fell_back_has_failed_and_is_taken_back(f: &mut Fixture) {
    let rollout = updated(f);
    let before = f.store.rollback_targets(rollout).expect("readable");
    let mut row = f.assignments(rollout).remove(1);
    let kind = FailureKind::Regressed;
    row.state = AssignmentState::Failed(kind);
    row.last_failure = Some((kind, Timestamp(8_000)));
    row.first_failure = Some(kind);
    let fell = Change::Assignment {
        from: StateKind::Succeeded,
        row: Box::new(row),
    };
    f.apply(rollout, vec![fell]);
    let canary = f.store.snapshot(rollout).expect("known").cohorts.remove(0);
    assert_eq!(
        (canary.ended, canary.states.get(StateKind::Succeeded)),
        (3, 2)
    );
    let regressed = [(kind, 1)].into();
    assert_eq!(
        (&canary.failures, &canary.first_failures),
        (&regressed, &regressed)
    );
    let after = f.store.rollback_targets(rollout).expect("readable");
    assert_eq!(after, before);
    let left = f
        .store
        .succeeded(rollout, CANARY, None, 10)
        .expect("readable");
    assert_eq!(left.len(), 2);
}

/// Issue 4, "replay": what was recorded before there were rounds reads as it was, and is the same
/// bytes when it is written again.
pub(crate) fn records_without_rounds_read_as_they_were(f: &mut Fixture) {
    let rollout = updated(f);
    let cohort = f.store.snapshot(rollout).expect("known").cohorts.remove(0);
    let written = serde_json::to_string(&cohort).expect("JSON");
    assert!(!written.contains("recheck"), "{written}");
    let read: windlass_model::CohortView = serde_json::from_str(&written).expect("readable");
    assert_eq!(read, cohort);
    let old = r#"{"ceilings":[],"valid_until":1,"verdict":"continue","reasons":[],"memo":[],"ask_at":null,"triggers":[]}"#;
    let decision: windlass_model::Decision = serde_json::from_str(old).expect("readable");
    assert_eq!(decision.rechecks, []);
    assert_eq!(serde_json::to_string(&decision).expect("JSON"), old);
}
