//! The only place where an assignment's row, the counts and the change set move, so that
//! they cannot part.

use std::{sync::Arc, time::Duration};

use windlass_model::{
    Assignment, AssignmentId, Change, DeviceKey, Event, EventKind, FailureKind, StateKind,
};

use super::{
    Rollout, counts,
    live::{Live, Queue},
    parked::Place,
};
use crate::{GroupSeat, Now, Resources, table};

/// A live assignment moved, as the groups and fences of the engine see it.
#[derive(Debug)]
pub(super) struct Move {
    pub(super) device: DeviceKey,
    pub(super) seats: Arc<[GroupSeat]>,
    pub(super) before: StateKind,
    pub(super) after: StateKind,
    pub(super) at: Duration,
}

impl Rollout {
    pub(super) fn emit(&mut self, now: Now, kind: EventKind) {
        self.changes.events.push(Event {
            at: now.wall,
            rollout: Some(self.key),
            kind,
        });
    }

    pub(super) fn change(&mut self, change: Change) {
        let moves = match &change {
            Change::Assignment { from, row } => *from != row.state.kind(),
            Change::Rollout { .. } | Change::CancelRemaining => true,
            _ => false,
        };
        if moves {
            self.moved_at = self.now.monotonic;
        }
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
        self.moves.push(Move {
            device: row.device,
            seats: Arc::clone(&live.groups),
            before,
            after,
            at: now.monotonic,
        });
        self.leave_queues(id);
        if after.is_ended() || matches!(after, StateKind::Pending | StateKind::Deferred) {
            self.live.remove(&id);
        }
        self.record(now, before, row);
    }

    /// Notes something about a live assignment that stays where it is.
    pub(super) fn mark(&mut self, id: AssignmentId, edit: impl FnOnce(&mut Assignment)) {
        let Some(live) = self.live.get_mut(&id) else {
            return;
        };
        let from = live.row.state.kind();
        edit(&mut live.row);
        debug_assert_eq!(from, live.row.state.kind(), "it stays");
        let row = Box::new(live.row.clone());
        self.change(Change::Assignment { from, row });
    }

    /// Takes a device out of everything in which it stands by its state.
    pub(super) fn leave_queues(&mut self, id: AssignmentId) {
        let Some(live) = self.live.get_mut(&id) else {
            return;
        };
        let queue = std::mem::take(&mut live.queue);
        let first = (live.row.cohort, live.order_key, id);
        live.judging = false;
        if let Some(due) = live.timer.take() {
            self.timers.remove(&(due, id));
        }
        if let Some(seat) = live.parked.take() {
            let place = match queue {
                Queue::Start(due) => Place::Retry(due, id),
                Queue::No | Queue::Look(_) => Place::First(first.0, first.1, first.2),
            };
            self.parked.leave(&seat, place);
        }
        match queue {
            Queue::Look(due) => self.looks.remove(&(due, id)),
            Queue::Start(due) => self.retries.remove(&(due, id)),
            Queue::No => self.admitted.remove(&first),
        };
    }

    /// Gives a live device the groups that it is in now.
    pub(super) fn seat(&mut self, now: Now, id: AssignmentId, seats: Vec<GroupSeat>) {
        let Some(live) = self.live.get_mut(&id) else {
            return;
        };
        if *live.groups == *seats {
            return;
        }
        let kind = live.row.state.kind();
        let device = live.row.device;
        let seats: Arc<[GroupSeat]> = seats.into();
        let old = std::mem::replace(&mut live.groups, Arc::clone(&seats));
        let at = now.monotonic;
        for (seats, before, after) in [
            (old, kind, StateKind::Pending),
            (seats, StateKind::Pending, kind),
        ] {
            self.moves.push(Move {
                device,
                seats,
                before,
                after,
                at,
            });
        }
    }

    /// Tells the groups and fences of the engine what moved.
    pub(super) fn account(&mut self, resources: &mut Resources) {
        let moves = std::mem::take(&mut self.moves);
        if !self.begun {
            // `Begin` tells how everything stands.
            return;
        }
        for Move {
            device,
            seats,
            before,
            after,
            at,
        } in moves
        {
            let moved = (before, after);
            resources.groups.moved(self.key, device, &seats, moved, at);
            match (table::meaning(before).fences, table::meaning(after).fences) {
                (false, true) => resources.fences.raise(self.key, device),
                (true, false) => resources.fences.lower(self.key, device, at),
                (false, false) | (true, true) => {}
            }
        }
    }

    /// A device is live from now on.
    pub(super) fn enliven(&mut self, now: Now, live: Live) {
        self.moves.push(Move {
            device: live.row.device,
            seats: Arc::clone(&live.groups),
            before: StateKind::Pending,
            after: live.row.state.kind(),
            at: now.monotonic,
        });
        self.live.insert(live.row.id, live);
    }

    /// Writes a row that was in a state of kind `before`.
    pub(super) fn record(&mut self, now: Now, before: StateKind, row: Assignment) {
        let after = row.state.kind();
        self.waits.forget(row.id);
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
        counts::moved(cohort, before, &row, now.wall);
        self.transferring += usize::from(new.holds_slot);
        self.transferring -= usize::from(old.holds_slot);
        // One that is put off once more is no news to the policies.
        if before != after {
            self.decider.counted(index, cohort);
            self.shadows.count(row.id, |cohort| {
                counts::moved(cohort, before, &row, now.wall)
            });
        }
        if after == StateKind::Pending {
            self.intake.refilled(index);
        }
        self.change(Change::Assignment {
            from: before,
            row: Box::new(row),
        });
    }

    /// Counts that a device's first attempt failed.
    pub(super) fn count_first_failure(&mut self, row: &Assignment, kind: FailureKind) {
        self.shadows
            .count(row.id, |cohort| counts::first_failure(cohort, kind));
        if let Some(cohort) = self.cohorts.get_mut(row.cohort.0 as usize) {
            counts::first_failure(cohort, kind);
            self.decider.counted(row.cohort, cohort);
        }
    }
}

pub(super) fn failure_of(after: StateKind, row: &Assignment) -> Option<FailureKind> {
    after.failed_by(row.last_failure.map(|(kind, _)| kind))
}
