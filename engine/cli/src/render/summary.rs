//! What is said when a run is over.

use serde_json::json;
use windlass_model::{Outcome, RolloutName, RolloutState, StateCounts, StateKind};
use windlass_runtime::RunEnd;

use super::{
    event::outcome_text,
    numbers::{bytes, count, duration},
};

/// Assignments that have not ended and are not deferred, as two words for programs.
fn unfinished(counts: &StateCounts) -> (u64, u64) {
    let sum = |kinds: &[StateKind]| kinds.iter().map(|kind| counts.get(*kind)).sum();
    let pending = sum(&[StateKind::Pending, StateKind::Admitted, StateKind::Waiting]);
    let in_progress = sum(&[
        StateKind::Transferring,
        StateKind::Offered,
        StateKind::Verifying,
        StateKind::Settling,
        StateKind::Cancelling,
    ]);
    (pending, in_progress)
}

/// The last line of `run --output json`. The states add up to the targets; `pending` and
/// `in_progress` are 0 unless the run was stopped or held.
pub fn completed_line(rollout: &RolloutName, end: &RunEnd) -> String {
    let counts = &end.counts;
    let (pending, in_progress) = unfinished(counts);
    let fields = [
        ("type", json!("rollout-completed")),
        ("rollout", json!(rollout)),
        ("outcome", json!(outcome_text(end.outcome))),
        ("targets", json!(counts.total())),
        ("succeeded", json!(counts.get(StateKind::Succeeded))),
        ("failed", json!(counts.get(StateKind::Failed))),
        ("rejected", json!(counts.get(StateKind::Rejected))),
        ("dead_lettered", json!(counts.get(StateKind::DeadLettered))),
        ("skipped", json!(counts.get(StateKind::Skipped))),
        ("deferred", json!(counts.get(StateKind::Deferred))),
        ("cancelled", json!(counts.get(StateKind::Cancelled))),
        ("superseded", json!(counts.get(StateKind::Superseded))),
        ("pending", json!(pending)),
        ("in_progress", json!(in_progress)),
        ("bytes_sent", json!(end.bytes_sent)),
        (
            "duration_ms",
            json!(u64::try_from(end.duration.as_millis()).unwrap_or(u64::MAX)),
        ),
    ];
    let fields: Vec<_> = fields
        .iter()
        .map(|(key, value)| format!("\"{key}\":{value}"))
        .collect();
    format!("{{{}}}", fields.join(","))
}

/// What a person reads at the end: one sentence, the states that occur, and what to do.
pub fn summary(rollout: &RolloutName, end: &RunEnd, resume: &str) -> String {
    let counts = &end.counts;
    let well = counts.get(StateKind::Succeeded) + counts.get(StateKind::Skipped);
    let headline = match end.outcome {
        Outcome::Completed if well == counts.total() => "done",
        Outcome::Completed => "finished, with failures",
        Outcome::Aborted => "aborted",
        Outcome::Held => "held",
        Outcome::Stopped => "stopped",
    };
    let mut text = format!(
        "{rollout}: {headline} after {}, {}, {} sent\n",
        duration(end.duration),
        count(counts.total(), "target"),
        bytes(end.bytes_sent),
    );
    let width = counts
        .0
        .iter()
        .max()
        .map_or(1, |most| most.to_string().len());
    for kind in StateKind::ALL {
        let number = counts.get(kind);
        if number > 0 {
            text.push_str(&format!("  {number:>width$} {}\n", kind.as_str()));
        }
    }
    for reason in &end.waiting_for {
        text.push_str(&format!("  waiting: {reason}\n"));
    }
    if matches!(end.outcome, Outcome::Held | Outcome::Stopped) && counts.ended() < counts.total() {
        let lift = match end.state {
            RolloutState::Paused => " --resume",
            RolloutState::Draft
            | RolloutState::Running
            | RolloutState::Holding
            | RolloutState::Aborting
            | RolloutState::Aborted
            | RolloutState::Completed => "",
        };
        text.push_str(&format!("go on with: {resume}{lift}\n"));
    }
    text
}
