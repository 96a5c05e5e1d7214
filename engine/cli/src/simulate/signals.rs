use std::collections::{BTreeMap, BTreeSet};

use windlass_model::{RolloutName, SignalName};
use windlass_simulate::{SignalModel, SignalStep};

use super::series::Series;
use crate::{
    args::{SignalArg, SignalCourse},
    diagnostic::{Diagnostic, Diagnostics, nearest, quote},
    setup::{Dry, policies_of},
};

/// What the signals read that the policies of a configuration ask for.
///
/// # Errors
/// If nobody said of one what it reads: a rollout would wait for it for ever.
pub(super) fn models(
    dry: &Dry,
    given: &[SignalArg],
    recorded: &BTreeMap<SignalName, Series>,
) -> Result<Vec<SignalModel>, Diagnostics> {
    let asking = policies_of(&dry.policies);
    let mut problems = Diagnostics::new();
    let mut models = Vec::new();
    for source in &dry.signals {
        let said = given.iter().find(|signal| signal.name == source.name);
        match said.and_then(|signal| course(signal, recorded)) {
            Some((steps, rollout)) => models.push(SignalModel {
                name: source.name.clone(),
                every: source.every,
                steps,
                recorded: rollout,
            }),
            None => {
                let policies = asking.get(&source.name).into_iter().flatten();
                let policies: Vec<_> = policies.map(|policy| quote(policy.as_str())).collect();
                problems.push(unsaid(&source.name, &policies.join(", ")));
            }
        }
    }
    if problems.is_empty() {
        Ok(models)
    } else {
        Err(problems)
    }
}

/// What a signal reads, and in which rollout it did.
fn course(
    signal: &SignalArg,
    recorded: &BTreeMap<SignalName, Series>,
) -> Option<(Vec<SignalStep>, Option<RolloutName>)> {
    match &signal.reads {
        SignalCourse::Said(steps) => Some((steps.clone(), None)),
        SignalCourse::Recorded => recorded
            .get(&signal.name)
            .map(|series| (series.steps.clone(), Some(series.rollout.clone()))),
    }
}

fn unsaid(signal: &SignalName, policies: &str) -> Diagnostic {
    let message = format!(
        "nothing says what the signal {} reads, and a simulation measures none; asked for by \
         {policies}",
        quote(signal.as_str())
    );
    Diagnostic::error(message).help(format!(
        "such as `--signal {signal}=0.01`, or `--signal {signal}=0.01,0.2@6h` for 0.2 from six \
         hours on, or `--signal {signal}=missing`"
    ))
}

/// Signals that were given and that no configuration's policies ask for, or given twice.
///
/// # Errors
/// Each of them.
pub(super) fn all_are_asked_for(given: &[SignalArg], dries: &[Dry]) -> Result<(), Diagnostics> {
    let sources = dries.iter().flat_map(|dry| &dry.signals);
    let asked: BTreeSet<&str> = sources.map(|source| source.name.as_str()).collect();
    let mut seen = BTreeSet::new();
    let mut problems = Diagnostics::new();
    for SignalArg { name, .. } in given {
        if !asked.contains(name.as_str()) {
            let message = format!("no policy asks for a signal {}", quote(name.as_str()));
            let problem = Diagnostic::error(message);
            problems.push(match nearest(name.as_str(), asked.iter().copied()) {
                Some(meant) => problem.help(format!("did you mean {}?", quote(meant))),
                None => problem,
            });
        } else if !seen.insert(name) {
            let message = format!("--signal says twice what {} reads", quote(name.as_str()));
            problems.push(
                Diagnostic::error(message)
                    .help("several values go into one, such as `errors=0.01,0.2@6h`"),
            );
        }
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}
