//! What becomes of attempts.

use windlass_core::Input;
use windlass_model::{
    AssignmentId, AttemptId, AttemptOutcome, DeviceKey, Failure, FailureKind, Timestamp,
    Verification,
};

use crate::{luck::Course, placing::number as number_of, plugins::Plugins, world::World};

/// An attempt in hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    attempt: AttemptId,
    device: DeviceKey,
    began: Timestamp,
    /// The release breaks the device.
    breaks: bool,
}

impl<P: Plugins> World<'_, P> {
    /// A push begins; how it ends is settled now, and heard then.
    pub(crate) fn start(
        &mut self,
        assignment: AssignmentId,
        device: DeviceKey,
        attempt: AttemptId,
        number: u32,
    ) {
        let now = self.now.wall;
        let of = number_of(device);
        let cohort = self.rows.cohort(assignment);
        let course = self.luck.course(self.scenario, cohort, of, number);
        let connected = self.luck.connected(&self.scenario.fleet, of, now);
        // That nothing moves is noticed so late.
        let idle = self.settings.timeouts.idle;
        let failed = |kind, text: &str| AttemptOutcome::Failed(Failure::new(kind, text));
        let (Course::Well(length) | Course::Breaks(length) | Course::Network(length)) = course;
        let ends = now.plus(length);
        let (at, outcome) = match (connected, course) {
            (None, _) => {
                let outcome = failed(FailureKind::Unreachable, "the device is offline");
                (now.plus(idle), outcome)
            }
            (Some(until), _) if until < ends => {
                let outcome = failed(FailureKind::Interrupted, "the device went offline");
                (until.plus(idle), outcome)
            }
            (Some(_), Course::Network(_)) => (
                ends,
                failed(FailureKind::Interrupted, "the connection broke"),
            ),
            (Some(_), Course::Breaks(_)) if self.luck.push_tells(&self.scenario.faults, length) => {
                let outcome = failed(FailureKind::DeviceError, "the release broke the device");
                (ends, outcome)
            }
            (Some(_), Course::Breaks(_) | Course::Well(_)) => (ends, AttemptOutcome::Delivered),
        };
        self.flights.insert(
            assignment,
            Flight {
                attempt,
                device,
                began: now,
                breaks: matches!(course, Course::Breaks(_)),
            },
        );
        let reached = match outcome {
            AttemptOutcome::Delivered => self.scenario.release.size,
            _ => 0,
        };
        let ended = Input::AttemptEnded {
            assignment,
            attempt,
            outcome,
            bytes: reached,
            reached,
        };
        self.will_hear(at, ended);
    }

    /// Counts the harm that a push did which ended.
    pub(crate) fn note_end(&mut self, input: &Input) {
        let Input::AttemptEnded {
            assignment,
            outcome,
            ..
        } = input
        else {
            return;
        };
        let installed = match outcome {
            AttemptOutcome::Delivered => true,
            AttemptOutcome::Failed(failure) => failure.kind == FailureKind::DeviceError,
            AttemptOutcome::Offered(_) | AttemptOutcome::Cancelled => false,
        };
        if let Some(flight) = self.flights.get(assignment).copied()
            && installed
            && flight.breaks
        {
            self.harm(number_of(flight.device));
        }
    }

    /// A device is asked what it runs. It answers once, when it has something to say: that it
    /// is busy until then would be asked for again and again.
    pub(crate) fn verify(
        &mut self,
        assignment: AssignmentId,
        device: DeviceKey,
        attempt: AttemptId,
    ) {
        let now = self.now.wall;
        let of = number_of(device);
        let flight = self.flights.get(&assignment).copied();
        let fleet = &self.scenario.fleet;
        let breaks = flight.is_some_and(|flight| flight.breaks);
        let (at, limit) = match flight.filter(|flight| flight.attempt == attempt) {
            Some(flight) => {
                let known = if breaks {
                    flight.began.plus(self.scenario.faults.known_after)
                } else {
                    now
                };
                let limit = flight.began.plus(self.settings.timeouts.attempt).max(now);
                let every = self.settings.probe_interval;
                let at = self.luck.answers(fleet, of, known.max(now), every, limit);
                (at, limit)
            }
            // Before another try: it answers at once, or not.
            None => {
                let here = self.luck.connected(fleet, of, now).is_some();
                (now, if here { Timestamp(u64::MAX) } else { now })
            }
        };
        let answer = if at >= limit {
            let text = "the device is offline";
            Err(Failure::new(FailureKind::Unreachable, text))
        } else if breaks {
            let version = fleet.record(of).version;
            let other = version.unwrap_or_else(|| "another version".to_owned());
            Ok(Verification::RunsOther(other))
        } else {
            Ok(Verification::RunsRelease)
        };
        let answered = Input::Verified {
            assignment,
            attempt,
            answer,
        };
        self.will_hear(at.min(limit), answered);
    }
}
