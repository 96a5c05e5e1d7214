use std::{collections::BTreeMap, sync::Arc};

use windlass_model::{PluginName, SignalName};
use windlass_runtime::{
    PolicyPart,
    signals::{Access, SignalOrigin, SignalSource},
};

use crate::{
    config::{Config, SignalSection},
    diagnostic::{Diagnostic, Diagnostics, nearest, quote},
};

/// The policies that ask for each signal, in configured order.
pub fn policies_of<'a>(
    policies: impl IntoIterator<Item = &'a PolicyPart>,
) -> BTreeMap<SignalName, Vec<PluginName>> {
    let mut asking: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for part in policies {
        for signal in part.policy.signals() {
            let of_signal = asking.entry(signal.clone()).or_default();
            of_signal.push(part.pin.name.clone());
        }
    }
    asking
}

/// The sources of the signals that policies ask for. Looks whether their secrets are there, and
/// asks nobody for a measurement.
///
/// # Errors
/// If a policy asks for a signal that is not configured, or a secret cannot be read.
pub(super) fn asked_for(
    config: &Config,
    policies: &[PolicyPart],
) -> Result<Vec<Arc<SignalSource>>, Diagnostics> {
    let sources = named(config, policies)?;
    let mut problems = Diagnostics::new();
    for source in &sources {
        if let Some(section) = config.signals.get(&source.name) {
            problems.append(secrets(config, &source.name, section));
        }
    }
    if problems.is_empty() {
        Ok(sources)
    } else {
        Err(problems)
    }
}

/// The same where nobody will measure, so that secrets need not be there.
///
/// # Errors
/// If a policy asks for a signal that is not configured.
pub(super) fn named(
    config: &Config,
    policies: &[PolicyPart],
) -> Result<Vec<Arc<SignalSource>>, Diagnostics> {
    let mut problems = Diagnostics::new();
    let mut sources = Vec::new();
    for (signal, asking) in policies_of(policies) {
        match config.signals.get(&signal) {
            Some(section) => sources.push(Arc::clone(&section.source)),
            None => {
                for policy in asking {
                    problems.push(unknown(config, &policy, &signal));
                }
            }
        }
    }
    if problems.is_empty() {
        Ok(sources)
    } else {
        Err(problems)
    }
}

fn unknown(config: &Config, policy: &PluginName, signal: &SignalName) -> Diagnostic {
    let span = config.locate_text(policy, signal.as_str());
    let known = config.signals.keys().map(SignalName::as_str);
    let help = match nearest(signal.as_str(), known) {
        Some(meant) => format!("did you mean {}?", quote(meant)),
        None => format!("add a table `[signals.{signal}]`"),
    };
    let message = format!(
        "no signal is called {}, and the policy `{policy}` asks for it",
        quote(signal.as_str())
    );
    config.error_at(span, message).help(help)
}

fn secrets(config: &Config, signal: &SignalName, section: &SignalSection) -> Diagnostics {
    let access = match &section.source.origin {
        SignalOrigin::Http { access, .. } | SignalOrigin::Prometheus { access, .. } => access,
        SignalOrigin::File { .. } => return Diagnostics::new(),
    };
    let Access { bearer, headers } = access;
    let secrets = bearer
        .iter()
        .chain(headers.iter().map(|(_, secret)| secret));
    secrets
        .filter_map(|secret| secret.read().err())
        .map(|why| {
            let message = format!("a secret of the signal `{signal}` cannot be had: {why}");
            config.error_at(section.span, message)
        })
        .collect()
}
