//! Devices that were looked at and put off, or would be: for which reason, and what it asks for.

use anyhow::Context as _;
use windlass_core::{
    Gate,
    admission::{Circumstances, code, gate},
};
use windlass_model::{
    Admission, Connectivity, Hold, HoldKind, HoldSubject, Reason, Rival, RolloutKey, Timestamp,
    Value,
};

use super::{Cause, Facts, Findings, Next, decisions::instant};
use crate::{
    diagnostic::clean,
    render::{skip_text, subject_name, subject_text, time},
};

/// Why a device was put off until `until`.
pub(super) fn put_off(
    facts: &Facts<'_>,
    findings: &mut Findings,
    until: Timestamp,
    needs_connection: bool,
) -> anyhow::Result<()> {
    if let Some(reason) = facts.row.blocker.as_deref() {
        tell(facts, findings, reason, until);
    }
    if needs_connection {
        let status = match facts.scene.device.device.status {
            Connectivity::Offline => "it is known to be offline",
            // What is known now may be younger than what is asked about.
            Connectivity::Online if facts.scene.over => "it was not known to be connected",
            Connectivity::Online => "it was not known to be connected when it was looked at",
            Connectivity::Unknown => "it is not known to be connected",
        };
        findings.cause(Cause::host("not-connected", status));
        findings.next(Next::at("when it is connected; it is asked again", until));
    } else if facts.row.blocker.is_none() {
        findings.next(Next::at("when it is looked at again", until));
    }
    Ok(())
}

/// What would put a device off that nobody looked at yet.
pub(super) fn would_put_off(facts: &Facts<'_>, findings: &mut Findings) -> anyhow::Result<()> {
    if facts.scene.over {
        if let Some(hold) = keeping(facts) {
            held(facts, findings, &hold);
        }
        return Ok(());
    }
    let device = &facts.scene.device;
    let rivals = facts
        .scene
        .store
        .rivals(facts.rollout.key, &[device.key])
        .context("the other rollouts could not be read")?;
    let driven = driven(facts, &rivals)?;
    let verdict = gate(&Circumstances {
        device: &device.device,
        release: &facts.release,
        settings: &facts.rollout.plan.settings,
        matches: true,
        admission: Admission::default(),
        holds: &facts.scene.holds,
        rivals: &rivals,
        driven: &driven,
        rollout: facts.rollout.key,
        now: facts.scene.at,
    });
    match verdict {
        Gate::Defer {
            until,
            reason: Some(reason),
            ..
        } => tell(facts, findings, &reason, until),
        Gate::Defer { .. } => {
            findings.cause(Cause::host(
                "not-connected",
                "it must be connected when its turn comes, and is known to be offline",
            ));
            findings.next(Next::when("when it is connected"));
        }
        Gate::Skip(reason) => findings.cause(Cause::host(
            "would-skip",
            format!(
                "it will be skipped when its turn comes: {}",
                skip_text(reason)
            ),
        )),
        Gate::Supersede { by, version } => findings.cause(Cause::host(
            "superseded",
            format!(
                "it will be left out when its turn comes: {} brought it to {}",
                facts.scene.name_of(by),
                clean(&version)
            ),
        )),
        Gate::Start { .. } => {}
    }
    Ok(())
}

/// Those that a process runs.
fn driven(facts: &Facts<'_>, rivals: &[Rival]) -> anyhow::Result<Vec<RolloutKey>> {
    let mut driven = Vec::new();
    for rollout in &facts.scene.rollouts {
        let is_rival = rivals.iter().any(|rival| rival.rollout == rollout.key);
        if facts.scene.owned && is_rival && facts.scene.drives(&facts.scene.course(rollout)?) {
            driven.push(rollout.key);
        }
    }
    Ok(driven)
}

/// A reason of the host, or what a policy said of the device.
fn tell(facts: &Facts<'_>, findings: &mut Findings, reason: &Reason, until: Timestamp) {
    match reason.code.as_str() {
        code::HOLD | code::PINNED => match keeping(facts) {
            Some(hold) => held(facts, findings, &hold),
            None => {
                findings.cause(cause(reason));
                findings
                    .notes
                    .push("that hold is no longer in force: it is looked at again soon".to_owned());
                findings.next(Next::at("when it is looked at again", until));
            }
        },
        code::OTHER_ROLLOUT => other_rollout(facts, findings, reason),
        code::GROUP_CAP => {
            findings.cause(cause(reason));
            findings.next(Next::at(
                "when its group has room; it is tried again",
                until,
            ));
        }
        code::PLUGIN_FAILED => {
            findings.cause(cause(reason));
            findings.next(Next::at("when the plugin works; it is tried again", until));
        }
        code::UNSETTLED => {
            findings.cause(cause(reason));
            findings.next(Next::at(
                "when it says what it runs; it is asked again",
                until,
            ));
        }
        _ => {
            findings.cause(cause(reason));
            let at = instant(reason).unwrap_or(until);
            findings.next(Next::at("when the policies let it", at));
        }
    }
}

fn cause(reason: &Reason) -> Cause {
    Cause {
        code: reason.code.clone(),
        text: clean(&reason.text),
        parameters: reason.parameters.clone(),
        ..Cause::default()
    }
}

/// The hold in force that keeps the device back, and lasts longest.
fn keeping(facts: &Facts<'_>) -> Option<Hold> {
    let device = &facts.scene.device.device;
    facts
        .scene
        .holds
        .iter()
        .filter(|hold| hold.keeps(device, &facts.release.version, facts.scene.at))
        .max_by_key(|hold| (hold.until.is_none(), hold.until))
        .cloned()
}

fn held(facts: &Facts<'_>, findings: &mut Findings, hold: &Hold) {
    let (code, what) = match &hold.kind {
        HoldKind::Hold => (code::HOLD, "held".to_owned()),
        HoldKind::Pin(version) => (code::PINNED, format!("pinned to {}", clean(version))),
    };
    let whom = match &hold.subject {
        HoldSubject::Device(_) => "it is".to_owned(),
        HoldSubject::Group { .. } => format!("{} are", clean(&subject_text(&hold.subject))),
    };
    let until = hold
        .until
        .map_or(String::new(), |until| format!(" until {}", time(until)));
    let why = match hold.reason.as_str() {
        "" => String::new(),
        reason => format!(": {}", clean(reason)),
    };
    let (actor, at) = (clean(&hold.actor), time(hold.at));
    findings.cause(Cause::host(
        code,
        format!("{whom} {what} by {actor} since {at}{until}{why}"),
    ));
    let subject = match &hold.subject {
        HoldSubject::Device(id) => id.to_string(),
        HoldSubject::Group { .. } => format!("--where {}", subject_name(&hold.subject)),
    };
    let command = facts.plain_command(&format!("devices release {subject}"));
    let mut next = Next::by("when a person releases it", command);
    if let Some(until) = hold.until {
        next = Next {
            text: "when the hold ends, or a person releases it".to_owned(),
            at: Some(until),
            ..next
        };
    }
    findings.next(next);
}

fn other_rollout(facts: &Facts<'_>, findings: &mut Findings, reason: &Reason) {
    let key = match reason.parameters.get("rollout") {
        Some(Value::Integer(key)) => Some(RolloutKey(*key)),
        _ => None,
    };
    let name = key.and_then(|key| facts.scene.names.get(&key));
    let Some(name) = name else {
        findings.cause(cause(reason));
        findings.next(Next::when("when that has ended with it"));
        return;
    };
    findings.cause(Cause {
        text: format!("{}: {name}", clean(&reason.text)),
        ..cause(reason)
    });
    findings.next(Next::when(format!("when {name} is done with it")));
    match reason.parameters.get("standing") {
        Some(Value::Text(standing)) if standing == "paused" => findings.next(Next::by(
            format!("when a person resumes {name}"),
            facts.plain_command(&format!("resume --rollout {name}")),
        )),
        Some(_) => findings.next(Next::by(format!("when {name} is run"), facts.run(name))),
        None => {}
    }
}
