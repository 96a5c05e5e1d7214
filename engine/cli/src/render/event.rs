//! One event as a JSON line and as a sentence.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use windlass_model::{
    Cohort, EventKind, FailureKind, LoggedEvent, PluginName, PluginPin, Reason, RolloutKey,
    RolloutName, Sha256, ShadowEnd, SkipReason, Timestamp,
};

use crate::diagnostic::clean;

use super::{
    done::{hold_text, order_text, subject_text},
    numbers::{count, time},
    recheck::findings,
};

/// The names of rollouts, for events that carry their keys.
pub type Names = BTreeMap<RolloutKey, RolloutName>;

/// The event as an object: `seq`, `time`, `rollout`, `type`, then what the type holds.
pub fn event_json(logged: &LoggedEvent, names: &Names) -> String {
    let mut fields = match serde_json::to_value(&logged.event.kind) {
        Ok(Value::Object(fields)) => fields,
        Ok(_) | Err(_) => Map::new(),
    };
    for key in ["retry_at", "until"] {
        if let Some(at) = fields.get(key).and_then(Value::as_u64) {
            fields.insert(key.into(), time(Timestamp(at)).into());
        }
    }
    let name = logged.event.rollout.as_ref().and_then(|key| names.get(key));
    let head = [
        ("seq", Some(Value::from(logged.seq.0))),
        ("time", Some(time(logged.event.at).into())),
        ("rollout", name.map(|name| name.as_str().into())),
        ("type", fields.remove("type")),
    ];
    object(head, fields)
}

/// A line that begins with `head`, where it has values.
pub(super) fn object<const N: usize>(
    head: [(&str, Option<Value>); N],
    rest: Map<String, Value>,
) -> String {
    let mut line = String::from("{");
    let head = head
        .into_iter()
        .filter_map(|(key, value)| Some((key.to_owned(), value?)));
    for (index, (key, value)) in head.chain(rest).enumerate() {
        let separator = if index == 0 { "" } else { "," };
        line.push_str(&format!("{separator}{}:{value}", Value::from(key)));
    }
    line.push('}');
    line
}

/// The event in words, without its time.
pub fn event_text(kind: &EventKind) -> String {
    match kind {
        EventKind::RolloutStarted {
            targets,
            unselected,
        } => {
            format!(
                "rollout started: {}, {unselected} not selected",
                count(*targets, "target")
            )
        }
        EventKind::RolloutContinued { settling: 0 } => "rollout continued".into(),
        EventKind::RolloutContinued { settling } => {
            format!(
                "rollout continued; {} asked what became of the last attempt",
                are(*settling, "device")
            )
        }
        EventKind::CohortStarted { cohort, size } => {
            format!("cohort {cohort} started: {}", count(*size, "device"))
        }
        EventKind::CohortEnded {
            cohort,
            succeeded,
            failed,
        } => {
            format!("cohort {cohort} ended: {succeeded} succeeded, {failed} failed")
        }
        EventKind::AttemptStarted {
            device,
            attempt,
            number,
        } => {
            format!("{device}: attempt {number} started (id {attempt})")
        }
        EventKind::AttemptDelivered { device, .. } => format!("{device}: delivered"),
        EventKind::AttemptOffered { device, offer, .. } => format!("{device}: offered ({offer})"),
        EventKind::AttemptFailed {
            device,
            failure,
            retry_at,
            ..
        } => {
            let next = retry_at.map_or_else(
                || ", no further attempt".into(),
                |at| format!(", next attempt at {}", time(at)),
            );
            format!(
                "{device}: attempt failed ({}): {}{next}",
                failure.kind.as_str(),
                failure.message
            )
        }
        EventKind::AttemptCancelled { device, .. } => format!("{device}: attempt cancelled"),
        EventKind::AttemptResultLate { device, .. } => {
            format!("{device}: late result of an earlier attempt ignored")
        }
        EventKind::DeviceSettling { device, .. } => {
            format!("{device}: the last attempt's outcome is unknown; asking the device")
        }
        EventKind::DeviceDeferred {
            device,
            until,
            needs_connection,
            reason,
        } => {
            let what = if *needs_connection {
                "until it connects".into()
            } else {
                format!("until {}", time(*until))
            };
            let why = reason
                .as_ref()
                .map_or(String::new(), |reason| format!(": {}", reason.text));
            format!("{device}: deferred {what}{why}")
        }
        EventKind::DeviceSucceeded { device } => format!("{device}: succeeded"),
        EventKind::DeviceFailed { device, kind } => format!("{device}: failed ({})", kind.as_str()),
        EventKind::DeviceRegressed { device, version } => format!(
            "{device}: failed ({}): it fell back to {}",
            FailureKind::Regressed.as_str(),
            clean(version)
        ),
        EventKind::RecheckStarted { cohort, devices } => format!(
            "cohort {}: {} that succeeded are verified again",
            clean(cohort),
            count(*devices, "device")
        ),
        EventKind::RecheckEnded {
            cohort,
            confirmed,
            regressed,
            unconfirmed,
        } => format!(
            "cohort {}: verified again: {}",
            clean(cohort),
            findings(*confirmed, *regressed, *unconfirmed)
        ),
        EventKind::DeviceRejected { device } => format!("{device}: rejected the release"),
        EventKind::DeviceSkipped { device, reason } => {
            format!("{device}: skipped, {}", skip_text(*reason))
        }
        EventKind::DeviceCancelled { device } => format!("{device}: cancelled"),
        EventKind::DeviceDeadLettered { device, kind } => {
            format!(
                "{device}: attempts used up ({}); dead-lettered",
                kind.as_str()
            )
        }
        EventKind::DecisionTaken {
            policy,
            verdict,
            reasons,
        } => {
            format!(
                "policy {policy}: {}{}",
                verdict_text(*verdict),
                why(reasons)
            )
        }
        EventKind::DecisionFailed { policy, message } => {
            format!("policy {policy} failed: {message}")
        }
        EventKind::RolloutHolding { reasons } => format!("rollout holding{}", why(reasons)),
        EventKind::RolloutReleased => "rollout goes on".into(),
        EventKind::RolloutPaused { reasons } => format!("rollout paused{}", why(reasons)),
        EventKind::RolloutResumed { actor } => format!("rollout resumed by {actor}"),
        EventKind::RolloutAborting { reasons } => format!("rollout aborting{}", why(reasons)),
        EventKind::OrderGiven {
            actor,
            reason,
            order,
        } => format!("{actor}: {}{}", order_text(order), because(reason)),
        EventKind::PoliciesSwapped {
            actor,
            reason,
            before,
            after,
            cohorts,
            moved,
        } => format!(
            "{actor}: policies swapped from {} to {}; cohorts {}; {} moved{}",
            pins(before),
            pins(after),
            sizes(cohorts),
            count(*moved, "device"),
            because(reason)
        ),
        EventKind::PoliciesConfirmed { policies } => {
            format!("{} kept: the first decisions are sound", names(policies))
        }
        EventKind::PoliciesTakenBack {
            policy,
            message,
            policies,
        } => format!(
            "policies taken back to {}, because {policy} failed: {}",
            names(policies),
            clean(message)
        ),
        EventKind::ShadowAdded {
            actor,
            reason,
            shadow,
            cohorts,
            trouble,
        } => shadow_added(actor, reason, shadow, cohorts, trouble),
        EventKind::ShadowRemoved {
            actor,
            reason,
            shadow,
            because: end,
        } => format!(
            "{}policy {shadow} is in shadow no longer{}{}",
            by(actor),
            shadow_end(*end),
            because(reason)
        ),
        EventKind::ShadowFailed { shadow, message } => format!(
            "policy {shadow}, in shadow, failed: {}; nothing follows from it",
            clean(message)
        ),
        EventKind::DeviceRequeued { device } => format!("{device}: requeued"),
        EventKind::DeviceDismissed { device } => format!("{device}: dismissed"),
        EventKind::DeviceSuperseded {
            device, version, ..
        } => format!("{device}: superseded, another rollout brings it to {version}"),
        EventKind::RolloutGrown { added } => {
            format!("{} joined", count(*added, "further device"))
        }
        EventKind::RolloutReopened => "rollout goes on after its end".into(),
        EventKind::ReleaseCondemned {
            release,
            version,
            reason,
        } => format!("{release} {version} condemned: {reason}"),
        EventKind::ReleaseForgiven {
            release,
            version,
            actor,
            reason,
        } => format!("{release} {version} forgiven by {actor}{}", because(reason)),
        EventKind::RollbackStarted { rollout, targets } => {
            format!("taken back by {rollout}: {}", count(*targets, "device"))
        }
        EventKind::RollbackImpossible { device, reason } => {
            format!("{device}: cannot be taken back: {reason}")
        }
        EventKind::HoldPlaced { hold } => format!("{} (by {})", hold_text(hold), hold.actor),
        EventKind::HoldLifted {
            subject,
            actor,
            reason,
        } => format!(
            "{}: no longer held (by {actor}){}",
            subject_text(subject),
            because(reason)
        ),
        EventKind::SignalChanged {
            signal,
            value: Some(value),
            ..
        } => format!("signal {signal}: ok again, {value}"),
        EventKind::SignalChanged {
            signal,
            status,
            message,
            ..
        } => format!("signal {signal}: {}{}", status.as_str(), because(message)),
        EventKind::RolloutStopping => "stopping: nothing more is started".into(),
        EventKind::RolloutCompleted { outcome, .. } => {
            format!("run over: {}", outcome_text(*outcome))
        }
    }
}

fn shadow_added(
    actor: &str,
    reason: &str,
    shadow: &PluginPin,
    list: &[Cohort],
    trouble: &str,
) -> String {
    let name = &shadow.name;
    if list.is_empty() {
        return format!(
            "{}policy {name} cannot be in shadow yet, because it could not place the targets: {}{}",
            by(actor),
            clean(trouble),
            because(reason)
        );
    }
    format!(
        "{}policy {name} is in shadow; cohorts {}{}",
        by(actor),
        sizes(list),
        because(reason)
    )
}

fn by(actor: &str) -> String {
    match actor {
        "" => String::new(),
        actor => format!("{actor}: "),
    }
}

fn shadow_end(end: ShadowEnd) -> &'static str {
    match end {
        ShadowEnd::Person => "",
        ShadowEnd::Configuration => ", by the configuration",
        ShadowEnd::InForce => ", because it is in force",
    }
}

/// An outcome's word, as in JSON.
pub(super) fn outcome_text(outcome: windlass_model::Outcome) -> &'static str {
    use windlass_model::Outcome;
    match outcome {
        Outcome::Completed => "completed",
        Outcome::Aborted => "aborted",
        Outcome::Held => "held",
        Outcome::Stopped => "stopped",
    }
}

/// A verdict in words.
pub(super) fn verdict_text(verdict: windlass_model::Verdict) -> &'static str {
    use windlass_model::Verdict;
    match verdict {
        Verdict::Continue => "continue",
        Verdict::Hold => "hold",
        Verdict::Pause => "pause",
        Verdict::Abort => "abort",
        Verdict::RollBack => "roll back",
    }
}

/// Why a device was rightly left alone.
pub fn skip_text(reason: SkipReason) -> &'static str {
    match reason {
        SkipReason::AlreadyCurrent => "it runs the release already",
        SkipReason::NoLongerMatches => "it no longer matches the filter",
        SkipReason::WouldDowngrade => "it runs a newer version",
        SkipReason::Offline => "it is offline",
        SkipReason::Policy => "a policy said never",
        SkipReason::Excluded => "it was excluded",
    }
}

/// Policies with so much of their digests that two of one name can be told apart.
fn pins(pins: &[PluginPin]) -> String {
    let short = |digest: &Sha256| digest.to_string().chars().take(8).collect::<String>();
    let words: Vec<_> = pins
        .iter()
        .map(|pin| {
            let (component, settings) = (short(&pin.component), short(&pin.settings));
            format!("{} ({component}, settings {settings})", pin.name)
        })
        .collect();
    listed(words)
}

fn names(policies: &[PluginName]) -> String {
    listed(policies.iter().map(ToString::to_string).collect())
}

fn sizes(cohorts: &[Cohort]) -> String {
    let sizes = cohorts.iter();
    let sizes = sizes.map(|cohort| format!("{} {}", clean(&cohort.name), cohort.size));
    listed(sizes.collect())
}

fn listed(words: Vec<String>) -> String {
    match words.is_empty() {
        true => "none".to_owned(),
        false => words.join(", "),
    }
}

fn why(reasons: &[Reason]) -> String {
    if reasons.is_empty() {
        return String::new();
    }
    let texts: Vec<_> = reasons.iter().map(|reason| reason.text.as_str()).collect();
    format!(": {}", texts.join("; "))
}

fn because(reason: &str) -> String {
    match reason {
        "" => String::new(),
        reason => format!(": {reason}"),
    }
}

fn are(number: u64, noun: &str) -> String {
    format!(
        "{} {}",
        count(number, noun),
        if number == 1 { "is" } else { "are" }
    )
}
