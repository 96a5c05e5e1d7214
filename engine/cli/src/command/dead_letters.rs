//! Devices whose attempts are used up.

use anyhow::Context as _;
use serde_json::json;
use windlass_model::{AttemptOutcome, DeviceId};
use windlass_store::{DeadLetter, Store, StoredAttempt};

use super::{Failure, chore};
use crate::{
    args::{LetterFateArgs, LettersListArgs, LettersShowArgs, Output},
    console,
    control::{Chore, Fate, Which},
    diagnostic::{Diagnostic, clean, nearest, quote},
    exit::Exit,
    owner::{hint, letters_of, rollout_named},
    render::{count, time},
    setup,
};

/// Dead letters compared with a name that is none.
const COMPARED_MAX: usize = 65_536;

pub(super) fn list(args: &LettersListArgs) -> Result<Exit, Failure> {
    let store = open(&setup::state_file(&args.state)?)?;
    let rollout = match &args.rollout {
        Some(name) => Some(rollout_named(&store, name.as_str())?.key),
        None => None,
    };
    let letters = store
        .dead_letters(rollout, None, args.limit.saturating_add(1))
        .context("the dead letters could not be read")?;
    let shown = letters.len().min(args.limit);
    for letter in &letters[..shown] {
        match args.output {
            Output::Human => console::show_line(&row(letter))?,
            Output::Json => console::show_line(&as_json(letter).to_string())?,
        }
    }
    if args.output == Output::Human {
        console::show_line(&match letters.len() > args.limit {
            true => format!("… and more than these {} (--limit)", args.limit),
            false => count(shown as u64, "dead letter"),
        })?;
    }
    Ok(Exit::Success)
}

pub(super) fn show(args: &LettersShowArgs) -> Result<Exit, Failure> {
    let store = open(&setup::state_file(&args.state)?)?;
    let rollout = match &args.rollout {
        Some(name) => Some(rollout_named(&store, name.as_str())?.key),
        None => None,
    };
    let found = letters_of(&store, &args.device, rollout)?;
    if found.is_empty() {
        return Err(unknown(&store, &args.device)?);
    }
    for (letter, attempts) in &found {
        match args.output {
            Output::Human => {
                console::show_line(&row(letter))?;
                for attempt in attempts {
                    console::show_line(&format!("    {}", attempt_text(attempt)))?;
                }
            }
            Output::Json => {
                let mut line = as_json(letter);
                line["attempts"] = attempts.iter().map(attempt_json).collect();
                console::show_line(&line.to_string())?;
            }
        }
    }
    Ok(Exit::Success)
}

pub(super) async fn deal(args: LetterFateArgs, fate: Fate) -> Result<Exit, Failure> {
    let which = if args.which.all {
        Which::All { kind: args.kind }
    } else {
        Which::Devices(args.which.devices)
    };
    let chore = Chore::DeadLetters {
        rollout: args.rollout,
        which,
        fate,
    };
    chore::report(&setup::subject(&args.state)?.file, &args.who, chore).await
}

fn open(file: &std::path::Path) -> Result<Store, Failure> {
    Store::open_read_only(file).map_err(|error| setup::open_diagnostic(&error).into())
}

fn unknown(store: &Store, device: &DeviceId) -> Result<Failure, Failure> {
    let letters = store
        .dead_letters(None, None, COMPARED_MAX)
        .context("the dead letters could not be read")?;
    let known = letters.iter().map(|letter| letter.device.as_str());
    let name = quote(device.as_str());
    let error = Diagnostic::error(format!("the device {name} is no dead letter"));
    Ok(match nearest(device.as_str(), known) {
        Some(near) => error.help(format!("did you mean {}?", quote(near))).into(),
        None if letters.is_empty() => error.note("there is none").into(),
        None => error
            .help(format!(
                "see them with {}",
                hint(store, "dead-letters list")
            ))
            .into(),
    })
}

fn row(letter: &DeadLetter) -> String {
    let at = letter.at.map_or("-".to_owned(), time);
    format!(
        "{:<24} {:<20} {:<14} {at}  {}  {}",
        letter.device.as_str(),
        letter.rollout_name.as_str(),
        letter.kind.as_str(),
        count(u64::from(letter.attempts), "attempt"),
        clean(letter.message.as_deref().unwrap_or_default()),
    )
    .trim_end()
    .to_owned()
}

fn as_json(letter: &DeadLetter) -> serde_json::Value {
    json!({
        "device": letter.device,
        "rollout": letter.rollout_name,
        "kind": letter.kind.as_str(),
        "at": letter.at.map(time),
        "started_attempts": letter.attempts,
        "message": letter.message,
    })
}

fn attempt_text(attempt: &StoredAttempt) -> String {
    let begun = format!("attempt {} at {}", attempt.number, time(attempt.started_at));
    match &attempt.end {
        None => format!("{begun}: its outcome is not known"),
        Some(end) => format!("{begun}: {}", outcome_text(&end.outcome)),
    }
}

fn outcome_text(outcome: &AttemptOutcome) -> String {
    match outcome {
        AttemptOutcome::Delivered => "delivered".to_owned(),
        AttemptOutcome::Offered(offer) => format!("offered ({})", clean(offer)),
        AttemptOutcome::Failed(failure) => {
            format!("{}: {}", failure.kind.as_str(), clean(&failure.message))
        }
        AttemptOutcome::Cancelled => "cancelled".to_owned(),
    }
}

fn attempt_json(attempt: &StoredAttempt) -> serde_json::Value {
    json!({
        "id": attempt.id,
        "number": attempt.number,
        "started_at": time(attempt.started_at),
        "outcome": attempt.end.as_ref().map(|end| outcome_text(&end.outcome)),
    })
}
