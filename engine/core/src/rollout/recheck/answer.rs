//! What a device answers that is asked again.

use windlass_model::{
    Assignment, AssignmentId, AssignmentState, AttemptId, Change, Connectivity, EventKind, Failure,
    FailureClass, FailureKind, Observation, ObservationSource, StateKind, Verification,
};

use super::{
    super::{Rollout, breaker::Call, counts, ledger::Move},
    round::Finding,
};
use crate::{GroupSeat, Now};

/// How often a device is asked that does not say what it runs.
const TRIES: u32 = 3;

impl Rollout {
    pub(in crate::rollout) fn rechecked(
        &mut self,
        now: Now,
        (id, attempt): (AssignmentId, AttemptId),
        answer: Result<Verification, Failure>,
        groups: Vec<GroupSeat>,
    ) {
        if self.rechecks.was_stray(id) {
            return;
        }
        let round = self.rechecks.round.as_mut();
        let Some(entry) = round.and_then(|round| round.answered(id, attempt)) else {
            return;
        };
        let row = entry.row.clone();
        let tries = entry.tries + u32::from(!is_ours(&answer));
        entry.tries = tries;
        match &answer {
            Ok(_) => self.plugin_worked(now, Call::Verify),
            Err(failure) if failure.kind == FailureKind::Plugin => {
                self.plugin_failed(now, Call::Verify, &failure.message);
            }
            Err(_) => {}
        }
        let finding = match answer {
            Ok(Verification::RunsRelease) => {
                let version = self.release_version.clone();
                self.change(observed(now, &row, version));
                Some(Finding::Confirmed)
            }
            Ok(Verification::RunsOther(version)) => {
                self.regress(now, row, version, groups);
                Some(Finding::Regressed)
            }
            Ok(Verification::CannotTell) => Some(Finding::Unconfirmed),
            Ok(Verification::Busy) | Err(_) => (tries >= TRIES).then_some(Finding::Unconfirmed),
        };
        let again = now.monotonic + self.settings.probe_interval;
        if let Some(round) = &mut self.rechecks.round {
            match finding {
                Some(finding) => round.find(id, finding),
                None => round.again(id, attempt, again),
            }
        }
        self.count_findings(now, finding == Some(Finding::Regressed));
    }

    /// A device that had succeeded runs another version: it ends once more, by failing.
    fn regress(&mut self, now: Now, mut row: Assignment, version: String, groups: Vec<GroupSeat>) {
        self.change(observed(now, &row, version.clone()));
        let device = row.device_id.clone();
        self.emit(now, EventKind::DeviceRegressed { device, version });
        let kind = FailureKind::Regressed;
        row.last_failure = Some((kind, now.wall));
        row.state = AssignmentState::Failed(kind);
        // Its first attempt came to nothing after all. One that was requeued and not started
        // since counts with no start, and so with no failure of one.
        if row.first_failure.is_none() && row.started_attempts > 0 {
            row.first_failure = Some(kind);
            self.count_first_failure(&row, kind);
        }
        self.shadows.count(row.id, counts::fell_back);
        if let Some(view) = self.cohorts.get_mut(row.cohort.0 as usize) {
            counts::fell_back(view);
            if let Some(counts) = &mut view.recheck {
                counts.regressed += 1;
            }
        }
        self.moves.push(Move {
            device: row.device,
            seats: groups.into(),
            before: StateKind::Succeeded,
            after: row.state.kind(),
            at: now.monotonic,
        });
        self.record(now, StateKind::Succeeded, row);
    }
}

/// Whether the device has no part in it that nothing was heard of it.
fn is_ours(answer: &Result<Verification, Failure>) -> bool {
    matches!(answer, Err(failure) if failure.kind.class() == FailureClass::Ours)
}

fn observed(now: Now, row: &Assignment, version: String) -> Change {
    Change::Observed(Observation {
        device: row.device,
        at: now.wall,
        source: ObservationSource::Verify,
        version: Some(version),
        status: Some(Connectivity::Online),
    })
}
