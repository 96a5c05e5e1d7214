//! Devices that are being updated, or wait for the next try.

use windlass_core::admission::code;
use windlass_model::{
    AssignmentState, AttemptOutcome, EventKind, FailureClass, StateKind, Timestamp,
};

use super::{Cause, Facts, Findings, Next};
use crate::{
    diagnostic::clean,
    render::{count, time},
};

/// Where a device stands that has not ended.
pub(super) fn headline(facts: &Facts<'_>) -> String {
    let row = &facts.row;
    let tries = row.started_attempts;
    match &row.state {
        AssignmentState::Pending => {
            let (number, size) = facts.place();
            let cohort = clean(facts.cohort());
            format!("pending, number {number} of {size} in cohort `{cohort}`")
        }
        AssignmentState::Deferred(deferral) => {
            let until = time(deferral.until);
            // The host looks again after a while, whatever lets the device go on.
            let by_host = row.blocker.as_ref().is_some_and(|why| {
                matches!(
                    why.code.as_str(),
                    code::HOLD
                        | code::PINNED
                        | code::OTHER_ROLLOUT
                        | code::GROUP_CAP
                        | code::PLUGIN_FAILED
                        | code::UNSETTLED
                )
            });
            match (deferral.needs_connection, by_host) {
                (true, _) => "put off until it connects".to_owned(),
                (false, true) => format!("put off, and looked at again at {until}"),
                (false, false) => format!("put off until {until}"),
            }
        }
        AssignmentState::Admitted => "may start, and waits for its turn".to_owned(),
        AssignmentState::Transferring(_) => {
            format!("attempt {tries} is under way{}", since(row.attempt_started))
        }
        AssignmentState::Offered { deadline, .. } => format!(
            "was offered the release, and fetches it by itself before {}",
            time(*deadline)
        ),
        AssignmentState::Verifying(_) => {
            let delivered = newest_at(facts, |kind| {
                matches!(kind, EventKind::AttemptDelivered { .. })
            });
            format!(
                "took the release{}, and is asked what it runs",
                at(delivered)
            )
        }
        AssignmentState::Settling(_) => {
            let lost = newest_at(facts, |kind| {
                matches!(kind, EventKind::DeviceSettling { .. })
            });
            format!(
                "the outcome of attempt {tries} was lost{}, and it is asked what it runs",
                at(lost)
            )
        }
        AssignmentState::Waiting { .. } => {
            format!("waits for attempt {}", tries + 1)
        }
        AssignmentState::Cancelling(_) => format!("attempt {tries} is being stopped"),
        // Told elsewhere.
        AssignmentState::Succeeded
        | AssignmentState::Failed(_)
        | AssignmentState::Rejected
        | AssignmentState::Skipped(_)
        | AssignmentState::Cancelled
        | AssignmentState::Superseded
        | AssignmentState::DeadLettered(_) => row.state.kind().as_str().to_owned(),
    }
}

/// What a device is asked that took the release, or may have.
pub(super) fn asked(facts: &Facts<'_>, findings: &mut Findings) {
    let settle = facts.rollout.plan.settings.settle;
    let version = clean(&facts.release.version);
    match facts.row.state.kind() {
        StateKind::Settling => {
            let text = "nothing is pushed to it before it has told, or it would be updated twice";
            findings.cause(Cause::host("settling", text));
            findings.next(Next::when(format!(
                "when it says that it runs {version}; another version is believed {} after the \
                 answer was lost",
                crate::units::format_duration(settle.grace)
            )));
        }
        StateKind::Verifying => {
            findings.cause(Cause::host(
                "verifying",
                format!("it has not said yet that it runs {version}"),
            ));
            findings.next(Next::when(
                "when it answers: it may be flashing or rebooting",
            ));
        }
        StateKind::Offered => {
            findings.cause(Cause::host("offered", "it has not reported yet"));
            findings.next(Next::when("when it reports"));
        }
        _ => findings.next(Next::when("when the attempt has ended")),
    }
}

/// After which failure a device waits.
pub(super) fn last_failure(facts: &Facts<'_>, findings: &mut Findings) {
    if let Some(cause) = failure(facts) {
        findings.cause(cause);
    }
}

/// The newest failure, with what was said about it.
pub(super) fn failure(facts: &Facts<'_>) -> Option<Cause> {
    let told = facts.attempts.iter().rev().find_map(|attempt| {
        let end = attempt
            .end
            .as_ref()
            .filter(|end| end.at <= facts.scene.at)?;
        match &end.outcome {
            AttemptOutcome::Failed(failure) => Some((attempt.number, end.at, failure)),
            AttemptOutcome::Delivered | AttemptOutcome::Offered(_) | AttemptOutcome::Cancelled => {
                None
            }
        }
    });
    if let Some((number, at, failure)) = told {
        let kind = failure.kind.as_str();
        let most = facts.rollout.plan.settings.retry.attempts;
        // The number counts every start, and what is ours uses up no attempt.
        let (of, which) = match failure.kind.class() {
            FailureClass::Ours => (
                String::new(),
                format!("{kind}, which uses up none of its {most}"),
            ),
            FailureClass::Device | FailureClass::Network if number > most => {
                (String::new(), kind.to_owned())
            }
            FailureClass::Device | FailureClass::Network => {
                (format!(" of {most}"), kind.to_owned())
            }
        };
        let text = format!(
            "attempt {number}{of} failed at {} ({which}): {}",
            time(at),
            clean(&failure.message)
        );
        return Some(Cause::host(failure.kind.as_str(), text));
    }
    let (kind, at) = facts.row.last_failure?;
    let text = format!("it failed at {} ({})", time(at), kind.as_str());
    Some(Cause::host(kind.as_str(), text))
}

/// When the newest event of a kind was.
pub(super) fn newest_at(facts: &Facts<'_>, is: impl Fn(&EventKind) -> bool) -> Option<Timestamp> {
    facts.newest(is).map(|event| event.at)
}

/// When, behind a verb.
pub(super) fn at(instant: Option<Timestamp>) -> String {
    instant.map_or(String::new(), |at| format!(" at {}", time(at)))
}

fn since(instant: Option<Timestamp>) -> String {
    instant.map_or(String::new(), |at| format!(" since {}", time(at)))
}

/// How many attempts it took.
pub(super) fn tries(facts: &Facts<'_>) -> String {
    match facts.row.started_attempts {
        0 => ", without an attempt".to_owned(),
        some => format!(", after {}", count(u64::from(some), "attempt")),
    }
}
