use windlass_model::{GroupField, GroupLimit};

use crate::{
    config::{Located, reader::Reader},
    diagnostic::{Diagnostic, Span, nearest, quote},
};

/// What `by` may be, beside `attributes.NAME`.
const FIELDS: [&str; 2] = ["location", "kind"];

pub(super) fn limits(engine: &Reader<'_>) -> Vec<GroupLimit> {
    let mut limits: Vec<(Span, GroupLimit)> = Vec::new();
    for (span, section) in engine.sections("limits") {
        let transfers = section.small_count("transfers");
        let unavailable = section.small_count("unavailable");
        let bandwidth = section.size("bandwidth");
        let named = ["transfers", "unavailable", "bandwidth"];
        let context = section.context;
        if named.iter().all(|name| section.value(name).is_none()) {
            context.report(
                Diagnostic::error("this limit bounds nothing")
                    .at(context.source, span, "has no bound")
                    .help("add `transfers`, `unavailable` or `bandwidth`"),
            );
        }
        let Some(by) = by(&section) else { continue };
        if let Some((first, _)) = limits.iter().find(|(_, other)| other.by == by.value) {
            context.report(
                Diagnostic::error(format!("{} has two limits", quote(&field_text(&by.value))))
                    .at(context.source, by.span, "again")
                    .see(context.source, *first, "the first one")
                    .help("write their bounds into one table"),
            );
            continue;
        }
        let limit = GroupLimit {
            by: by.value,
            transfers,
            unavailable,
            bandwidth,
        };
        limits.push((by.span, limit));
    }
    limits.into_iter().map(|(_, limit)| limit).collect()
}

fn by(section: &Reader<'_>) -> Option<Located<GroupField>> {
    let text = section.text("by")?;
    if let Ok(value) = parse_field(&text.value) {
        return Some(Located {
            value,
            span: text.span,
        });
    }
    let problem = Diagnostic::error(format!(
        "`by` must be `location`, `kind` or `attributes.NAME`, not {}",
        quote(&text.value)
    ))
    .at(section.context.source, text.span, "makes no groups");
    section
        .context
        .report(match nearest(&text.value, FIELDS.iter().copied()) {
            Some(meant) => problem.help(format!("did you mean `{meant}`?")),
            None => problem.help("devices of one value of a field make a group"),
        });
    None
}

/// Reads `location`, `kind` or `attributes.NAME`, as configurations and commands write them.
///
/// # Errors
/// A sentence about anything else.
pub fn parse_field(text: &str) -> Result<GroupField, String> {
    match text {
        "location" => Ok(GroupField::Location),
        "kind" => Ok(GroupField::Kind),
        _ => match text.strip_prefix("attributes.") {
            Some(name) if !name.is_empty() => Ok(GroupField::Attribute(name.to_owned())),
            Some(_) | None => Err("expected `location`, `kind` or `attributes.NAME`".to_owned()),
        },
    }
}

/// Writes a field so that [`parse_field`] reads it back.
pub fn field_text(field: &GroupField) -> String {
    match field {
        GroupField::Location => "location".to_owned(),
        GroupField::Kind => "kind".to_owned(),
        GroupField::Attribute(name) => format!("attributes.{name}"),
    }
}
