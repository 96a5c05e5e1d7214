//! Devices that may have taken the release though nobody knows: those that a person requeued
//! after their outcome had been lost. They start like any other, but are asked before
//! (design §6: after a lost answer nothing is pushed until it is settled).

use std::time::Duration;

use windlass_model::{
    Assignment, AssignmentId, AssignmentState, AttemptId, Failure, FailureClass, FailureKind,
    Verification,
};

use super::{
    Rollout,
    failure::Consequence,
    lifecycle::reason,
    live::{Live, Queue},
};
use crate::{Now, Resources, admission::code};

/// Whether a device whose attempt ended so, without an answer, may hold the whole release.
pub(super) fn loses_answer(kind: FailureKind) -> bool {
    match kind {
        FailureKind::TimedOut
        | FailureKind::Interrupted
        | FailureKind::Plugin
        | FailureKind::Shutdown => true,
        FailureKind::Unreachable
        | FailureKind::Rejected
        | FailureKind::Unauthorized
        | FailureKind::Incompatible
        | FailureKind::Corrupt
        | FailureKind::Busy
        | FailureKind::DeviceError
        | FailureKind::Silent
        | FailureKind::Regressed
        | FailureKind::Source
        | FailureKind::Other => false,
    }
}

/// Whether a device that has not started may run the release by an attempt of ours. Only one
/// that was requeued has failed before its first start, so the row says it in every process.
pub(super) fn may_hold_release(row: &Assignment) -> bool {
    row.started_attempts == 0
        && row
            .last_failure
            .is_some_and(|(kind, _)| kind == FailureKind::Silent || loses_answer(kind))
}

/// What becomes of a device that is to be asked before it is pushed to.
pub(super) enum Asked {
    /// It need not be, or was.
    Enough,
    /// It is being asked.
    Now,
    /// No attempt id is left to ask with.
    Later,
}

impl Rollout {
    /// Whether a device must be asked what it runs before it is pushed to.
    fn is_in_doubt(&self, live: &Live) -> bool {
        let doubt = match live.row.state {
            // It had taken the release and was never heard of since.
            AssignmentState::Waiting { .. } => {
                matches!(live.row.last_failure, Some((FailureKind::Silent, _)))
            }
            _ => false,
        };
        self.facts.verifies && !live.asked_first && (doubt || may_hold_release(&live.row))
    }

    /// Asks a device that is about to start what it runs, if its answer decides whether it
    /// is pushed to.
    pub(super) fn ask_if_in_doubt(&mut self, id: AssignmentId, resources: &mut Resources) -> Asked {
        let Some(live) = self.live.get(&id).filter(|live| self.is_in_doubt(live)) else {
            return Asked::Enough;
        };
        let reserved = live.reserved.or_else(|| resources.attempt_ids.next());
        let Some(attempt) = reserved else {
            self.want_attempt_ids();
            return Asked::Later;
        };
        if let Some(live) = self.live.get_mut(&id) {
            live.reserved = Some(attempt);
            match std::mem::take(&mut live.queue) {
                Queue::Start(due) => self.retries.remove(&(due, id)),
                Queue::Look(due) => self.looks.remove(&(due, id)),
                Queue::No => self.admitted.remove(&(live.row.cohort, live.order_key, id)),
            };
        }
        self.ask_device(id, attempt);
        Asked::Now
    }

    pub(super) fn answered_before_start(
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
                let wait = self.doubt_left(now, id);
                if wait.is_zero() {
                    self.observe(now, id, version);
                    self.start_after_all(id);
                } else {
                    self.ask_before_start_in(now, id, wait);
                }
            }
            // Whoever requeued it knows that nobody can tell, and wants it pushed to.
            Ok(Verification::CannotTell) => self.start_after_all(id),
            Err(failure) if failure.kind.class() == FailureClass::Ours => {
                self.ask_before_start_in(now, id, self.settings.probe_interval);
            }
            Ok(Verification::Busy) | Err(_) => self.silent_before_start(now, id, attempt),
        }
    }

    /// Like a retry that finds the device silent: the try is used up without a push.
    fn silent_before_start(&mut self, now: Now, id: AssignmentId, attempt: AttemptId) {
        let failure = Failure::new(FailureKind::Silent, "the device cannot be asked");
        match self.use_up_try(now, id, attempt, &failure) {
            Consequence::Retry(retry_at) => {
                self.ask_before_start_in(now, id, retry_at.since(now.wall));
            }
            other => self.end_silent(now, id, other),
        }
    }

    /// Old versions are believed once the device had time to flash and reboot.
    fn doubt_left(&mut self, now: Now, id: AssignmentId) -> Duration {
        let grace = self.settings.settle.grace;
        let last = self.live.get(&id).and_then(|live| live.row.last_failure);
        match last {
            // The clock was set back since: the grace counts from here, once.
            Some((kind, at)) if at > now.wall => {
                self.mark(id, |row| row.last_failure = Some((kind, now.wall)));
                grace
            }
            Some((_, at)) => grace.saturating_sub(now.wall.since(at)),
            None => Duration::ZERO,
        }
    }

    fn ask_before_start_in(&mut self, now: Now, id: AssignmentId, wait: Duration) {
        let text = "the device may run the release and does not say so yet";
        let why = reason(code::UNSETTLED, text, &[]);
        self.put_off(now, id, now.wall.plus(wait), false, Some(why));
    }

    fn start_after_all(&mut self, id: AssignmentId) {
        if let Some(live) = self.live.get_mut(&id) {
            live.asked_first = true;
            self.admitted.insert((live.row.cohort, live.order_key, id));
        }
    }
}
