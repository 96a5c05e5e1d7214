//! What becomes of attempts.

use windlass_model::{AssignmentId, AttemptId, DeviceKey, FailureKind, Timestamp};

use crate::{
    happening::{Happening, What},
    luck::Turn,
    placing::number as number_of,
    plugins::Plugins,
    world::World,
};

/// An attempt in hand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flight {
    attempt: AttemptId,
    began: Timestamp,
    /// From when on the device can tell what it runs.
    pub(crate) tells: Timestamp,
    /// The release breaks the device.
    pub(crate) breaks: bool,
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
        let ends = now.plus(course.transfer);
        let flight = Flight {
            attempt,
            began: now,
            tells: match course.turn {
                Turn::Well(after) | Turn::BreaksSilently(after) => now.plus(after),
                Turn::BreaksLoudly | Turn::Fails(_) => ends,
            },
            breaks: course.turn.breaks(),
        };
        self.flights.insert(assignment, flight);
        // That nothing moves is noticed so late.
        let idle = self.settings.timeouts.idle;
        let (at, what) = match (connected, course.turn) {
            (None, _) => (now.plus(idle), What::Unreachable),
            (Some(until), _) if until < ends => (until.plus(idle), What::WentAway),
            (Some(_), Turn::Fails(kind)) => (ends, What::Failed(kind)),
            (Some(_), Turn::BreaksLoudly) => (ends, What::Broken),
            (Some(_), Turn::BreaksSilently(_) | Turn::Well(_)) => (ends, What::Delivered),
        };
        // What takes too long is cut.
        let limit = now.plus(self.settings.timeouts.attempt);
        let (at, what) = if at <= limit {
            (at, what)
        } else {
            (limit, What::Failed(FailureKind::TimedOut))
        };
        let happening = Happening {
            assignment,
            attempt,
            device,
            what,
        };
        if flight.breaks && matches!(what, What::Delivered | What::Broken) {
            let what = What::Harmed;
            self.will_hear(now.plus(course.installs), Happening { what, ..happening });
        }
        self.will_hear(at, happening);
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
        let fleet = &self.scenario.fleet;
        let flight = self.flights.get(&assignment).copied();
        let breaks = flight.is_some_and(|flight| flight.breaks);
        let (at, answers) = match flight.filter(|flight| flight.attempt == attempt) {
            Some(flight) => {
                let limit = flight.began.plus(self.settings.timeouts.attempt).max(now);
                let every = self.settings.probe_interval;
                let at = self
                    .luck
                    .answers(fleet, of, flight.tells.max(now), every, limit);
                (at.min(limit), at < limit)
            }
            // Before another try: it answers at once, or not.
            None => (now, self.luck.connected(fleet, of, now).is_some()),
        };
        let what = match (answers, breaks || self.has_fallen_back(of, at)) {
            (false, _) => What::SaysNothing,
            (true, true) => What::RunsOld,
            (true, false) => What::RunsRelease,
        };
        let happening = Happening {
            assignment,
            attempt,
            device,
            what,
        };
        self.will_hear(at, happening);
    }

    /// What was to happen has happened.
    pub(crate) fn happened(&mut self, happening: Happening) {
        let device = number_of(happening.device);
        match happening.what {
            What::Harmed => self.harm(device),
            What::Delivered => self.took_release(&happening),
            What::Unreachable
            | What::WentAway
            | What::Failed(_)
            | What::Broken
            | What::RunsRelease
            | What::RunsOld
            | What::SaysNothing => {}
        }
        let old = || self.version_before(device);
        if let Some(input) = happening.input(self.scenario.release.size, old) {
            self.hear(input);
        }
    }

    /// What a device ran before the release.
    pub(crate) fn version_before(&self, device: u64) -> String {
        let version = self.scenario.fleet.record(device).version;
        version.unwrap_or_else(|| "another version".to_owned())
    }
}
