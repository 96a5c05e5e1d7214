//! What keeps a device back that has not ended in its rollout: the rollout as a whole, then what
//! the device itself waits for.

use windlass_core::admission::code;
use windlass_model::{AssignmentState, Reason, RolloutState, Value};

use super::{Cause, Facts, Findings, Next, bounds, decisions, reasons, under_way};
use crate::diagnostic::clean;

/// Notes all of it.
pub(super) fn reach(facts: &Facts<'_>, findings: &mut Findings) -> anyhow::Result<()> {
    // What is under way goes on whatever the rollout does.
    let starts = matches!(
        facts.row.state,
        AssignmentState::Pending
            | AssignmentState::Deferred(_)
            | AssignmentState::Admitted
            | AssignmentState::Waiting { .. }
    );
    if starts {
        standing(facts, findings);
    }
    match &facts.row.state {
        AssignmentState::Pending => {
            let closed = decisions::closed(facts, findings);
            reasons::would_put_off(facts, findings)?;
            if !closed && starts_now(facts) {
                bounds::full(facts, findings)?;
                turn(facts, findings);
            }
        }
        AssignmentState::Deferred(deferral) => {
            reasons::put_off(facts, findings, deferral.until, deferral.needs_connection)?;
            decisions::closed(facts, findings);
        }
        AssignmentState::Admitted => {
            decisions::closed(facts, findings);
            bounds::full(facts, findings)?;
            bounds::group_down(facts, findings)?;
            turn(facts, findings);
        }
        AssignmentState::Waiting { retry_at } => {
            under_way::last_failure(facts, findings);
            if facts.row.blocker.is_some() {
                reasons::put_off(facts, findings, *retry_at, false)?;
            } else if *retry_at > facts.scene.at {
                let number = facts.row.started_attempts + 1;
                findings.next(Next::at(format!("with attempt {number}"), *retry_at));
            } else {
                bounds::retries(facts, findings);
                bounds::full(facts, findings)?;
                turn(facts, findings);
            }
        }
        AssignmentState::Transferring(_) => bounds::throttled(facts, findings),
        _ => under_way::asked(facts, findings),
    }
    unattended(facts, findings);
    Ok(())
}

fn starts_now(facts: &Facts<'_>) -> bool {
    facts.course.state == RolloutState::Running
}

/// Nothing else was found, and somebody starts devices.
fn turn(facts: &Facts<'_>, findings: &mut Findings) {
    let goes_on = facts.scene.over || facts.scene.drives(&facts.course);
    let nothing = findings.because.is_empty() && findings.next.is_empty();
    if nothing && goes_on && starts_now(facts) {
        findings.cause(Cause::host("turn", "devices before it start first"));
        findings.next(Next::when("when its turn comes"));
    }
}

/// What the rollout as a whole lets start.
fn standing(facts: &Facts<'_>, findings: &mut Findings) {
    let name = &facts.rollout.plan.name;
    match facts.course.state {
        RolloutState::Draft => {
            findings.cause(Cause::host(
                "not-started",
                format!("{name} was never started"),
            ));
        }
        RolloutState::Paused => {
            let text = format!("{name} is paused {}", facts.course.by());
            findings.cause(Cause::host("paused", text));
            findings.next(Next::by(
                "when a person resumes it",
                facts.command("resume"),
            ));
        }
        RolloutState::Holding => holding(facts, findings),
        RolloutState::Aborting => {
            let text = format!("{name} is being aborted {}", facts.course.by());
            findings.cause(Cause::host("aborting", text));
        }
        RolloutState::Running | RolloutState::Aborted | RolloutState::Completed => {}
    }
}

/// Policies tell by their decisions why they hold; else it is a plugin in trouble.
fn holding(facts: &Facts<'_>, findings: &mut Findings) {
    if decisions::holding(facts, findings) {
        return;
    }
    let text = format!("{} holds {}", facts.rollout.plan.name, facts.course.by());
    findings.cause(Cause::host("holding", text));
    let mut told = false;
    for reason in facts.course.because() {
        if let Some(next) = mended(reason) {
            told = true;
            findings.next(next);
        }
    }
    if !told {
        findings.next(Next::when("when what holds it has passed"));
    }
}

/// What ends a hold for a plugin's sake: nobody need order it.
fn mended(reason: &Reason) -> Option<Next> {
    match (reason.code.as_str(), reason.parameters.get(code::PLUGIN)) {
        (code::PLUGIN_FAILED, Some(Value::Text(plugin))) => Some(Next::when(format!(
            "when `{}` can judge devices; it is asked again within a minute",
            clean(plugin)
        ))),
        (code::PLUGIN_FAULTS, _) => Some(Next::when(
            "when the delivery works again; one device tries it after a while",
        )),
        _ => None,
    }
}

/// Nobody drives the rollout.
fn unattended(facts: &Facts<'_>, findings: &mut Findings) {
    let name = &facts.rollout.plan.name;
    let ended = matches!(
        facts.course.state,
        RolloutState::Aborted | RolloutState::Completed
    );
    if facts.scene.over || ended || facts.scene.drives(&facts.course) {
        return;
    }
    findings.cause(Cause::host(
        "not-driven",
        format!("no process runs {name} now"),
    ));
    findings.next(Next::by("when the rollout is run", facts.run(name)));
}
