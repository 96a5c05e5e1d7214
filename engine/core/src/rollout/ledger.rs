//! The only place where an assignment's row, the counts and the change set move, so that
//! they cannot part.

use windlass_model::{Assignment, AssignmentId, Change, Event, EventKind, FailureKind, StateKind};

use super::Rollout;
use crate::{Now, table};

impl Rollout {
    pub(super) fn emit(&mut self, now: Now, kind: EventKind) {
        self.changes.events.push(Event {
            at: now.wall,
            rollout: Some(self.key),
            kind,
        });
    }

    pub(super) fn change(&mut self, change: Change) {
        self.changes.changes.push(change);
    }

    pub(super) fn change_rollout(&mut self) {
        self.change(Change::Rollout {
            state: self.state,
            started_at: self.started_at,
            ended_at: self.ended_at,
            paused_for: self.paused_for,
            paused_since: self.paused_since,
        });
    }

    /// Moves a live assignment: `edit` sets its new state. One that ended is forgotten.
    pub(super) fn advance(
        &mut self,
        now: Now,
        id: AssignmentId,
        edit: impl FnOnce(&mut Assignment),
    ) {
        let Some(live) = self.live.get_mut(&id) else {
            return;
        };
        let before = live.row.state.kind();
        edit(&mut live.row);
        let row = live.row.clone();
        let after = row.state.kind();
        if let Some(due) = live.timer.take() {
            self.timers.remove(&(due, id));
        }
        if let Some(due) = live.queued.take() {
            self.retries.remove(&(due, id));
        }
        let order = (row.cohort, live.order_key, id);
        if before == StateKind::Admitted {
            self.admitted.remove(&order);
        }
        if after.is_ended() || matches!(after, StateKind::Pending | StateKind::Deferred) {
            self.live.remove(&id);
        }
        self.record(now, before, row);
    }

    /// Writes a row that was in a state of kind `before`.
    pub(super) fn record(&mut self, now: Now, before: StateKind, row: Assignment) {
        let after = row.state.kind();
        debug_assert!(
            table::may_follow(before, after),
            "{after:?} follows {before:?}"
        );
        let index = row.cohort;
        let Some(cohort) = self.cohorts.get_mut(index.0 as usize) else {
            debug_assert!(false, "{index:?} is a cohort");
            return;
        };
        let (old, new) = (table::meaning(before), table::meaning(after));
        let lost = cohort.states.get(before) == 0;
        debug_assert!(!lost, "the count of {before:?} covers its members");
        *cohort.states.get_mut(before) -= u64::from(!lost);
        *cohort.states.get_mut(after) += 1;
        cohort.in_progress += u64::from(new.counts_in_progress);
        cohort.in_progress = cohort
            .in_progress
            .saturating_sub(u64::from(old.counts_in_progress));
        self.transferring += usize::from(new.holds_slot);
        self.transferring -= usize::from(old.holds_slot);
        if after.is_ended() {
            cohort.ended += 1;
            cohort.last_ended = Some(now.wall);
            if let Some(kind) = failure_of(after, &row) {
                *cohort.failures.entry(kind).or_default() += 1;
            }
        }
        self.decider.counted(index, cohort);
        self.change(Change::Assignment {
            from: before,
            row: Box::new(row),
        });
    }

    /// Counts that a device's first attempt failed.
    pub(super) fn count_first_failure(&mut self, row: &Assignment, kind: FailureKind) {
        if let Some(cohort) = self.cohorts.get_mut(row.cohort.0 as usize) {
            *cohort.first_failures.entry(kind).or_default() += 1;
            self.decider.counted(row.cohort, cohort);
        }
    }
}

fn failure_of(after: StateKind, row: &Assignment) -> Option<FailureKind> {
    match after {
        StateKind::Failed | StateKind::Rejected | StateKind::DeadLettered => Some(
            row.last_failure
                .map_or(FailureKind::Other, |(kind, _)| kind),
        ),
        StateKind::Pending
        | StateKind::Deferred
        | StateKind::Admitted
        | StateKind::Transferring
        | StateKind::Offered
        | StateKind::Verifying
        | StateKind::Settling
        | StateKind::Waiting
        | StateKind::Cancelling
        | StateKind::Succeeded
        | StateKind::Skipped
        | StateKind::Cancelled
        | StateKind::Superseded => None,
    }
}
