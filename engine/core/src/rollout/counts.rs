//! How the counts of a cohort move: of the cohorts in force, and of those of shadows.

use std::collections::BTreeMap;

use windlass_model::{Assignment, CohortView, FailureKind, StateKind, Timestamp};

use super::ledger::failure_of;
use crate::table;

/// A member moved from `before` to the state of its row.
pub(super) fn moved(cohort: &mut CohortView, before: StateKind, row: &Assignment, at: Timestamp) {
    let after = row.state.kind();
    let (old, new) = (table::meaning(before), table::meaning(after));
    let lost = cohort.states.get(before) == 0;
    debug_assert!(!lost, "the count of {before:?} covers its members");
    *cohort.states.get_mut(before) -= u64::from(!lost);
    *cohort.states.get_mut(after) += 1;
    cohort.in_progress += u64::from(new.counts_in_progress);
    cohort.in_progress = cohort
        .in_progress
        .saturating_sub(u64::from(old.counts_in_progress));
    if after.is_ended() {
        cohort.ended += 1;
        cohort.last_ended = Some(at);
        if let Some(kind) = failure_of(after, row) {
            *cohort.failures.entry(kind).or_default() += 1;
        }
    }
}

/// A member's first attempt begins. Whether it is the cohort's first.
pub(super) fn first_start(cohort: &mut CohortView, at: Timestamp) -> bool {
    cohort.started += 1;
    let opens = cohort.first_started.is_none();
    cohort.first_started.get_or_insert(at);
    opens
}

pub(super) fn first_failure(cohort: &mut CohortView, kind: FailureKind) {
    *cohort.first_failures.entry(kind).or_default() += 1;
}

/// A dead letter is about to be pending again. What it was started for counts no more.
pub(super) fn requeued(cohort: &mut CohortView, row: &Assignment) {
    dismissed(cohort, row);
    // It is a first start again, so that ceilings let it begin.
    cohort.started = cohort
        .started
        .saturating_sub(u64::from(row.started_attempts > 0));
    // Or policies would weigh it against starts that no longer count it.
    if let Some(kind) = row.first_failure {
        count_off(&mut cohort.first_failures, kind);
    }
}

/// A dead letter is about to end once more, by the same failure.
pub(super) fn dismissed(cohort: &mut CohortView, row: &Assignment) {
    cohort.ended = cohort.ended.saturating_sub(1);
    if let Some(kind) = failure_of(row.state.kind(), row) {
        count_off(&mut cohort.failures, kind);
    }
}

/// One that had succeeded is about to end once more, by failing.
pub(super) fn fell_back(cohort: &mut CohortView) {
    cohort.ended = cohort.ended.saturating_sub(1);
}

/// All that are pending or deferred are cancelled. Whether there were any.
pub(super) fn cancel_rest(cohort: &mut CohortView, at: Timestamp) -> bool {
    let states = &mut cohort.states;
    let left = std::mem::take(states.get_mut(StateKind::Pending))
        + std::mem::take(states.get_mut(StateKind::Deferred));
    if left == 0 {
        return false;
    }
    *states.get_mut(StateKind::Cancelled) += left;
    cohort.ended += left;
    cohort.last_ended = Some(at);
    true
}

/// Further devices joined.
pub(super) fn grown(cohort: &mut CohortView, added: u64) {
    cohort.size += added;
    *cohort.states.get_mut(StateKind::Pending) += added;
}

fn count_off(counts: &mut BTreeMap<FailureKind, u64>, kind: FailureKind) {
    if let Some(count) = counts.get_mut(&kind) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(&kind);
        }
    }
}
