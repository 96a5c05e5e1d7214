//! What people order.

use std::collections::BTreeSet;

use windlass_model::{
    Advance, Approval, Assignment, AssignmentState, Change, CohortIndex, DeviceId, EventKind,
    InFlight, Order, Rollback, RolloutState, SkipReason, StateKind, Steering,
};

use super::{Rollout, counts, lifecycle::reason};
use crate::{Now, Refusal, Resources};

/// An order that fits, with all that it needs.
enum Deed {
    Pause,
    Resume,
    Abort(InFlight),
    RollBack(InFlight),
    Approve(Approval),
    Advance(Advance),
    Exclude(Assignment),
    Retry(Assignment),
    Requeue(Vec<Assignment>),
    Dismiss(Vec<Assignment>),
}

impl Rollout {
    /// Carries a person's order out. `rows` are the store's rows of the devices that it
    /// names, read after everything that came out of this rollout was committed.
    ///
    /// Before [`Input::Begin`](crate::Input::Begin), and on a rollout that has finished,
    /// it changes what is stored and asks for nothing: whoever loads the rollout next finds
    /// it so.
    ///
    /// # Errors
    /// If the order does not fit; nothing has changed then.
    pub fn steer(
        &mut self,
        now: Now,
        order: Order,
        rows: Vec<Assignment>,
        resources: &mut Resources,
    ) -> Result<(), Refusal> {
        self.now = now;
        let deed = self.judge(now, &order, &rows)?;
        let Order {
            actor,
            reason: cause,
            what,
        } = order;
        self.emit(
            now,
            EventKind::OrderGiven {
                actor: actor.clone(),
                reason: cause.clone(),
                order: what,
            },
        );
        self.carry_out(now, deed, &actor, &cause);
        self.account(resources);
        self.conclude(now);
        Ok(())
    }

    fn judge(&self, now: Now, order: &Order, rows: &[Assignment]) -> Result<Deed, Refusal> {
        let actor = order.actor.clone();
        let goes_on = matches!(
            self.state,
            RolloutState::Running | RolloutState::Holding | RolloutState::Paused
        );
        let fits = |fits: bool, order: &'static str| {
            let state = self.state;
            fits.then_some(()).ok_or(Refusal::State { order, state })
        };
        match &order.what {
            Steering::Pause => {
                let not_paused = goes_on && self.state != RolloutState::Paused;
                fits(not_paused, "paused").map(|()| Deed::Pause)
            }
            Steering::Resume => {
                fits(self.state == RolloutState::Paused, "resumed").map(|()| Deed::Resume)
            }
            Steering::Abort { in_flight } => {
                let cuts = self.state == RolloutState::Aborting && *in_flight == InFlight::Cancel;
                let draft = self.state == RolloutState::Draft;
                fits(goes_on || cuts || draft, "aborted").map(|()| Deed::Abort(*in_flight))
            }
            Steering::RollBack { in_flight } => {
                fits(self.state != RolloutState::Draft, "taken back")?;
                // What a policy wants may need a person's order (`rollback.automatic`).
                if self.rollback == Rollback::Made {
                    return Err(Refusal::TakenBack);
                }
                Ok(Deed::RollBack(*in_flight))
            }
            Steering::Approve { gate, expires } => {
                fits(goes_on, "approved")?;
                let waiting = self.decider.gates();
                if !waiting.contains(gate) {
                    return Err(Refusal::NoSuchGate {
                        gate: gate.clone(),
                        waiting: waiting.into_iter().collect(),
                    });
                }
                if expires.is_some_and(|expires| expires <= now.wall) {
                    return Err(Refusal::Lapsed { gate: gate.clone() });
                }
                Ok(Deed::Approve(Approval {
                    gate: gate.clone(),
                    actor,
                    at: now.wall,
                    expires: *expires,
                }))
            }
            Steering::Advance { full } => {
                fits(goes_on, "advanced")?;
                if self.decider.is_empty() {
                    return Err(Refusal::NoPolicy);
                }
                Ok(Deed::Advance(Advance {
                    cohort: self.passes(*full)?,
                    actor,
                    at: now.wall,
                }))
            }
            Steering::Exclude { device } => {
                let row = self.row_of(device, rows)?;
                not_ended(&row).map(|()| Deed::Exclude(row))
            }
            Steering::Retry { device } => {
                let row = self.row_of(device, rows)?;
                not_ended(&row)?;
                let kind = row.state.kind();
                if matches!(kind, StateKind::Waiting | StateKind::Deferred) {
                    Ok(Deed::Retry(row))
                } else {
                    Err(Refusal::NotWaiting {
                        device: device.clone(),
                        state: kind.as_str(),
                    })
                }
            }
            Steering::Requeue { devices } => {
                fits(goes_on || self.state == RolloutState::Completed, "reopened")?;
                if self.rollback != Rollback::NotWanted {
                    return Err(Refusal::TakenBack);
                }
                self.dead_letters(devices, rows).map(Deed::Requeue)
            }
            Steering::Dismiss { devices } => self.dead_letters(devices, rows).map(Deed::Dismiss),
        }
    }

    /// The cohort whose end an advance passes; none if it passes all that is left. That is
    /// the one before the first that has not begun, or else the first that has not ended.
    fn passes(&self, full: bool) -> Result<Option<CohortIndex>, Refusal> {
        let cohorts = || (0..).map(CohortIndex).zip(&self.cohorts);
        let unended =
            || cohorts().filter(|(_, cohort)| cohort.states.ended() < cohort.states.total());
        let (first, _) = unended().next().ok_or(Refusal::NothingToAdvance)?;
        if full {
            return Ok(None);
        }
        let Some((unbegun, _)) = unended().find(|(_, cohort)| cohort.started == 0) else {
            return Ok(Some(first));
        };
        cohorts()
            .take(unbegun.0 as usize)
            .filter(|(_, cohort)| cohort.states.total() > 0)
            .last()
            .map(|(before, _)| Some(before))
            .ok_or_else(|| Refusal::NotBegun {
                waiting: self.decider.gates().into_iter().collect(),
            })
    }

    fn row_of(&self, device: &DeviceId, rows: &[Assignment]) -> Result<Assignment, Refusal> {
        let device = device.clone();
        let Some(row) = rows.iter().find(|row| row.device_id == device) else {
            return Err(Refusal::NotATarget { device });
        };
        if let Some(live) = self.live.get(&row.id) {
            return Ok(live.row.clone());
        }
        let kind = row.state.kind();
        if kind.is_ended() || matches!(kind, StateKind::Pending | StateKind::Deferred) {
            Ok(row.clone())
        } else {
            Err(Refusal::Moved { device })
        }
    }

    fn dead_letters(
        &self,
        devices: &[DeviceId],
        rows: &[Assignment],
    ) -> Result<Vec<Assignment>, Refusal> {
        if devices.is_empty() {
            return Err(Refusal::NoDevice);
        }
        let unique: BTreeSet<_> = devices.iter().collect();
        unique
            .into_iter()
            .map(|device| {
                let row = self.row_of(device, rows)?;
                match row.state.kind() {
                    StateKind::DeadLettered => Ok(row),
                    kind => Err(Refusal::NotADeadLetter {
                        device: device.clone(),
                        state: kind.as_str(),
                    }),
                }
            })
            .collect()
    }

    fn carry_out(&mut self, now: Now, deed: Deed, actor: &str, cause: &str) {
        let why = |code: &str, text: String| {
            vec![reason(code, &text, &[("actor", actor), ("cause", cause)])]
        };
        match deed {
            Deed::Pause => self.pause(now, why("paused", format!("paused by {actor}"))),
            Deed::Resume => self.resume(now, actor.to_owned()),
            Deed::Abort(in_flight) => {
                self.abort(now, why("aborted", format!("aborted by {actor}")));
                self.end_in_flight(in_flight);
            }
            Deed::RollBack(in_flight) => {
                self.abort(now, why("taken-back", format!("taken back by {actor}")));
                self.end_in_flight(in_flight);
                self.want_rollback();
            }
            Deed::Approve(approval) => {
                self.approvals.push(approval.clone());
                self.change(Change::Approved(approval));
                self.decider.urge();
            }
            Deed::Advance(advance) => {
                self.advances.push(advance.clone());
                self.change(Change::Advanced(advance));
                self.decider.urge();
            }
            Deed::Exclude(row) => self.exclude(now, row),
            Deed::Retry(row) => self.retry_now(now, row),
            Deed::Requeue(rows) => self.requeue(now, rows),
            Deed::Dismiss(rows) => self.dismiss(now, rows),
        }
    }

    fn end_in_flight(&mut self, in_flight: InFlight) {
        match in_flight {
            InFlight::Finish => {}
            InFlight::Cancel => self.cancel_in_flight(),
        }
    }

    fn exclude(&mut self, now: Now, mut row: Assignment) {
        let id = row.id;
        let before = row.state.kind();
        match before {
            StateKind::Pending | StateKind::Deferred => {
                self.leave_deferral(&row);
                self.overtake(id);
                row.state = AssignmentState::Skipped(SkipReason::Excluded);
                let (device, reason) = (row.device_id.clone(), SkipReason::Excluded);
                self.emit(now, EventKind::DeviceSkipped { device, reason });
                self.record(now, before, row);
            }
            StateKind::Admitted | StateKind::Waiting => {
                self.skip_live(now, id, SkipReason::Excluded);
            }
            StateKind::Transferring
            | StateKind::Offered
            | StateKind::Verifying
            | StateKind::Settling
            | StateKind::Cancelling => {
                self.mark(id, |row| row.excluded = true);
            }
            StateKind::Succeeded
            | StateKind::Failed
            | StateKind::Rejected
            | StateKind::Skipped
            | StateKind::Cancelled
            | StateKind::Superseded
            | StateKind::DeadLettered => debug_assert!(false, "it has not ended"),
        }
    }

    fn retry_now(&mut self, now: Now, mut row: Assignment) {
        let id = row.id;
        if let AssignmentState::Deferred(deferral) = &mut row.state {
            let needs_connection = deferral.needs_connection;
            deferral.until = now.wall;
            self.leave_deferral(&row);
            self.overtake(id);
            self.record(now, StateKind::Deferred, row);
            self.enter_deferral(id, now.wall, needs_connection, None);
            return;
        }
        // One that is being asked what it runs is on its way already.
        if self.live.get(&id).is_some_and(|live| !live.asking) {
            self.wait(now, id, now.wall, None);
        }
    }

    fn requeue(&mut self, now: Now, rows: Vec<Assignment>) {
        for mut row in rows {
            let device = row.device_id.clone();
            self.emit(now, EventKind::DeviceRequeued { device });
            if let Some(cohort) = self.cohorts.get_mut(row.cohort.0 as usize) {
                counts::requeued(cohort, &row);
            }
            self.shadows
                .count(row.id, |cohort| counts::requeued(cohort, &row));
            self.closed.remove(&row.cohort);
            self.overtake(row.id);
            row.counted_attempts = 0;
            row.started_attempts = 0;
            row.first_failure = None;
            row.attempt_started = None;
            row.excluded = false;
            row.state = AssignmentState::Pending;
            self.record(now, StateKind::DeadLettered, row);
        }
        if self.state == RolloutState::Completed {
            self.state = RolloutState::Running;
            self.ended_at = None;
            self.change_rollout();
            self.emit(now, EventKind::RolloutReopened);
        }
    }

    fn dismiss(&mut self, now: Now, rows: Vec<Assignment>) {
        for mut row in rows {
            let AssignmentState::DeadLettered(kind) = row.state else {
                debug_assert!(false, "{:?} is no dead letter", row.state);
                continue;
            };
            let device = row.device_id.clone();
            self.emit(now, EventKind::DeviceDismissed { device });
            if let Some(cohort) = self.cohorts.get_mut(row.cohort.0 as usize) {
                counts::dismissed(cohort, &row);
            }
            self.shadows
                .count(row.id, |cohort| counts::dismissed(cohort, &row));
            row.state = AssignmentState::Failed(kind);
            self.record(now, StateKind::DeadLettered, row);
        }
    }

    /// An order moved the row; a page that is being read may still show it as it was.
    fn overtake(&mut self, id: windlass_model::AssignmentId) {
        if self.intake.is_reading() {
            self.overtaken.insert(id);
        }
    }
}

fn not_ended(row: &Assignment) -> Result<(), Refusal> {
    let kind = row.state.kind();
    if kind.is_ended() {
        return Err(Refusal::Ended {
            device: row.device_id.clone(),
            state: kind.as_str(),
        });
    }
    Ok(())
}
