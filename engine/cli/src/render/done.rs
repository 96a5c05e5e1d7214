//! What a command did, in one line or two.

use serde_json::{Value, json};
use windlass_model::{Hold, HoldKind, HoldSubject, InFlight, RolloutState, Steering};

use super::{
    numbers::{count, time},
    shadow::shadowed_text,
    swapped::swapped_text,
};
use crate::{
    config::field_text,
    control::{Done, Fate},
};

/// A sentence about what was done, and one about what follows if that is not plain.
pub fn done_text(done: &Done) -> String {
    match done {
        Done::Steered {
            rollout,
            order,
            driven,
            state: _,
        } => format!("{rollout}: {}{}", order_text(order), next(*driven)),
        Done::PoliciesSwapped(swapped) => swapped_text(swapped),
        Done::Shadowed(shadowed) => shadowed_text(shadowed),
        Done::DeadLetters { devices: 0, .. } => "there is no such dead letter".to_owned(),
        Done::DeadLetters {
            fate,
            devices,
            rollouts,
            driven,
        } => {
            let of: Vec<_> = rollouts.iter().map(ToString::to_string).collect();
            let letters = count(*devices, "dead letter");
            let of = of.join(", ");
            match fate {
                Fate::Requeue => format!("{letters} of {of} requeued{}", next(*driven)),
                Fate::Dismiss => format!("{letters} of {of} dismissed"),
            }
        }
        Done::HoldPlaced(hold) => hold_text(hold),
        Done::HoldLifted(subject) => format!("{}: no longer held", subject_text(subject)),
        Done::Forgiven { release, version } => {
            format!("{release} {version}: forgiven; rollouts may start it again")
        }
        Done::Imported(report) => format!(
            "{} added, {} changed, {} as before",
            report.added, report.changed, report.unchanged
        ),
        Done::Decommissioned(device) => {
            format!("{device}: decommissioned; no rollout touches it any more")
        }
        Done::Recommissioned(device) => format!("{device}: of the fleet again"),
    }
}

/// The same for programs.
pub fn done_json(done: &Done) -> Value {
    match done {
        Done::Steered {
            rollout,
            order,
            state,
            driven,
        } => json!({
            "rollout": rollout,
            "order": order,
            "state": state_word(*state),
            "driven": driven,
        }),
        Done::PoliciesSwapped(swapped) => json!(swapped),
        Done::Shadowed(shadowed) => json!(shadowed),
        Done::DeadLetters {
            fate,
            devices,
            rollouts,
            driven,
        } => json!({
            "fate": fate,
            "devices": devices,
            "rollouts": rollouts,
            "driven": driven,
        }),
        Done::HoldPlaced(hold) => hold_json(hold),
        Done::HoldLifted(subject) => json!({ "lifted": subject_name(subject) }),
        Done::Forgiven { release, version } => json!({ "release": release, "version": version }),
        Done::Imported(report) => json!(report),
        Done::Decommissioned(device) | Done::Recommissioned(device) => json!({ "device": device }),
    }
}

fn next(driven: bool) -> &'static str {
    if driven {
        ""
    } else {
        "\nnobody runs it now: `windlass run` goes on from here"
    }
}

/// An order as something that was done.
pub fn order_text(order: &Steering) -> String {
    let flight = |in_flight: &InFlight| match in_flight {
        InFlight::Finish => "transfers under way finish",
        InFlight::Cancel => "transfers under way are cut",
    };
    match order {
        Steering::Pause => "paused; nothing starts until it is resumed".to_owned(),
        Steering::Resume => "resumed".to_owned(),
        Steering::Abort { in_flight } => format!("aborted; {}", flight(in_flight)),
        Steering::RollBack { in_flight } => {
            format!("to be taken back; {}", flight(in_flight))
        }
        Steering::Approve { gate, expires } => match expires {
            Some(at) => format!("gate `{gate}` approved until {}", time(*at)),
            None => format!("gate `{gate}` approved"),
        },
        Steering::Advance { full: false } => "goes on past the gate it stood at".to_owned(),
        Steering::Advance { full: true } => "goes on past every gate".to_owned(),
        Steering::Exclude { device } => format!("{device} is left out"),
        Steering::Retry { device } => format!("{device} is tried again"),
        Steering::Requeue { devices } => {
            format!("{} requeued", count(devices.len() as u64, "dead letter"))
        }
        Steering::Dismiss { devices } => {
            format!("{} dismissed", count(devices.len() as u64, "dead letter"))
        }
    }
}

/// A hold or pin in a line.
pub fn hold_text(hold: &Hold) -> String {
    let what = match &hold.kind {
        HoldKind::Hold => "held".to_owned(),
        HoldKind::Pin(version) => format!("pinned to {version}"),
    };
    let until = hold
        .until
        .map_or(String::new(), |until| format!(" until {}", time(until)));
    let why = match hold.reason.as_str() {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    format!("{}: {what}{until}{why}", subject_text(&hold.subject))
}

/// A hold or pin for programs.
pub fn hold_json(hold: &Hold) -> Value {
    let version = match &hold.kind {
        HoldKind::Hold => None,
        HoldKind::Pin(version) => Some(version),
    };
    json!({
        "subject": subject_name(&hold.subject),
        "pinned": version,
        "until": hold.until.map(time),
        "actor": hold.actor,
        "reason": hold.reason,
        "at": time(hold.at),
    })
}

/// The devices that a hold speaks of, in words.
pub fn subject_text(subject: &HoldSubject) -> String {
    match subject {
        HoldSubject::Device(id) => id.to_string(),
        HoldSubject::Group { .. } => format!("devices with {}", subject_name(subject)),
    }
}

/// The same as it is typed.
pub fn subject_name(subject: &HoldSubject) -> String {
    match subject {
        HoldSubject::Device(id) => id.to_string(),
        HoldSubject::Group { field, value } => format!("{}={value}", field_text(field)),
    }
}

/// A rollout's state as it is written everywhere.
pub fn state_word(state: RolloutState) -> &'static str {
    match state {
        RolloutState::Draft => "draft",
        RolloutState::Running => "running",
        RolloutState::Holding => "holding",
        RolloutState::Paused => "paused",
        RolloutState::Aborting => "aborting",
        RolloutState::Aborted => "aborted",
        RolloutState::Completed => "completed",
    }
}
