//! Putting devices off.

use windlass_model::{
    Assignment, AssignmentId, AssignmentState, Deferral, EventKind, Reason, Timestamp,
};

use super::{Rollout, waits::WaitsFor};
use crate::Now;

impl Rollout {
    /// A device that was about to start is put off.
    pub(super) fn put_off(
        &mut self,
        now: Now,
        id: AssignmentId,
        until: Timestamp,
        needs_connection: bool,
        reason: Option<Reason>,
    ) {
        let Some(live) = self.live.get(&id) else {
            return;
        };
        let device = live.row.device_id.clone();
        let waits = WaitsFor::of(needs_connection, reason.as_ref());
        let is_waiting = matches!(live.row.state, AssignmentState::Waiting { .. });
        let told = is_waiting && self.waits.get(id) == Some(waits);
        if !told {
            self.emit(
                now,
                EventKind::DeviceDeferred {
                    device,
                    until,
                    needs_connection,
                    reason: reason.clone(),
                },
            );
        }
        if is_waiting {
            self.wait(now, id, until, reason.clone());
            if let Some(live) = self.live.get_mut(&id) {
                live.put_off = true;
            }
            if waits != WaitsFor::Clock {
                let as_of = self.looked_as_of;
                self.waits.note(id, (waits, as_of), reason.as_ref());
            }
        } else {
            self.advance(now, id, |row| {
                row.state = AssignmentState::Deferred(Deferral {
                    until,
                    needs_connection,
                });
                row.blocker = reason.clone().map(Box::new);
            });
            self.enter_deferral(id, until, needs_connection, reason.as_ref());
        }
    }

    /// A device that was paged is put off, again if `last` says how it was and why.
    pub(super) fn defer(
        &mut self,
        now: Now,
        mut row: Assignment,
        last: Option<(Deferral, WaitsFor)>,
        deferral: Deferral,
        reason: Option<Reason>,
    ) {
        let before = row.state.kind();
        let Deferral {
            until,
            needs_connection,
        } = deferral;
        let waits = WaitsFor::of(needs_connection, reason.as_ref());
        // One that stays away is probed for days: that is no news.
        let is_news = last.is_none_or(|(last, waited)| {
            last.needs_connection != needs_connection || waited != waits
        });
        if is_news {
            let device = row.device_id.clone();
            self.emit(
                now,
                EventKind::DeviceDeferred {
                    device,
                    until,
                    needs_connection,
                    reason: reason.clone(),
                },
            );
        }
        row.state = AssignmentState::Deferred(deferral);
        row.blocker = reason.clone().map(Box::new);
        let id = row.id;
        self.record(now, before, row);
        self.enter_deferral(id, until, needs_connection, reason.as_ref());
    }

    /// Counts a device that was just put off.
    pub(super) fn enter_deferral(
        &mut self,
        id: AssignmentId,
        until: Timestamp,
        needs_connection: bool,
        reason: Option<&Reason>,
    ) {
        self.intake.due(until);
        let noted = match WaitsFor::of(needs_connection, reason) {
            WaitsFor::Clock | WaitsFor::Connection => false,
            what => self.waits.note(id, (what, self.looked_as_of), reason),
        };
        self.intake.timed += u64::from(!noted && !needs_connection);
    }

    /// A device is deferred no longer; what it waited for, as far as is known.
    pub(super) fn leave_deferral(&mut self, row: &Assignment) -> Option<WaitsFor> {
        let AssignmentState::Deferred(deferral) = row.state else {
            return None;
        };
        let noted = self.waits.forget(row.id);
        if noted.is_none() && !deferral.needs_connection {
            self.intake.timed = self.intake.timed.saturating_sub(1);
        }
        noted.or(Some(if deferral.needs_connection {
            WaitsFor::Connection
        } else {
            WaitsFor::Clock
        }))
    }
}
