//! One decision in words.

use windlass_model::{Ceiling, CohortView, Decision, DecisionAnswer, DecisionRecord, Measure};
use windlass_store::StoredDecision;

use super::{
    event::verdict_text,
    numbers::{count, time},
};
use crate::diagnostic::clean;

/// Its number, time, policy and verdict in a line, and below what it allowed and why.
pub fn decision_text(stored: &StoredDecision) -> String {
    let StoredDecision { id, record, .. } = stored;
    let at = time(record.at);
    let policy = &record.policy;
    let (said, below) = match &record.answer {
        DecisionAnswer::Decided(decision) => {
            (verdict_text(decision.verdict), below(record, decision))
        }
        DecisionAnswer::Failed(message) => ("failed", vec![clean(message)]),
    };
    let place = match stored.shadow {
        Some(_) => " (in shadow)",
        None => "",
    };
    let mut text = format!("{id:>7} {at} policy {policy}{place}: {said}\n");
    let again = stored.repeated_at.map(|last| {
        let times = count(stored.repeats, "time");
        format!("said again {times}, last at {}", time(last))
    });
    for line in below.iter().chain(&again).flat_map(|entry| entry.lines()) {
        text.push_str(&format!("        {line}\n"));
    }
    text
}

fn below(record: &DecisionRecord, decision: &Decision) -> Vec<String> {
    let cohorts = record.view.cohorts.iter().zip(&decision.ceilings);
    let ceilings = cohorts.map(|(cohort, ceiling)| ceiling_text(cohort, *ceiling));
    let reasons = decision
        .reasons
        .iter()
        .map(|reason| format!("because {}", clean(&reason.text)));
    let memo = if decision.memo == record.memo_before {
        "memo as before".to_owned()
    } else {
        let bytes = count(decision.memo.len() as u64, "byte");
        format!("memo changed, now {bytes}")
    };
    let watched = watched(record, decision);
    let rechecks = decision.rechecks.iter().filter_map(|wish| {
        let cohort = record.view.cohorts.get(wish.cohort.0 as usize)?;
        let (name, since) = (clean(&cohort.name), time(wish.since));
        Some(format!("wants cohort {name} verified again since {since}"))
    });
    ceilings
        .chain(reasons)
        .chain(watched)
        .chain(rechecks)
        .chain([memo])
        .collect()
}

/// The counts at which it is to be asked at once.
fn watched(record: &DecisionRecord, decision: &Decision) -> Option<String> {
    let counts: Vec<_> = decision
        .triggers
        .iter()
        .filter_map(|trigger| {
            let cohort = record.view.cohorts.get(trigger.cohort.0 as usize)?;
            let noun = match trigger.measure {
                Measure::Started => "start",
                Measure::Ended => "end",
                Measure::Succeeded => "updated device",
                Measure::Failed => "failure",
                Measure::FirstFailed => "first failure",
            };
            let counted = count(trigger.reaches, noun);
            Some(format!("{counted} in cohort {}", clean(&cohort.name)))
        })
        .collect();
    (!counts.is_empty()).then(|| format!("watches for {}", counts.join(", ")))
}

fn ceiling_text(cohort: &CohortView, ceiling: Ceiling) -> String {
    let name = clean(&cohort.name);
    let size = count(cohort.size, "device");
    if ceiling.started == 0 {
        return format!("cohort {name}: none of {size} may start");
    }
    let started = match ceiling.started {
        all if all >= cohort.size => format!("all of {size} may start"),
        some => format!("{some} of {size} may start"),
    };
    let at_once = match ceiling.in_progress {
        any if any >= cohort.size => String::new(),
        0 => ", none at once".to_owned(),
        some => format!(", {some} at once"),
    };
    format!("cohort {name}: {started}{at_once}")
}
