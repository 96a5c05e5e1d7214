//! Finding out what a device runs: after a push, and after an answer was lost.

use std::time::Duration;

use windlass_model::{
    AssignmentId, AssignmentState, AttemptId, Change, Connectivity, EventKind, Failure,
    FailureClass, FailureKind, Observation, ObservationSource, OnUncertain, Verification,
};

use super::{Rollout, breaker::Call};
use crate::{Effect, Now};

/// How much slower a settling device is asked once its attempt's limit passed: it may be
/// away for days, and stays fenced.
const SLOW_FACTOR: u32 = 10;

impl Rollout {
    pub(super) fn ask_device(&mut self, id: AssignmentId, attempt: AttemptId) {
        if let Some(live) = self.live.get_mut(&id)
            && !std::mem::replace(&mut live.asking, true)
        {
            self.effects.push(Effect::Verify {
                assignment: id,
                device: live.row.device,
                attempt,
            });
        }
    }

    pub(super) fn verified(
        &mut self,
        now: Now,
        id: AssignmentId,
        attempt: AttemptId,
        answer: Result<Verification, Failure>,
    ) {
        let Some(live) = self.live.get_mut(&id) else {
            return;
        };
        let reserved = live.reserved == Some(attempt);
        let state = match live.row.state {
            AssignmentState::Verifying(current)
            | AssignmentState::Settling(current)
            | AssignmentState::Offered {
                attempt: current, ..
            } if current == attempt => live.row.state.clone(),
            AssignmentState::Waiting { .. } | AssignmentState::Admitted if reserved => {
                live.row.state.clone()
            }
            _ => return,
        };
        live.asking = false;
        match &answer {
            Ok(_) => self.plugin_worked(now, Call::Verify),
            Err(failure) if failure.kind == FailureKind::Plugin => {
                self.plugin_failed(now, Call::Verify, &failure.message);
            }
            Err(_) => {}
        }
        match state {
            AssignmentState::Waiting { .. } => self.answered_before_retry(now, id, attempt, answer),
            AssignmentState::Admitted => self.answered_before_start(now, id, attempt, answer),
            AssignmentState::Offered { deadline, .. } => match answer {
                Ok(Verification::RunsRelease) => self.runs_release(now, id, attempt),
                Ok(Verification::RunsOther(_) | Verification::Busy | Verification::CannotTell)
                | Err(_) => self.watch_offer(now, id, deadline),
            },
            AssignmentState::Verifying(_) => self.answered_verifying(now, id, attempt, answer),
            _ => self.answered_settling(now, id, attempt, answer),
        }
    }

    /// Nothing is pushed to a device that took the release and fell silent, until it says
    /// that it runs another.
    fn answered_before_retry(
        &mut self,
        now: Now,
        id: AssignmentId,
        attempt: AttemptId,
        answer: Result<Verification, Failure>,
    ) {
        match answer {
            Ok(Verification::RunsRelease) => {
                self.observe(now, id, self.release_version.clone());
                self.end_well(now, id);
            }
            Ok(Verification::RunsOther(version)) => {
                self.observe(now, id, version);
                if let Some(live) = self.live.get_mut(&id) {
                    live.asked_first = true;
                }
                self.queue_retry(id, now.monotonic);
            }
            Err(failure) if failure.kind.class() == FailureClass::Ours => self.ask_later(now, id),
            Ok(Verification::Busy | Verification::CannotTell) | Err(_) => {
                self.silent_again(now, id, attempt);
            }
        }
    }

    fn answered_verifying(
        &mut self,
        now: Now,
        id: AssignmentId,
        attempt: AttemptId,
        answer: Result<Verification, Failure>,
    ) {
        match answer {
            Ok(Verification::RunsRelease) => self.runs_release(now, id, attempt),
            // The delivery knows no better than that the device took everything.
            Ok(Verification::CannotTell) => self.succeed(now, id, attempt, None),
            Ok(Verification::RunsOther(version)) => {
                let wait = self.grace_left(now, id);
                if wait.is_zero() {
                    let message = format!("the device took the release and still runs {version}");
                    self.observe(now, id, version);
                    let failure = Failure::new(FailureKind::DeviceError, message);
                    self.fail(now, id, attempt, failure);
                } else {
                    self.ask_again(now, id, wait);
                }
            }
            // The device has no part in it; it is asked until the plugin works.
            Err(failure) if failure.kind.class() == FailureClass::Ours => {
                self.ask_later(now, id);
            }
            Ok(Verification::Busy) | Err(_) => {
                let left = self.attempt_left(now, id);
                if left.is_zero() {
                    let message = "the device took the release and did not say that it runs it";
                    self.fail(now, id, attempt, Failure::new(FailureKind::Silent, message));
                } else {
                    self.ask_again(now, id, left);
                }
            }
        }
    }

    fn answered_settling(
        &mut self,
        now: Now,
        id: AssignmentId,
        attempt: AttemptId,
        answer: Result<Verification, Failure>,
    ) {
        match answer {
            Ok(Verification::RunsRelease) => self.runs_release(now, id, attempt),
            Ok(Verification::CannotTell) => {
                let kind = self.lost_kind(id);
                self.uncertain(now, id, attempt, kind);
            }
            Ok(Verification::RunsOther(version)) => {
                let wait = self.grace_left(now, id);
                if wait.is_zero() {
                    let message = format!("no answer came, and the device runs {version}");
                    self.observe(now, id, version);
                    let kind = self.lost_kind(id);
                    self.fail(now, id, attempt, Failure::new(kind, message));
                } else {
                    self.ask_again(now, id, wait);
                }
            }
            Ok(Verification::Busy) | Err(_) => self.ask_later(now, id),
        }
    }

    /// The attempt's outcome is not known: its device stays fenced until it is. `cause`
    /// is what is known to have gone wrong in this process.
    pub(super) fn settle(
        &mut self,
        now: Now,
        id: AssignmentId,
        attempt: AttemptId,
        cause: Option<FailureKind>,
    ) {
        let Some(live) = self.live.get(&id) else {
            return;
        };
        let device = live.row.device_id.clone();
        self.emit(now, EventKind::DeviceSettling { device, attempt });
        self.advance(now, id, |row| {
            row.state = AssignmentState::Settling(attempt);
            if let Some(kind) = cause {
                row.last_failure = Some((kind, now.wall));
            }
        });
        self.begin_settling(now, id, attempt);
    }

    pub(super) fn begin_settling(&mut self, now: Now, id: AssignmentId, attempt: AttemptId) {
        if let Some(live) = self.live.get_mut(&id) {
            live.ended.get_or_insert(now.monotonic);
        }
        if self.facts.verifies {
            self.ask_device(id, attempt);
        } else {
            let kind = self.lost_kind(id);
            self.uncertain(now, id, attempt, kind);
        }
    }

    /// Nobody can tell what became of the attempt.
    pub(super) fn uncertain(
        &mut self,
        now: Now,
        id: AssignmentId,
        attempt: AttemptId,
        kind: FailureKind,
    ) {
        let again = self.settings.settle.on_uncertain == OnUncertain::PushAgain
            && self.facts.idempotent_push;
        if again {
            let message = "no answer came, and it cannot be found out what the device runs";
            self.fail(now, id, attempt, Failure::new(kind, message));
            return;
        }
        let Some(live) = self.live.get(&id) else {
            return;
        };
        let device = live.row.device_id.clone();
        self.change(Change::AttemptSettled {
            attempt,
            at: now.wall,
        });
        self.emit(now, EventKind::DeviceDeadLettered { device, kind });
        self.advance(now, id, |row| {
            row.last_failure = Some((kind, now.wall));
            row.state = AssignmentState::DeadLettered(kind);
        });
    }

    /// What made the attempt in hand uncertain: what was noted when its push ended, or
    /// the end of the process.
    fn lost_kind(&self, id: AssignmentId) -> FailureKind {
        let row = self.live.get(&id).map(|live| &live.row);
        match row.and_then(|row| row.last_failure.zip(row.attempt_started)) {
            Some(((kind, at), started)) if at > started => kind,
            Some(_) | None => FailureKind::Interrupted,
        }
    }

    fn runs_release(&mut self, now: Now, id: AssignmentId, attempt: AttemptId) {
        self.succeed(now, id, attempt, Some(self.release_version.clone()));
    }

    pub(super) fn succeed(
        &mut self,
        now: Now,
        id: AssignmentId,
        attempt: AttemptId,
        observed: Option<String>,
    ) {
        self.change(Change::AttemptSettled {
            attempt,
            at: now.wall,
        });
        if let Some(version) = observed {
            self.observe(now, id, version);
        }
        self.end_well(now, id);
    }

    pub(super) fn end_well(&mut self, now: Now, id: AssignmentId) {
        if let Some(live) = self.live.get(&id) {
            let device = live.row.device_id.clone();
            self.emit(now, EventKind::DeviceSucceeded { device });
            self.advance(now, id, |row| {
                row.attempt_started = None;
                row.state = AssignmentState::Succeeded;
            });
        }
    }

    pub(super) fn observe(&mut self, now: Now, id: AssignmentId, version: String) {
        if let Some(live) = self.live.get(&id) {
            let device = live.row.device;
            self.change(Change::Observed(Observation {
                device,
                at: now.wall,
                source: ObservationSource::Verify,
                version: Some(version),
                status: Some(Connectivity::Online),
            }));
        }
    }

    /// Asks again after the probe interval, or when `left` has passed if that is sooner.
    fn ask_again(&mut self, now: Now, id: AssignmentId, left: Duration) {
        let wait = self.settings.probe_interval.min(left);
        self.set_timer(id, now.monotonic + wait);
    }

    /// Asks again without a limit, slower once the attempt's limit passed.
    fn ask_later(&mut self, now: Now, id: AssignmentId) {
        let interval = if self.attempt_left(now, id).is_zero() {
            self.settings.probe_interval * SLOW_FACTOR
        } else {
            self.settings.probe_interval
        };
        self.set_timer(id, now.monotonic + interval);
    }

    fn grace_left(&self, now: Now, id: AssignmentId) -> Duration {
        let ended = self
            .live
            .get(&id)
            .and_then(|live| live.ended)
            .unwrap_or(now.monotonic);
        (ended + self.settings.settle.grace).saturating_sub(now.monotonic)
    }

    fn attempt_left(&self, now: Now, id: AssignmentId) -> Duration {
        self.live.get(&id).map_or(Duration::ZERO, |live| {
            live.attempt_left(now, self.settings.timeouts.attempt)
        })
    }
}
