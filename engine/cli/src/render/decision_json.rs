//! One decision for programs: everything of its record.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use windlass_model::{
    Advance, Approval, CohortView, Decision, DecisionAnswer, DecisionRecord, RecheckWish,
    RolloutName, Signal, StateCounts, StateKind, View,
};
use windlass_store::StoredDecision;

use super::{event::object, numbers::time, recheck::recheck_json};

/// The decision as an object: `seq`, `time`, `rollout`, `policy`, whether it was in `shadow`, then what it rests on and
/// what it said, and how often it said so again. Memos are in base64; cohorts in reasons and triggers are places in
/// `view.cohorts`.
pub fn decision_json(stored: &StoredDecision, rollout: &RolloutName) -> String {
    let StoredDecision {
        id,
        record,
        shadow,
        repeats,
        repeated_at,
    } = stored;
    let head = [
        ("seq", Some(Value::from(*id))),
        ("time", Some(time(record.at).into())),
        ("rollout", Some(rollout.as_str().into())),
        ("policy", Some(record.policy.as_str().into())),
        ("shadow", Some(shadow.is_some().into())),
    ];
    let mut rest = match &record.answer {
        DecisionAnswer::Decided(decision) => decided(record, decision),
        DecisionAnswer::Failed(message) => {
            Map::from_iter([("failed".to_owned(), message.as_str().into())])
        }
    };
    rest.extend([
        ("component".to_owned(), json!(record.component)),
        ("settings".to_owned(), json!(record.settings)),
        ("view".to_owned(), view(&record.view)),
        ("memo_before".to_owned(), memo(&record.memo_before)),
        ("repeats".to_owned(), json!(repeats)),
        ("repeated_at".to_owned(), json!(repeated_at.map(time))),
    ]);
    object(head, rest)
}

/// A memo as text.
pub(super) fn memo(bytes: &[u8]) -> Value {
    STANDARD.encode(bytes).into()
}

fn decided(record: &DecisionRecord, decision: &Decision) -> Map<String, Value> {
    let cohorts = record.view.cohorts.iter().zip(&decision.ceilings);
    let ceilings: Value = cohorts
        .map(|(cohort, ceiling)| {
            json!({
                "cohort": cohort.name,
                "started": ceiling.started,
                "in_progress": ceiling.in_progress,
            })
        })
        .collect();
    Map::from_iter([
        ("verdict".to_owned(), json!(decision.verdict)),
        ("ceilings".to_owned(), ceilings),
        ("reasons".to_owned(), json!(decision.reasons)),
        ("memo".to_owned(), memo(&decision.memo)),
        ("valid_until".to_owned(), time(decision.valid_until).into()),
        ("ask_at".to_owned(), json!(decision.ask_at.map(time))),
        ("triggers".to_owned(), json!(decision.triggers)),
        (
            "rechecks".to_owned(),
            decision.rechecks.iter().map(wish).collect(),
        ),
    ])
}

fn view(view: &View) -> Value {
    json!({
        "now": time(view.now),
        "started_at": time(view.started_at),
        "paused_seconds": view.paused_for.as_secs_f64(),
        "cohorts": view.cohorts.iter().map(cohort).collect::<Value>(),
        "starts_last_minute": view.starts_last_minute,
        "approvals": view.approvals.iter().map(approval).collect::<Value>(),
        "advances": view.advances.iter().map(advance).collect::<Value>(),
        "signals": view.signals.iter().map(signal).collect::<Value>(),
    })
}

fn cohort(cohort: &CohortView) -> Value {
    json!({
        "name": cohort.name,
        "size": cohort.size,
        "states": states(&cohort.states),
        "started": cohort.started,
        "in_progress": cohort.in_progress,
        "ended": cohort.ended,
        "first_failures": cohort.first_failures,
        "failures": cohort.failures,
        "first_started": cohort.first_started.map(time),
        "last_ended": cohort.last_ended.map(time),
        "recheck": cohort.recheck.as_ref().map(recheck_json),
    })
}

fn wish(wish: &RecheckWish) -> Value {
    json!({ "cohort": wish.cohort, "since": time(wish.since) })
}

/// Those that are not 0.
fn states(counts: &StateCounts) -> Map<String, Value> {
    StateKind::ALL
        .into_iter()
        .filter(|kind| counts.get(*kind) > 0)
        .map(|kind| (kind.as_str().to_owned(), counts.get(kind).into()))
        .collect()
}

fn approval(approval: &Approval) -> Value {
    json!({
        "gate": approval.gate,
        "actor": approval.actor,
        "at": time(approval.at),
        "expires": approval.expires.map(time),
    })
}

fn advance(advance: &Advance) -> Value {
    json!({ "cohort": advance.cohort, "actor": advance.actor, "at": time(advance.at) })
}

fn signal(signal: &Signal) -> Value {
    json!({
        "name": signal.name,
        "value": signal.value,
        "observed_at": signal.observed_at.map(time),
    })
}
