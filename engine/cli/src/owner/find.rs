//! What people name: rollouts, devices, gates, holds. A name that is none is answered with the
//! nearest that is one.

use anyhow::Context as _;
use windlass_model::{
    DecisionAnswer, DeviceId, Release, RolloutKey, RolloutName, RolloutSnapshot, StoredDevice,
    StoredRollout, Value,
};
use windlass_store::{DeadLetter, Store, StoredAttempt};

use super::enter::has_ended;
use crate::{
    command::Failure,
    diagnostic::{Diagnostic, nearest, quote},
};

/// Devices compared with a name that is none: enough for the fleets that people type names
/// of, and no more than a moment's work.
const COMPARED_MAX: usize = 65_536;

/// Names listed in a hint.
const LISTED_MAX: usize = 8;

/// The parameter under which a policy's reason names the gate that it waits at.
const GATE: &str = "gate";

/// The rollout of a name that a person typed.
///
/// # Errors
/// If there is none.
pub fn rollout_named(store: &Store, name: &str) -> Result<StoredRollout, Failure> {
    let found = store
        .rollout(&RolloutName::new(name))
        .context("the rollouts could not be read")?;
    if let Some(rollout) = found {
        return Ok(rollout);
    }
    let rollouts = store.rollouts().context("the rollouts could not be read")?;
    let diagnostic = Diagnostic::error(format!("there is no rollout {}", quote(name)));
    let known: Vec<_> = rollouts
        .iter()
        .map(|rollout| rollout.plan.name.as_str())
        .collect();
    Err(match nearest(name, known.iter().copied()) {
        Some(near) => diagnostic.help(format!("did you mean `{near}`?")).into(),
        None if known.is_empty() => diagnostic.note("the state file has no rollout yet").into(),
        None => diagnostic
            .help(format!("the rollouts are {}", list(&known)))
            .into(),
    })
}

/// The rollout of a name, or the one that is meant without a name: the only one that has not
/// ended, or the only one there is.
///
/// # Errors
/// If there is none, or several.
pub fn rollout_meant(store: &Store, name: Option<&RolloutName>) -> Result<StoredRollout, Failure> {
    if let Some(name) = name {
        return rollout_named(store, name.as_str());
    }
    let all = store.rollouts().context("the rollouts could not be read")?;
    let (ended, mut open): (Vec<_>, Vec<_>) = all.into_iter().partition(has_ended);
    if open.is_empty() {
        open = ended;
    }
    if let [_] = open.as_slice() {
        return open
            .pop()
            .ok_or_else(|| anyhow::anyhow!("a list of one is empty").into());
    }
    let known: Vec<_> = open
        .iter()
        .map(|rollout| rollout.plan.name.as_str())
        .collect();
    let error = match known.is_empty() {
        true => Diagnostic::error("the state file has no rollout yet"),
        false => Diagnostic::error(format!("which rollout? There are {}", list(&known)))
            .help("name one with --rollout NAME"),
    };
    Err(error.into())
}

/// Whether a device is one of a rollout's targets.
///
/// # Errors
/// If it is not, or is no device at all.
pub(super) fn target(store: &Store, rollout: &StoredRollout, id: &DeviceId) -> Result<(), Failure> {
    let rows = store
        .assignments_of(rollout.key, std::slice::from_ref(id))
        .context("the rollout could not be read")?;
    if !rows.is_empty() {
        return Ok(());
    }
    device(store, id)?;
    Err(Diagnostic::error(format!(
        "the device {} is no target of the rollout `{}`",
        quote(id.as_str()),
        rollout.plan.name
    ))
    .into())
}

/// Whether there is such a device.
///
/// # Errors
/// If there is not.
pub(super) fn device(store: &Store, id: &DeviceId) -> Result<(), Failure> {
    device_named(store, id).map(|_| ())
}

/// The device of an id that a person typed.
///
/// # Errors
/// If there is none.
pub fn device_named(store: &Store, id: &DeviceId) -> Result<StoredDevice, Failure> {
    let found = store.device(id).context("the devices could not be read")?;
    if let Some(found) = found {
        return Ok(found);
    }
    let page = store
        .devices(None, COMPARED_MAX, &[])
        .context("the devices could not be read")?;
    let known = page.iter().map(|stored| stored.device.id.as_str());
    let error = Diagnostic::error(format!("there is no device {}", quote(id.as_str())));
    Err(match nearest(id.as_str(), known) {
        Some(near) => error.help(format!("did you mean {}?", quote(near))).into(),
        None => error
            .help(format!("see them with {}", hint(store, "devices list")))
            .into(),
    })
}

/// The gates that the newest decisions wait at, in the order of the policies.
pub fn waiting_gates(snapshot: &RolloutSnapshot) -> Vec<String> {
    let answers = snapshot.decisions.iter().flatten();
    let reasons = answers.flat_map(|record| match &record.answer {
        DecisionAnswer::Decided(decision) => decision.reasons.as_slice(),
        DecisionAnswer::Failed(_) => &[],
    });
    reasons
        .filter_map(|reason| match reason.parameters.get(GATE) {
            Some(Value::Text(gate)) => Some(gate.clone()),
            Some(_) | None => None,
        })
        .collect()
}

/// Whether a release may start (design §7.6).
///
/// # Errors
/// If it is condemned.
pub(super) fn refuse_condemned(store: &Store, release: &Release) -> Result<(), Failure> {
    let condemned = store
        .condemned()
        .context("the releases could not be read")?;
    let Some((_, why)) = condemned.iter().find(|(known, _)| {
        (
            &known.release.name,
            &known.release.version,
            known.release.sha256,
        ) == (&release.name, &release.version, release.sha256)
    }) else {
        return Ok(());
    };
    let Release { name, version, .. } = release;
    Err(Diagnostic::error(format!(
        "the release {name} {version} is condemned since {}",
        crate::render::time(why.at)
    ))
    .note(crate::diagnostic::clean(&why.reason))
    .help(format!(
        "if it is to be tried again, forgive it: {}",
        hint(store, &format!("release forgive {name} {version}"))
    ))
    .into())
}

/// A command to type that finds this state file from everywhere.
pub fn hint(store: &Store, command: &str) -> String {
    let state = store.path().map(|path| {
        let path = path.display().to_string();
        let plain = |c: char| c.is_alphanumeric() || "/._-+@%:,".contains(c);
        match path.chars().all(plain) {
            true => format!(" --state {path}"),
            false => format!(" --state '{}'", path.replace('\'', r"'\''")),
        }
    });
    format!("`windlass {command}{}`", state.unwrap_or_default())
}

/// The dead letters of a device, in one rollout or in all, each with its attempts.
///
/// # Errors
/// If the state file fails.
pub fn letters_of(
    store: &Store,
    device: &DeviceId,
    rollout: Option<RolloutKey>,
) -> Result<Vec<(DeadLetter, Vec<StoredAttempt>)>, Failure> {
    let rollouts = match rollout {
        Some(rollout) => vec![rollout],
        None => {
            let all = store.rollouts().context("the rollouts could not be read")?;
            all.iter().map(|rollout| rollout.key).collect()
        }
    };
    let mut found = Vec::new();
    for rollout in rollouts {
        let letter = store
            .dead_letter(rollout, device)
            .context("the dead letters could not be read")?;
        found.extend(letter);
    }
    Ok(found)
}

/// Some names, quoted, with the others counted.
pub(super) fn list(names: &[&str]) -> String {
    let mut shown: Vec<_> = names
        .iter()
        .take(LISTED_MAX)
        .map(|name| quote(name))
        .collect();
    if names.len() > LISTED_MAX {
        shown.push(format!("{} more", names.len() - LISTED_MAX));
    }
    shown.join(", ")
}
