use toml::{Spanned, de::DeValue};
use windlass_model::{PluginName, RolloutName, SHADOWS_MAX};

use super::rules::rules;
use crate::{
    config::{
        DeliveryChoice, Expression, FilterSection, Located, RolloutSection,
        keys::DELIVERY,
        reader::{Context, Reader, open_table, text_of},
    },
    diagnostic::{Diagnostic, Span, quote},
};

pub(in crate::config) fn rollout(root: &Reader<'_>) -> Option<RolloutSection> {
    let section = root.section("rollout")?;
    let name = section.name("name");
    let deliveries = section
        .value("delivery")
        .and_then(|value| deliveries(section.context, value));
    let filter = filter(&section);
    let policies = policies(&section, "policies");
    let shadows = shadows(&section, &policies);
    let settings = rules(&section, name.as_ref().map(|name| name.value.as_str()));
    Some(RolloutSection {
        name: name?.map(RolloutName::new),
        deliveries: deliveries?,
        filter,
        policies,
        shadows,
        settings,
    })
}

fn deliveries(context: &Context<'_>, value: &Spanned<DeValue<'_>>) -> Option<Vec<DeliveryChoice>> {
    let items = match value.get_ref() {
        DeValue::String(_) => {
            let plugin = text_of(context, value, "delivery")?.map(PluginName::new);
            return Some(vec![DeliveryChoice { when: None, plugin }]);
        }
        DeValue::Array(items) => items,
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Table(_) => {
            context.wrong_type(value, "delivery", "a plugin's name or a list");
            return None;
        }
    };
    let read: Vec<Option<(Span, DeliveryChoice)>> = items
        .iter()
        .map(|item| {
            let section = open_table(context, item, "delivery", &DELIVERY)?;
            let when = section.text("when").map(Expression::new);
            let plugin = section.text("use")?.map(PluginName::new);
            Some((item.span().into(), DeliveryChoice { when, plugin }))
        })
        .collect();
    let choices: Vec<_> = read.into_iter().collect::<Option<_>>()?;
    check_order(context, value.span().into(), &choices);
    Some(choices.into_iter().map(|(_, choice)| choice).collect())
}

/// The last choice, and no other, takes every device that is left.
fn check_order(context: &Context<'_>, list: Span, choices: &[(Span, DeliveryChoice)]) {
    let Some(((last, last_choice), earlier)) = choices.split_last() else {
        context.error(list, "`delivery` is an empty list", "names no plugin");
        return;
    };
    for (span, choice) in earlier {
        if choice.when.is_none() {
            context.report(
                Diagnostic::error("this delivery takes every device")
                    .at(context.source, *span, "has no `when`")
                    .see(context.source, *last, "never reached")
                    .help("only the last one may be without `when`"),
            );
        }
    }
    if last_choice.when.is_some() {
        context.report(
            Diagnostic::error("devices that match no `when` have no delivery")
                .at(context.source, *last, "the last one has a `when`")
                .help("add `{ use = \"…\" }` at the end"),
        );
    }
}

fn filter(section: &Reader<'_>) -> Option<FilterSection> {
    let filter = section.section("filter")?;
    let expression = filter.text("expression").map(Expression::new);
    let plugin = filter.text("plugin")?.map(PluginName::new);
    Some(FilterSection { plugin, expression })
}

/// Policies in shadow: another than those in force, and not too many.
fn shadows(section: &Reader<'_>, in_force: &[Located<PluginName>]) -> Vec<Located<PluginName>> {
    let context = section.context;
    let shadows = policies(section, "shadow");
    for shadow in &shadows {
        if let Some(policy) = in_force.iter().find(|policy| policy.value == shadow.value) {
            let shown = quote(shadow.value.as_str());
            context.report(
                Diagnostic::error(format!(
                    "policy {shown} is in force, and cannot be in shadow"
                ))
                .at(context.source, shadow.span, "in shadow")
                .see(context.source, policy.span, "in force")
                .help("add a plugin of another name with other settings, and name that"),
            );
        }
    }
    if let Some(beyond) = shadows.get(SHADOWS_MAX) {
        let what = format!("a rollout has at most {SHADOWS_MAX} policies in shadow");
        context.error(beyond.span, &what, "one too many");
    }
    shadows
}

fn policies(section: &Reader<'_>, key: &str) -> Vec<Located<PluginName>> {
    let context = section.context;
    let Some(value) = section.value(key) else {
        return Vec::new();
    };
    let Some(items) = value.get_ref().as_array() else {
        context.wrong_type(value, key, "a list of plugins' names");
        return Vec::new();
    };
    let mut policies: Vec<Located<PluginName>> = Vec::new();
    for item in items {
        let Some(name) = text_of(context, item, key) else {
            continue;
        };
        let name = name.map(PluginName::new);
        match policies.iter().find(|other| other.value == name.value) {
            Some(first) => {
                let shown = quote(name.value.as_str());
                context.report(
                    Diagnostic::error(format!("policy {shown} is named twice"))
                        .at(context.source, name.span, "again")
                        .see(context.source, first.span, "the first time"),
                );
            }
            None => policies.push(name),
        }
    }
    policies
}
