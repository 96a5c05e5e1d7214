//! Devices that are done in a rollout.

use windlass_model::{AssignmentState, EventKind, FailureKind, SkipReason, Steering};

use super::{
    Cause, Facts, Findings, Next,
    under_way::{at, failure, newest_at, tries},
};
use crate::{diagnostic::clean, render::skip_text};

/// How it ended, and what could still be done about it.
pub(super) fn tell(facts: &Facts<'_>, findings: &mut Findings) -> String {
    let device = &facts.row.device_id;
    match &facts.row.state {
        AssignmentState::Succeeded => {
            let when = newest_at(facts, |kind| {
                matches!(kind, EventKind::DeviceSucceeded { .. })
            });
            let version = clean(&facts.release.version);
            format!("runs {version}{}{}", at(when), tries(facts))
        }
        AssignmentState::Failed(FailureKind::Regressed) => regressed(facts, findings),
        AssignmentState::Failed(kind) => {
            findings.because.extend(failure(facts));
            let when = newest_at(facts, |kind| {
                matches!(
                    kind,
                    EventKind::DeviceFailed { .. } | EventKind::DeviceDismissed { .. }
                )
            });
            dismissed(facts, findings);
            findings.next(Next::when(
                "with another rollout: no retry mends such a failure",
            ));
            format!("failed{}: {}", at(when), kind.as_str())
        }
        AssignmentState::DeadLettered(kind) => {
            findings.because.extend(failure(facts));
            findings.next(Next::by(
                "when a person gives it fresh attempts",
                facts.command(&format!("dead-letters requeue {device}")),
            ));
            let when = newest_at(facts, |kind| {
                matches!(kind, EventKind::DeviceDeadLettered { .. })
            });
            format!(
                "dead-lettered{}{}: {}",
                at(when),
                tries(facts),
                kind.as_str()
            )
        }
        AssignmentState::Rejected => {
            findings.because.extend(failure(facts));
            findings.next(Next::when(
                "with another release: it refused this one for good",
            ));
            let when = newest_at(facts, |kind| {
                matches!(kind, EventKind::DeviceRejected { .. })
            });
            format!("refused the release{}", at(when))
        }
        AssignmentState::Skipped(reason) => {
            let when = newest_at(facts, |kind| {
                matches!(kind, EventKind::DeviceSkipped { .. })
            });
            skipped(facts, *reason, findings);
            format!("skipped{}: {}", at(when), skip_text(*reason))
        }
        AssignmentState::Cancelled => {
            let text = format!(
                "{} was aborted {}",
                facts.rollout.plan.name,
                facts.course.by()
            );
            findings.cause(Cause::host("aborted", text));
            findings.next(Next::when("with another rollout: an abort is for good"));
            let when = newest_at(facts, |kind| {
                matches!(kind, EventKind::DeviceCancelled { .. })
            });
            format!("cancelled{}{}", at(when), tries(facts))
        }
        AssignmentState::Superseded => superseded(facts),
        // Told elsewhere.
        AssignmentState::Pending
        | AssignmentState::Deferred(_)
        | AssignmentState::Admitted
        | AssignmentState::Transferring(_)
        | AssignmentState::Offered { .. }
        | AssignmentState::Verifying(_)
        | AssignmentState::Settling(_)
        | AssignmentState::Waiting { .. }
        | AssignmentState::Cancelling(_) => facts.row.state.kind().as_str().to_owned(),
    }
}

/// It ran the release, and then did no more: its attempts tell nothing of that.
fn regressed(facts: &Facts<'_>, findings: &mut Findings) -> String {
    let found = facts.newest(|kind| matches!(kind, EventKind::DeviceRegressed { .. }));
    if let Some(EventKind::DeviceRegressed { version, .. }) = found.map(|event| &event.kind) {
        let text = format!(
            "it had been updated to {}, and ran {} when it was verified again",
            clean(&facts.release.version),
            clean(version)
        );
        findings.cause(Cause::host("regressed", text));
    }
    findings.next(Next::when(
        "with another rollout: who falls back from a release is not given it again",
    ));
    format!("fell back{}", at(found.map(|event| event.at)))
}

fn superseded(facts: &Facts<'_>) -> String {
    let by = facts.newest(|kind| matches!(kind, EventKind::DeviceSuperseded { .. }));
    match by.map(|event| (event.at, &event.kind)) {
        Some((when, EventKind::DeviceSuperseded { by, version, .. })) => format!(
            "superseded{}: {} brought it to {}",
            at(Some(when)),
            facts.scene.name_of(*by),
            clean(version)
        ),
        Some(_) | None => "superseded by a newer release".to_owned(),
    }
}

fn dismissed(facts: &Facts<'_>, findings: &mut Findings) {
    let device = &facts.row.device_id;
    let dismissed = facts.newest(|kind| matches!(kind, EventKind::DeviceDismissed { .. }));
    let given = facts
        .course
        .order(|order| matches!(order, Steering::Dismiss { devices } if devices.contains(device)));
    if let (Some(_), Some(given)) = (dismissed, given) {
        let text = format!("it was dismissed {}", given.by());
        findings.cause(Cause::host("dismissed", text));
    }
}

fn skipped(facts: &Facts<'_>, reason: SkipReason, findings: &mut Findings) {
    let device = &facts.row.device_id;
    let runs = facts.scene.device.device.version.as_deref();
    match reason {
        SkipReason::Excluded => {
            let given = facts
                .course
                .order(|order| matches!(order, Steering::Exclude { device: out } if out == device));
            if let Some(given) = given {
                let text = format!("it was excluded {}", given.by());
                findings.cause(Cause::host("excluded", text));
            }
        }
        SkipReason::WouldDowngrade => {
            let (runs, version) = (clean(runs.unwrap_or("?")), clean(&facts.release.version));
            let text = format!("the registry has {runs}, the release is {version}");
            findings.cause(Cause::host("would-downgrade", text));
            findings.next(Next::when("in a rollout with `allow_downgrade = true`"));
        }
        SkipReason::Offline => {
            findings.cause(Cause::host(
                "offline",
                "the rollout skips devices that are offline when their turn comes",
            ));
            findings.next(Next::when("in a rollout with `offline = \"defer\"`"));
        }
        SkipReason::Policy => {
            let deferred = facts.newest(|kind| {
                matches!(
                    kind,
                    EventKind::DeviceDeferred {
                        reason: Some(_),
                        ..
                    }
                )
            });
            if let Some(EventKind::DeviceDeferred {
                reason: Some(reason),
                ..
            }) = deferred.map(|event| &event.kind)
            {
                findings.cause(Cause::host(&reason.code, clean(&reason.text)));
            }
        }
        SkipReason::AlreadyCurrent | SkipReason::NoLongerMatches => {}
    }
}
