//! What signals read in the rollouts of a state file.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anyhow::Context as _;
use windlass_model::{RolloutName, SignalName};
use windlass_simulate::{Reads, SignalStep};
use windlass_store::Store;

use crate::{
    command::Failure,
    diagnostic::{Diagnostic, Diagnostics, nearest, quote},
};

/// What a signal read in a rollout that is over or goes on.
pub(super) struct Series {
    pub(super) rollout: RolloutName,
    pub(super) steps: Vec<SignalStep>,
}

/// What each reads from the start of the newest rollout on that measured it.
///
/// # Errors
/// If no rollout measured one of them, or the file cannot be read.
pub(super) fn read<'a>(
    store: &Store,
    file: &Path,
    wanted: impl Iterator<Item = &'a SignalName>,
) -> Result<BTreeMap<SignalName, Series>, Failure> {
    let wanted: BTreeSet<_> = wanted.collect();
    let mut found = BTreeMap::new();
    if wanted.is_empty() {
        return Ok(found);
    }
    let unreadable = "the state file's signals could not be read";
    let mut others = BTreeSet::new();
    for rollout in store.rollouts().context(unreadable)? {
        let Some(started) = rollout.started_at else {
            continue;
        };
        let mut series: BTreeMap<SignalName, Vec<SignalStep>> = BTreeMap::new();
        for sample in store.signals(rollout.key).context(unreadable)? {
            let steps = series.entry(sample.name).or_default();
            steps.push(SignalStep {
                from: sample.at.since(started),
                reads: match sample.reading.value() {
                    Some(base) => Reads::Value {
                        base,
                        per_harmed: 0.0,
                    },
                    None => Reads::Missing,
                },
            });
        }
        for (name, steps) in series {
            others.insert(name.clone());
            if wanted.contains(&name) {
                let rollout = rollout.plan.name.clone();
                found.insert(name, Series { rollout, steps });
            }
        }
    }
    let mut problems = Diagnostics::new();
    for name in wanted {
        if !found.contains_key(name) {
            problems.push(unmeasured(file, name, &others));
        }
    }
    if problems.is_empty() {
        Ok(found)
    } else {
        Err(problems.into())
    }
}

fn unmeasured(file: &Path, name: &SignalName, others: &BTreeSet<SignalName>) -> Diagnostic {
    let error = Diagnostic::error(format!(
        "{} holds no measurement of the signal {}",
        file.display(),
        quote(name.as_str())
    ));
    let names = || others.iter().map(SignalName::as_str);
    match nearest(name.as_str(), names()) {
        Some(meant) => error.help(format!("did you mean {}?", quote(meant))),
        None if others.is_empty() => error
            .note("no policy of its rollouts asked for a signal")
            .help(format!("say what it reads, such as `--signal {name}=0.01`")),
        None => {
            let names: Vec<_> = names().map(quote).collect();
            error.note(format!("it has {}", names.join(", ")))
        }
    }
}
