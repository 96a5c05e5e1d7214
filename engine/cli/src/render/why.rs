//! Why a device is where it is, in words and as a JSON line.

use serde_json::{Value, json};
use windlass_model::DeviceId;

use super::{done::state_word, numbers::time};
use crate::{
    diagnostic::{Span, underlined},
    why::{Answer, Cause, Excerpt, Next},
};

/// A line that says where it stands, and below why and what lets it go on.
pub fn why_text(device: &DeviceId, answer: &Answer) -> String {
    let Answer {
        rollout,
        headline,
        because,
        next,
        notes,
        ..
    } = answer;
    let mut text = format!("{device} in {rollout}: {headline}\n");
    let causes = because
        .iter()
        .map(|cause| format!("because {}", cause_text(cause)));
    let goes_on = next
        .iter()
        .map(|next| format!("goes on {}", next_text(next)));
    let notes = notes.iter().map(|note| format!("note: {note}"));
    for line in causes.chain(goes_on).chain(notes) {
        for line in line.lines() {
            text.push_str(&format!("    {line}\n"));
        }
    }
    text
}

fn cause_text(cause: &Cause) -> String {
    match &cause.excerpt {
        Some(Excerpt {
            heading,
            expression,
            parts,
        }) => format!("{heading}\n{}", underlined(expression, parts)),
        None => cause.text.clone(),
    }
}

fn next_text(next: &Next) -> String {
    let at = next
        .at
        .map_or(String::new(), |at| format!(", at {}", time(at)));
    let command = next
        .command
        .as_ref()
        .map_or(String::new(), |command| format!(": {command}"));
    format!("{}{at}{command}", next.text)
}

fn parts_json(parts: &[(Span, String)]) -> Vec<Value> {
    parts
        .iter()
        .map(|(span, text)| json!({ "start": span.start, "end": span.end, "text": text }))
        .collect()
}

/// The same for programs. Parts of an expression are counted in bytes of UTF-8.
pub fn why_json(device: &DeviceId, answer: &Answer) -> Value {
    let cause = |cause: &Cause| {
        json!({
            "code": cause.code,
            "text": cause.text,
            "policy": cause.policy,
            "parameters": cause.parameters,
            "expression": cause.excerpt.as_ref().map(|excerpt| &excerpt.expression),
            "parts": cause.excerpt.as_ref().map(|excerpt| parts_json(&excerpt.parts)),
        })
    };
    let next = |next: &Next| {
        json!({
            "text": next.text,
            "at": next.at.map(time),
            "command": next.command.as_ref().map(|command| command.trim_matches('`')),
        })
    };
    json!({
        "device": device,
        "rollout": answer.rollout,
        "rollout_state": state_word(answer.rollout_state),
        "state": answer.state.map_or("not-selected", |state| state.as_str()),
        "headline": answer.headline,
        "because": answer.because.iter().map(cause).collect::<Vec<_>>(),
        "next": answer.next.iter().map(next).collect::<Vec<_>>(),
        "notes": answer.notes,
    })
}
