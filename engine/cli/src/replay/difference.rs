use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use windlass_model::{Ceiling, CohortView, Decision, DecisionAnswer, Timestamp};

use crate::render::time;

/// What one field said then and says now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Which.
    #[serde(rename = "field")]
    pub name: String,
    /// As the state file has it; none if there was no such part.
    pub recorded: Option<String>,
    /// As it came out again.
    pub again: Option<String>,
}

/// The fields in which two answers to the same view differ.
pub(super) fn between(cohorts: &[CohortView], recorded: &Decision, again: &Decision) -> Vec<Field> {
    if recorded == again {
        return Vec::new();
    }
    let ask_at = |decision: &Decision| decision.ask_at.map(|at| precise(&at));
    let mut fields = vec![
        field("verdict", json(&recorded.verdict), json(&again.verdict)),
        field(
            "valid until",
            Some(precise(&recorded.valid_until)),
            Some(precise(&again.valid_until)),
        ),
        field("asked again at", ask_at(recorded), ask_at(again)),
        field("memo", Some(memo(recorded)), Some(memo(again))),
    ];
    fields.extend(
        pairs(&recorded.ceilings, &again.ceilings).map(|(place, then, now)| {
            let name = match cohorts.get(place) {
                Some(cohort) => format!("ceilings of cohort {}", cohort.name),
                None => format!("ceilings of cohort number {}", place + 1),
            };
            field(name, then.map(ceiling), now.map(ceiling))
        }),
    );
    fields.extend(
        pairs(&recorded.reasons, &again.reasons).map(|(place, then, now)| {
            let name = format!("reason {}", place + 1);
            field(name, then.and_then(json), now.and_then(json))
        }),
    );
    fields.extend(
        pairs(&recorded.triggers, &again.triggers).map(|(place, then, now)| {
            let name = format!("trigger {}", place + 1);
            field(name, then.and_then(json), now.and_then(json))
        }),
    );
    fields.extend(
        pairs(&recorded.rechecks, &again.rechecks).map(|(place, then, now)| {
            let name = format!("wish to verify again {}", place + 1);
            field(name, then.and_then(json), now.and_then(json))
        }),
    );
    fields.retain(|field| field.recorded != field.again);
    fields
}

/// The fields in which two answers to the same view differ for devices and people: verdict,
/// ceilings as far as a cohort's size makes a difference, and reasons by their codes.
pub(super) fn of_effect(
    cohorts: &[CohortView],
    recorded: &DecisionAnswer,
    again: &DecisionAnswer,
) -> Vec<Field> {
    let verdict = |answer: &DecisionAnswer| match answer {
        DecisionAnswer::Decided(decision) => json(&decision.verdict),
        DecisionAnswer::Failed(message) => Some(format!("failed: {message}")),
    };
    let said = |answer: &DecisionAnswer| match answer {
        DecisionAnswer::Decided(decision) => {
            let codes = decision.reasons.iter().map(|reason| reason.code.as_str());
            Some(codes.collect::<Vec<_>>().join(", ")).filter(|codes| !codes.is_empty())
        }
        DecisionAnswer::Failed(_) => None,
    };
    let mut fields = vec![
        field("verdict", verdict(recorded), verdict(again)),
        field("reasons", said(recorded), said(again)),
    ];
    fields.extend(cohorts.iter().enumerate().map(|(place, cohort)| {
        let name = format!("cohort {}", cohort.name);
        let allowed = |answer: &DecisionAnswer| match answer {
            DecisionAnswer::Decided(decision) => decision
                .ceilings
                .get(place)
                .map(|ceiling| ceiling_within(*ceiling, cohort.size)),
            DecisionAnswer::Failed(_) => None,
        };
        field(name, allowed(recorded), allowed(again))
    }));
    fields.retain(|field| field.recorded != field.again);
    fields
}

/// A bound beyond the cohort's size is none.
fn ceiling_within(ceiling: Ceiling, size: u64) -> String {
    let started = ceiling.started.min(size);
    match ceiling.in_progress {
        any if any >= started => format!("{started} of {size} may start"),
        some => format!("{started} of {size} may start, {some} at once"),
    }
}

/// There was an answer, and now there is none.
pub(super) fn failed(recorded: &Decision, message: &str) -> Field {
    let now = Some(format!("failed: {message}"));
    field("verdict", json(&recorded.verdict), now)
}

fn field(name: impl Into<String>, recorded: Option<String>, again: Option<String>) -> Field {
    Field {
        name: name.into(),
        recorded,
        again,
    }
}

/// What stands at the same place, as far as the longer one goes.
fn pairs<'a, T>(
    then: &'a [T],
    now: &'a [T],
) -> impl Iterator<Item = (usize, Option<&'a T>, Option<&'a T>)> {
    (0..then.len().max(now.len())).map(|place| (place, then.get(place), now.get(place)))
}

/// A decision was JSON when it was recorded, so that two that are the same JSON are the same.
fn json(value: &impl Serialize) -> Option<String> {
    serde_json::to_string(value).ok()
}

fn ceiling(ceiling: &Ceiling) -> String {
    let number = |most| match most {
        u64::MAX => "any number".to_owned(),
        most => most.to_string(),
    };
    let (started, in_progress) = (number(ceiling.started), number(ceiling.in_progress));
    format!("{started} started, {in_progress} in progress")
}

fn precise(at: &Timestamp) -> String {
    time(*at)
}

/// Many a memo is a text; what is none is shown in base64.
fn memo(decision: &Decision) -> String {
    match std::str::from_utf8(&decision.memo) {
        Ok(text) => json(&text).unwrap_or_default(),
        Err(_) => STANDARD.encode(&decision.memo),
    }
}
