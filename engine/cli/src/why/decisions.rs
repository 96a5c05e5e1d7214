//! What the policies' newest decisions let start.

use windlass_model::{
    CohortIndex, Decision, DecisionAnswer, Measure, PluginName, Reason, RolloutState, Value,
    Verdict,
};
use windlass_store::StoredDecision;

use super::{Cause, Facts, Findings, Next};
use crate::{diagnostic::clean, render::count};

/// By a reason with this code a policy says that it waits for consent (`wit/policy.wit`).
const AWAITING_APPROVAL: &str = "awaiting-approval";

/// Parameters under which the policies of the house name the instant that they wait for.
const INSTANTS: [&str; 2] = ["until", "opens_at"];

/// Notes each policy whose ceilings keep the device's cohort back; says whether one does.
pub(super) fn closed(facts: &Facts<'_>, findings: &mut Findings) -> bool {
    let mut closed = false;
    let held = facts.course.state == RolloutState::Holding;
    for (policy, newest) in &facts.decisions {
        let Some(stored) = newest else {
            continue;
        };
        match &stored.record.answer {
            // Told already.
            answer if held && holds(answer) => closed = true,
            DecisionAnswer::Decided(decision) => {
                if let Some(bound) = bound(facts, stored, decision) {
                    closed = true;
                    let says = format!("the policy `{policy}` lets {bound}");
                    note(facts, findings, policy, decision, &says);
                }
            }
            DecisionAnswer::Failed(message) => {
                closed = true;
                failed(findings, policy, message);
            }
        }
    }
    closed
}

/// Notes the policies that hold the rollout; says whether one does.
pub(super) fn holding(facts: &Facts<'_>, findings: &mut Findings) -> bool {
    let mut held = false;
    for (policy, newest) in &facts.decisions {
        let answer = newest.as_ref().map(|stored| &stored.record.answer);
        let Some(answer) = answer.filter(|answer| holds(answer)) else {
            continue;
        };
        held = true;
        match answer {
            DecisionAnswer::Decided(decision) => {
                let says = format!("the policy `{policy}` holds the rollout");
                note(facts, findings, policy, decision, &says);
            }
            DecisionAnswer::Failed(message) => failed(findings, policy, message),
        }
    }
    held
}

/// Whether nothing starts by an answer.
fn holds(answer: &DecisionAnswer) -> bool {
    match answer {
        DecisionAnswer::Decided(decision) => decision.verdict >= Verdict::Hold,
        DecisionAnswer::Failed(_) => true,
    }
}

fn failed(findings: &mut Findings, policy: &PluginName, message: &str) {
    findings.cause(Cause {
        policy: Some(policy.clone()),
        ..Cause::host(
            "policy-failed",
            format!("the policy `{policy}` could not answer: {}", clean(message)),
        )
    });
    findings.next(Next::when(format!("when `{policy}` answers again")));
}

/// How many a policy lets start, if that keeps this device back.
fn bound(facts: &Facts<'_>, stored: &StoredDecision, decision: &Decision) -> Option<String> {
    let index = facts.row.cohort.0 as usize;
    let ceiling = decision.ceilings.get(index)?;
    let seen = stored.record.view.cohorts.get(index)?;
    let (number, size) = facts.place();
    let cohort = clean(facts.cohort());
    let none = ceiling.started == 0 || ceiling.in_progress == 0;
    let first_start = facts.row.started_attempts == 0;
    if none {
        return Some(format!("no device of cohort `{cohort}` start"));
    }
    let started = seen.started >= ceiling.started || number > ceiling.started;
    if first_start && ceiling.started < size && started {
        return Some(format!(
            "{} of the {size} devices of cohort `{cohort}` start, and this is number {number}",
            ceiling.started
        ));
    }
    // Those that are in progress are counted when the policy is asked, and it is asked again
    // when one of them ends.
    let busy = ceiling.in_progress < size && seen.in_progress >= ceiling.in_progress;
    (first_start && busy).then(|| {
        format!(
            "{} of cohort `{cohort}` be updated at once, and {} were",
            count(ceiling.in_progress, "device"),
            seen.in_progress
        )
    })
}

/// What a policy says, for what reasons, and what would change its mind.
fn note(
    facts: &Facts<'_>,
    findings: &mut Findings,
    policy: &PluginName,
    decision: &Decision,
    says: &str,
) {
    let own = |reason: &&Reason| {
        reason
            .cohort
            .is_none_or(|cohort| cohort <= facts.row.cohort)
    };
    let reasons: Vec<&Reason> = decision.reasons.iter().filter(own).collect();
    if reasons.is_empty() {
        findings.cause(Cause {
            policy: Some(policy.clone()),
            ..Cause::host("ceiling", says)
        });
    }
    for reason in &reasons {
        findings.cause(Cause {
            code: reason.code.clone(),
            text: format!("{says}: {}", clean(&reason.text)),
            policy: Some(policy.clone()),
            parameters: reason.parameters.clone(),
            ..Cause::default()
        });
    }
    let mut told = false;
    for reason in reasons {
        if let Some(next) = opens(facts, policy, decision, reason) {
            told = true;
            findings.next(next);
        }
    }
    if told {
        return;
    }
    match (watched(facts, decision), decision.ask_at) {
        (Some(counts), _) => findings.next(Next::when(format!(
            "when `{policy}` lets more start; it looks again at {counts}"
        ))),
        (None, Some(at)) if at > facts.scene.at => {
            findings.next(Next::at(format!("when `{policy}` decides again"), at));
        }
        (None, _) => findings.next(Next::when(format!("when `{policy}` lets more start"))),
    }
}

/// What a reason waits for, if it says so.
fn opens(
    facts: &Facts<'_>,
    policy: &PluginName,
    decision: &Decision,
    reason: &Reason,
) -> Option<Next> {
    if reason.code == AWAITING_APPROVAL {
        let Some(Value::Text(gate)) = reason.parameters.get("gate") else {
            return Some(Next::when("when it is approved"));
        };
        let command = facts.command(&format!("approve {gate}"));
        return Some(Next::by(format!("when `{gate}` is approved"), command));
    }
    if let Some(at) = instant(reason) {
        let text = match reason.code.as_str() {
            "soaking" => format!("when the soak ends, if the gate of `{policy}` holds then"),
            _ => format!("when `{policy}` decides again"),
        };
        return Some(Next::at(text, at));
    }
    let stands = decision.verdict >= Verdict::Hold;
    (stands && decision.ask_at.is_none()).then(|| {
        Next::by(
            format!("when `{policy}` lets it, or past its gate by a person's order"),
            facts.command("advance"),
        )
    })
}

/// The instant that a reason names.
pub(super) fn instant(reason: &Reason) -> Option<windlass_model::Timestamp> {
    INSTANTS
        .iter()
        .find_map(|name| match reason.parameters.get(*name) {
            Some(Value::Integer(millis)) => u64::try_from(*millis).ok(),
            _ => None,
        })
        .map(windlass_model::Timestamp)
}

/// The counts of the cohorts before, and of its own, at which a policy wants to be asked.
fn watched(facts: &Facts<'_>, decision: &Decision) -> Option<String> {
    let cohorts = &facts.rollout.plan.cohorts;
    let counts: Vec<_> = decision
        .triggers
        .iter()
        .filter(|trigger| trigger.cohort <= facts.row.cohort)
        .filter_map(|trigger| {
            let CohortIndex(index) = trigger.cohort;
            let cohort = clean(&cohorts.get(index as usize)?.name);
            let noun = match trigger.measure {
                Measure::Started => "start",
                Measure::Ended => "end",
                Measure::Succeeded => "updated device",
                Measure::Failed | Measure::FirstFailed => return None,
            };
            Some(format!(
                "{} in cohort `{cohort}`",
                count(trigger.reaches, noun)
            ))
        })
        .collect();
    (!counts.is_empty()).then(|| counts.join(", "))
}
