use serde_json::{Value, json};
use windlass_core::Gate;
use windlass_model::{CohortIndex, Reason};

use super::{event::skip_text, numbers::time};

/// What becomes of a device when its cohort is open, in words.
pub fn outlook_text(gate: &Gate, cohort: CohortIndex) -> String {
    match gate {
        Gate::Start { .. } if cohort == CohortIndex(0) => "starts at once".into(),
        Gate::Start { .. } => "starts when its cohort opens".into(),
        Gate::Skip(reason) => format!("is left alone: {}", skip_text(*reason)),
        Gate::Defer {
            until,
            needs_connection,
            reason,
        } => {
            let what = if *needs_connection {
                "waits until it connects".into()
            } else {
                format!("waits until {}", time(*until))
            };
            match reason {
                Some(reason) => format!("{what}: {}", reason.text),
                None => what,
            }
        }
        Gate::Supersede { version, .. } => format!("is left alone: {version} reached it"),
    }
}

/// The same as JSON.
pub fn outlook_json(gate: &Gate) -> Value {
    let text = |reason: &Option<Reason>| reason.as_ref().map(|reason| reason.text.clone());
    match gate {
        Gate::Start { .. } => json!({ "may": "start" }),
        Gate::Skip(reason) => json!({ "may": "skip", "why": skip_text(*reason) }),
        Gate::Defer {
            until,
            needs_connection,
            reason,
        } => json!({
            "may": "wait",
            "until": (!needs_connection).then(|| time(*until)),
            "needs_connection": needs_connection,
            "why": text(reason),
        }),
        Gate::Supersede { version, .. } => json!({ "may": "skip", "superseded_by": version }),
    }
}
