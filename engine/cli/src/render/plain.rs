use std::time::Duration;

use windlass_model::{EventKind, LoggedEvent, StateKind};
use windlass_runtime::progress::Progress;

use super::{
    bars::status_text,
    event::event_text,
    numbers::{percent, time},
};

/// How often a log without bars says how far it is.
const PROGRESS_EVERY: Duration = Duration::from_secs(10);

/// A run as lines: what a person reading a log wants to know, not every device that went
/// well.
#[derive(Default)]
pub struct PlainLog {
    last_progress: Duration,
}

impl PlainLog {
    /// The line for an event, if it is worth one.
    pub fn event(&self, logged: &LoggedEvent) -> Option<String> {
        is_noteworthy(&logged.event.kind).then(|| {
            format!(
                "{} {}",
                time(logged.event.at),
                event_text(&logged.event.kind)
            )
        })
    }

    /// A line about progress, from time to time.
    pub fn progress(&mut self, progress: &Progress) -> Option<String> {
        if progress.elapsed.saturating_sub(self.last_progress) < PROGRESS_EVERY {
            return None;
        }
        self.last_progress = progress.elapsed;
        let targets: u64 = progress.cohorts.iter().map(|cohort| cohort.size).sum();
        let ended: u64 = progress.cohorts.iter().map(|cohort| cohort.ended).sum();
        let well: u64 = progress
            .cohorts
            .iter()
            .map(|cohort| cohort.states.get(StateKind::Succeeded))
            .sum();
        Some(format!(
            "{}%: {well} of {targets} succeeded · {}",
            percent(ended, targets),
            status_text(progress)
        ))
    }
}

/// Whether a person wants to see it as it happens.
pub(crate) fn is_noteworthy(kind: &EventKind) -> bool {
    match kind {
        EventKind::AttemptStarted { .. }
        | EventKind::AttemptDelivered { .. }
        | EventKind::AttemptOffered { .. }
        | EventKind::AttemptCancelled { .. }
        | EventKind::AttemptResultLate { .. }
        | EventKind::DeviceSucceeded { .. }
        | EventKind::DeviceCancelled { .. }
        | EventKind::DeviceSkipped { .. }
        | EventKind::DeviceDeferred { .. }
        | EventKind::DeviceSuperseded { .. }
        | EventKind::DecisionTaken { .. }
        | EventKind::RolloutCompleted { .. } => false,
        EventKind::RolloutStarted { .. }
        | EventKind::RolloutContinued { .. }
        | EventKind::CohortStarted { .. }
        | EventKind::CohortEnded { .. }
        | EventKind::AttemptFailed { .. }
        | EventKind::DeviceSettling { .. }
        | EventKind::DeviceFailed { .. }
        | EventKind::DeviceRegressed { .. }
        | EventKind::RecheckStarted { .. }
        | EventKind::RecheckEnded { .. }
        | EventKind::DeviceRejected { .. }
        | EventKind::DeviceDeadLettered { .. }
        | EventKind::DecisionFailed { .. }
        | EventKind::RolloutHolding { .. }
        | EventKind::RolloutReleased
        | EventKind::RolloutPaused { .. }
        | EventKind::RolloutResumed { .. }
        | EventKind::RolloutAborting { .. }
        | EventKind::OrderGiven { .. }
        | EventKind::PoliciesSwapped { .. }
        | EventKind::PoliciesConfirmed { .. }
        | EventKind::PoliciesTakenBack { .. }
        | EventKind::ShadowAdded { .. }
        | EventKind::ShadowRemoved { .. }
        | EventKind::ShadowFailed { .. }
        | EventKind::DeviceRequeued { .. }
        | EventKind::DeviceDismissed { .. }
        | EventKind::RolloutGrown { .. }
        | EventKind::RolloutReopened
        | EventKind::ReleaseCondemned { .. }
        | EventKind::ReleaseForgiven { .. }
        | EventKind::RollbackStarted { .. }
        | EventKind::RollbackImpossible { .. }
        | EventKind::HoldPlaced { .. }
        | EventKind::HoldLifted { .. }
        | EventKind::SignalChanged { .. }
        | EventKind::RolloutStopping => true,
    }
}
