use std::time::Duration;

use serde_json::{Value, json};
use windlass_simulate::{End, Harm, Reads, Session, SignalModel};

use crate::render::time;

/// A session as one object; lengths of time are in milliseconds since it began.
pub fn session_json(session: &Session) -> Value {
    let cohorts: Vec<_> = session
        .cohorts
        .iter()
        .map(|cohort| {
            json!({
                "name": cohort.name,
                "size": cohort.size,
                "first_started_ms": optional(cohort.first_started),
                "ended_ms": optional(cohort.ended),
                "succeeded": cohort.succeeded,
                "failed": cohort.failed,
            })
        })
        .collect();
    let samples: Vec<_> = session
        .samples
        .iter()
        .map(|sample| {
            json!({
                "at_ms": millis(sample.at),
                "started": sample.started,
                "succeeded": sample.succeeded,
                "failed": sample.failed,
                "deferred": sample.deferred,
                "in_progress": sample.in_progress,
                "starts_per_minute": sample.starts_per_minute,
            })
        })
        .collect();
    let marks: Vec<_> = session
        .marks
        .iter()
        .map(|mark| {
            json!({
                "at_ms": millis(mark.at),
                "verdict": mark.verdict,
                "reasons": mark.reasons,
                "started": mark.started,
            })
        })
        .collect();
    let radius = session.blast_radius.as_ref().map(|radius| {
        json!({
            "devices": radius.devices,
            "rate": radius.rate,
            "cohort": radius.cohort,
            "at_ms": optional(radius.at),
        })
    });
    let recorded = session.recorded.as_ref().map(|basis| {
        json!({
            "devices": basis.devices,
            "attempts": basis.attempts,
            "waits": basis.waits,
            "online": basis.online,
            "failing": basis.failing,
            "transfer_ms": optional(basis.transfer),
            "unseen": basis.unseen,
            "untried": basis.untried,
            "unmeasured": basis.unmeasured,
        })
    });
    let signals: Vec<_> = session.signals.iter().map(signal).collect();
    json!({
        "rollout": session.rollout,
        "seed": session.seed,
        "configuration": session.configuration,
        "fleet": session.fleet,
        "recorded": recorded,
        "signals": signals,
        "devices": session.devices,
        "began": time(session.began),
        "span_ms": millis(session.span),
        "blast_radius": radius,
        "end": end(&session.end),
        "harm": harm(&session.harm),
        "updated": {
            "half_ms": optional(session.updated.half),
            "most_ms": optional(session.updated.most),
            "all_ms": optional(session.updated.all),
        },
        "peak_starts": session.peak_starts,
        "decisions": session.decisions,
        "cohorts": cohorts,
        "marks": marks,
        "samples": samples,
    })
}

fn harm(harm: &Harm) -> Value {
    let mut told = json!({ "failures": harm.failures, "harmed": harm.harmed });
    if let Some(fell_back) = &harm.fell_back {
        told["fell_back"] = json!({
            "share": fell_back.share,
            "after_ms": millis(fell_back.after),
            "devices": fell_back.devices,
            "found": fell_back.found,
            "first_found_ms": optional(fell_back.first_found),
        });
    }
    told
}

fn signal(signal: &SignalModel) -> Value {
    let steps = signal.steps.iter().map(|step| match step.reads {
        Reads::Missing => json!({ "from_ms": millis(step.from), "value": null }),
        Reads::Value { base, per_harmed } => json!({
            "from_ms": millis(step.from),
            "value": base,
            "per_harmed": per_harmed,
        }),
    });
    let mut told = json!({ "name": signal.name, "steps": steps.collect::<Vec<_>>() });
    if let Some(rollout) = &signal.recorded {
        told["recorded"] = json!(rollout);
    }
    told
}

fn end(end: &End) -> Value {
    match end {
        End::Completed(at) => json!({ "how": "completed", "at_ms": millis(*at) }),
        End::Aborted(at) => json!({ "how": "aborted", "at_ms": millis(*at) }),
        End::RolledBack(at) => json!({ "how": "rolled-back", "at_ms": millis(*at) }),
        End::Blocked(at, reasons) => {
            json!({ "how": "blocked", "at_ms": millis(*at), "reasons": reasons })
        }
        End::Unfinished => json!({ "how": "unfinished" }),
    }
}

fn optional(length: Option<Duration>) -> Option<u64> {
    length.map(millis)
}

fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
