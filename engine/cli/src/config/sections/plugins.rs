use std::collections::BTreeMap;

use serde_json::json;
use windlass_model::PluginName;

use crate::{
    config::{
        ComponentLocation, Config, IMMEDIATE_COMPONENT, IMMEDIATE_POLICY, Located, PluginSection,
        Settings, reader::Reader,
    },
    diagnostic::{Diagnostic, nearest, quote},
};

pub(in crate::config) fn plugins(
    root: &Reader<'_>,
    builtins: &[&str],
) -> BTreeMap<PluginName, PluginSection> {
    let mut plugins = BTreeMap::new();
    for (name, span, section) in root.named("plugins") {
        let settings = match section.value("settings") {
            Some(value) => Settings::read(root.context, value),
            None => Some(Settings::empty(span)),
        };
        let component = component(&section, builtins);
        // A plugin with an error counts as defined, so that no reference to it is
        // reported on top; the configuration as a whole is refused anyway.
        let plugin = PluginSection {
            component: component.unwrap_or(Located {
                value: ComponentLocation::Builtin(String::new()),
                span,
            }),
            settings: settings.unwrap_or_else(|| Settings::empty(span)),
            span,
        };
        plugins.insert(PluginName::new(name.value), plugin);
    }
    plugins
}

fn component(section: &Reader<'_>, builtins: &[&str]) -> Option<Located<ComponentLocation>> {
    let text = section.text("component")?;
    let context = section.context;
    let Some(name) = text.value.strip_prefix("builtin:") else {
        return Some(text.map(|path| ComponentLocation::File(context.resolve(&path))));
    };
    if builtins.contains(&name) {
        let name = name.to_owned();
        return Some(text.map(|_| ComponentLocation::Builtin(name)));
    }
    let help = match nearest(name, builtins.iter().copied()) {
        Some(meant) => format!("did you mean `builtin:{meant}`?"),
        None => format!("the built-in plugins are {}", builtins.join(", ")),
    };
    context.report(
        Diagnostic::error(format!("no built-in plugin is called {}", quote(name)))
            .at(context.source, text.span, "")
            .help(help),
    );
    None
}

/// A rollout without a policy gets one.
pub(in crate::config) fn add_immediate_policy(config: &mut Config) {
    if !config.rollout.policies.is_empty() {
        return;
    }
    let span = config.rollout.name.span;
    let name = PluginName::new(IMMEDIATE_POLICY);
    config.rollout.policies.push(Located {
        value: name.clone(),
        span,
    });
    config.plugins.entry(name).or_insert_with(|| {
        let settings = json!({ "cohorts": [{ "name": "all", "percent": 100 }] });
        PluginSection {
            component: Located {
                value: ComponentLocation::Builtin(IMMEDIATE_COMPONENT.to_owned()),
                span,
            },
            settings: Settings::of(settings, span),
            span,
        }
    });
}
