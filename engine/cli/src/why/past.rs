//! A device as it was, from the log.
//!
//! The log tells of every move of a device that is news. It does not tell that a device was
//! looked at again and put off for the same reason, nor how many transfers were under way.

use anyhow::Context as _;
use windlass_model::{
    Assignment, AssignmentState, Deferral, EventKind, FailureKind, Hold, LoggedEvent, RolloutState,
    StateKind, StoredRollout, Timestamp,
};
use windlass_store::Store;

use super::{Facts, Findings, facts::EVENTS_MAX};

/// The device's row as the log of the device tells it.
pub(super) fn row_then(
    rollout: &StoredRollout,
    now: &Assignment,
    story: &[LoggedEvent],
    state: RolloutState,
) -> Assignment {
    let mut row = Assignment {
        state: AssignmentState::Pending,
        started_attempts: 0,
        counted_attempts: 0,
        first_failure: None,
        last_failure: None,
        attempt_started: None,
        excluded: false,
        blocker: None,
        ..now.clone()
    };
    for logged in story {
        follow(rollout, &mut row, logged);
    }
    // Those that had not begun are cancelled together, without an event each.
    let idle = matches!(row.state.kind(), StateKind::Pending | StateKind::Deferred);
    if idle && matches!(state, RolloutState::Aborting | RolloutState::Aborted) {
        row.state = AssignmentState::Cancelled;
    }
    row
}

fn follow(rollout: &StoredRollout, row: &mut Assignment, logged: &LoggedEvent) {
    let at = logged.event.at;
    let blocker = row.blocker.take();
    row.state = match &logged.event.kind {
        EventKind::AttemptStarted {
            attempt, number, ..
        } => {
            row.started_attempts = *number;
            row.attempt_started = Some(at);
            AssignmentState::Transferring(*attempt)
        }
        EventKind::AttemptDelivered { attempt, .. } => AssignmentState::Verifying(*attempt),
        EventKind::AttemptOffered { attempt, .. } => AssignmentState::Offered {
            attempt: *attempt,
            deadline: at.plus(rollout.plan.settings.timeouts.attempt),
        },
        EventKind::AttemptFailed {
            failure, retry_at, ..
        } => {
            row.last_failure = Some((failure.kind, at));
            match retry_at {
                Some(retry_at) => AssignmentState::Waiting {
                    retry_at: *retry_at,
                },
                // What it ended as follows.
                None => row.state.clone(),
            }
        }
        EventKind::AttemptCancelled { .. } => AssignmentState::Waiting { retry_at: at },
        EventKind::DeviceSettling { attempt, .. } => AssignmentState::Settling(*attempt),
        EventKind::DeviceDeferred {
            until,
            needs_connection,
            reason,
            ..
        } => {
            row.blocker = reason.clone().map(Box::new);
            match row.state {
                AssignmentState::Waiting { .. } => AssignmentState::Waiting { retry_at: *until },
                _ => AssignmentState::Deferred(Deferral {
                    until: *until,
                    needs_connection: *needs_connection,
                }),
            }
        }
        EventKind::DeviceSucceeded { .. } => AssignmentState::Succeeded,
        EventKind::DeviceFailed { kind, .. } => AssignmentState::Failed(*kind),
        EventKind::DeviceRegressed { .. } => {
            row.last_failure = Some((FailureKind::Regressed, at));
            AssignmentState::Failed(FailureKind::Regressed)
        }
        EventKind::DeviceRejected { .. } => AssignmentState::Rejected,
        EventKind::DeviceSkipped { reason, .. } => AssignmentState::Skipped(*reason),
        EventKind::DeviceCancelled { .. } => AssignmentState::Cancelled,
        EventKind::DeviceDeadLettered { kind, .. } => {
            row.last_failure.get_or_insert((*kind, at));
            AssignmentState::DeadLettered(*kind)
        }
        EventKind::DeviceRequeued { .. } => {
            row.started_attempts = 0;
            AssignmentState::Pending
        }
        EventKind::DeviceDismissed { .. } => {
            let kind = row
                .last_failure
                .map_or(FailureKind::Other, |(kind, _)| kind);
            AssignmentState::Failed(kind)
        }
        EventKind::DeviceSuperseded { .. } => AssignmentState::Superseded,
        _ => {
            row.blocker = blocker;
            return;
        }
    };
}

/// The holds in force at an instant, as the log tells them.
///
/// # Errors
/// If the state file cannot be read.
pub(super) fn holds_then(store: &Store, at: Timestamp) -> anyhow::Result<Vec<Hold>> {
    let events = store
        .events_of_none(None, at, EVENTS_MAX)
        .context("the events could not be read")?;
    let mut holds: Vec<Hold> = Vec::new();
    for logged in events {
        match logged.event.kind {
            EventKind::HoldPlaced { hold } => {
                holds.retain(|other| other.subject != hold.subject);
                holds.push(hold);
            }
            EventKind::HoldLifted { subject, .. } => holds.retain(|hold| hold.subject != subject),
            _ => {}
        }
    }
    holds.retain(|hold| hold.until.is_none_or(|until| at < until));
    Ok(holds)
}

/// What an answer about the past cannot tell.
pub(super) fn caveats(facts: &Facts<'_>, findings: &mut Findings) {
    if !facts.scene.over {
        return;
    }
    match facts.row.state {
        AssignmentState::Pending | AssignmentState::Admitted => findings.notes.push(
            "the log does not tell how many transfers were under way then, nor whether a process \
             ran"
            .to_owned(),
        ),
        AssignmentState::Deferred(_) => findings.notes.push(
            "the log tells when it was first put off for this; later looks with the same outcome \
             are not in it"
                .to_owned(),
        ),
        _ => {}
    }
}
