use std::collections::{BTreeMap, BTreeSet};

use windlass_model::PluginName;

use super::{
    ComponentLocation, Config, IMMEDIATE_POLICY, Located, PayloadLocation, PluginSection,
    RolloutSection, reader::Context,
};
use crate::diagnostic::{Diagnostic, Diagnostics, nearest, quote};

impl Config {
    /// Looks whether the files that the configuration names are there, and are files.
    /// Reads none of them.
    ///
    /// # Errors
    ///
    /// One diagnostic for each that is not, where it is named.
    pub fn check_files(&self) -> Result<(), Diagnostics> {
        let devices = self.devices.iter().map(|path| ("devices", path.clone()));
        let releases = std::iter::once(&self.release).chain(&self.rollback.releases);
        let payloads = releases.filter_map(|release| {
            let span = release.payload.span;
            match &release.payload.value {
                PayloadLocation::File(path) => {
                    let value = path.clone();
                    Some(("payload", Located { value, span }))
                }
                PayloadLocation::Url(_) => None,
            }
        });
        let components = self.plugins.values().filter_map(|plugin| {
            let span = plugin.component.span;
            match &plugin.component.value {
                ComponentLocation::Builtin(_) => None,
                ComponentLocation::File(path) => {
                    let value = path.clone();
                    Some(("component", Located { value, span }))
                }
            }
        });
        let problems: Diagnostics = devices
            .chain(payloads)
            .chain(components)
            .filter_map(|(what, path)| {
                let shown = quote(&path.value.display().to_string());
                let message = match path.value.metadata() {
                    Ok(found) if !found.is_dir() => return None,
                    Ok(_) => format!("{what}: {shown} is a directory"),
                    Err(cause) => format!("{what}: cannot read {shown}: {cause}"),
                };
                let note = "paths are relative to the file that names them";
                Some(self.error_at(path.span, message).note(note))
            })
            .collect();
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }
}

/// Every plugin that is referred to is there; one that is not referred to is worth a
/// warning.
pub(super) fn references(
    context: &Context<'_>,
    plugins: &BTreeMap<PluginName, PluginSection>,
    rollout: &RolloutSection,
) {
    let used: Vec<&Located<PluginName>> = rollout
        .deliveries
        .iter()
        .map(|choice| &choice.plugin)
        .chain(rollout.filter.iter().map(|filter| &filter.plugin))
        .chain(&rollout.policies)
        .chain(&rollout.shadows)
        .collect();
    for reference in &used {
        if !plugins.contains_key(&reference.value) {
            context.report(undefined(context, plugins, reference));
        }
    }
    if context.problems.borrow().has_errors() {
        // A misspelt reference is an error; that nothing refers to the right one follows.
        return;
    }
    let by_default = PluginName::new(IMMEDIATE_POLICY);
    let mut used: BTreeSet<&PluginName> = used.iter().map(|reference| &reference.value).collect();
    if rollout.policies.is_empty() {
        used.insert(&by_default);
    }
    for (name, plugin) in plugins {
        if !used.contains(name) {
            let name = quote(name.as_str());
            context.report(
                Diagnostic::warning(format!("plugin {name} is not used"))
                    .at(context.source, plugin.span, "nothing refers to it")
                    .help("remove it, or name it in `[rollout]`"),
            );
        }
    }
}

fn undefined(
    context: &Context<'_>,
    plugins: &BTreeMap<PluginName, PluginSection>,
    reference: &Located<PluginName>,
) -> Diagnostic {
    let name = reference.value.as_str();
    let help = match nearest(name, plugins.keys().map(PluginName::as_str)) {
        Some(meant) => format!("did you mean {}?", quote(meant)),
        None => format!("define it as a table `[plugins.{}]`", bare(name)),
    };
    Diagnostic::error(format!("unknown plugin {}", quote(name)))
        .at(context.source, reference.span, "no such plugin is defined")
        .help(help)
}

/// A name as it is written in a TOML header.
fn bare(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if name.bytes().all(plain) {
        name.to_owned()
    } else {
        format!("\"{}\"", name.escape_debug())
    }
}
