//! Policies in shadow for programs.

use serde_json::{Value, json};
use windlass_model::{Difference, First, Stance, StoredRollout, Stretch};
use windlass_store::StoredShadow;

use super::numbers::time;

/// How one policy in shadow compares.
pub fn shadow_json(rollout: &StoredRollout, shadow: &StoredShadow) -> Value {
    let sum = &shadow.comparison;
    json!({
        "rollout": rollout.plan.name,
        "shadow": shadow.pin.name,
        "component": shadow.pin.component,
        "settings": shadow.pin.settings,
        "origin": shadow.origin,
        "since": time(shadow.added_at),
        "until": shadow.ended.map(|(at, _)| time(at)),
        "ended_because": shadow.ended.map(|(_, because)| because),
        "cohorts": shadow.cohorts,
        "trouble": shadow.trouble,
        "moments": sum.moments,
        "agreed": sum.agreed,
        "verdict_differed": sum.verdict_differed,
        "starts_differed": sum.starts_differed,
        "in_progress_differed": sum.in_progress_differed,
        "compared_from": sum.since.map(time),
        "compared_to": sum.until.map(time),
        "started": sum.started,
        "largest_starts": sum.largest_starts.as_ref().map(difference),
        "largest_in_progress": sum.largest_in_progress.as_ref().map(difference),
        "firsts": sum.shadow_firsts.iter().map(first).collect::<Value>(),
        "firsts_in_force": sum.in_force_firsts.iter().map(first).collect::<Value>(),
        "stretches": sum.stretches.iter().map(stretch).collect::<Value>(),
        "further_stretches": sum.further_stretches,
        "failed": sum.failed,
        "last_failure": sum.last_failure.as_ref().map(|failure| json!({
            "time": time(failure.at),
            "message": failure.message,
        })),
    })
}

fn stance(stance: &Stance) -> Value {
    json!({
        "verdict": stance.verdict,
        "starts": stance.starts,
        "in_progress": stance.in_progress,
        "reasons": stance.reasons,
    })
}

fn difference(difference: &Difference) -> Value {
    json!({
        "time": time(difference.at),
        "in_force": stance(&difference.in_force),
        "shadow": stance(&difference.shadow),
    })
}

fn first(first: &First) -> Value {
    json!({
        "verdict": first.verdict,
        "time": time(first.at),
        "started": first.started,
        "reasons": first.reasons,
    })
}

fn stretch(stretch: &Stretch) -> Value {
    json!({
        "from": time(stretch.from),
        "until": stretch.until.map(time),
        "in_force": stretch.in_force,
        "shadow": stretch.shadow,
    })
}
