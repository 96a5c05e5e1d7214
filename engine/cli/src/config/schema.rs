use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{defaults::MAX_NAME_BYTES, keys};
use crate::units::{DURATION_PATTERN, SIZE_PATTERN, format_duration};

/// A table of the configuration: what may be in it.
pub(super) struct Section {
    pub(super) about: &'static str,
    pub(super) keys: &'static [Key],
}

/// A key of a table.
pub(super) struct Key {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) kind: Kind,
    pub(super) need: Need,
}

/// Whether a key must be there, and what holds if it is not.
pub(super) enum Need {
    Required,
    Optional,
    Default(Preset),
}

pub(super) enum Preset {
    Text(&'static str),
    Count(u64),
    Whole(i32),
    Flag(bool),
    Length(Duration),
}

/// What a key's value may be.
pub(super) enum Kind {
    /// Any text but an empty one.
    Text,
    /// A text that goes into headers and logs.
    Name,
    Digest,
    Length,
    /// A number of bytes.
    Size,
    Count {
        least: u64,
    },
    /// A whole number of 32 bits, which may be negative.
    Whole,
    Flag,
    Choice(&'static [&'static str]),
    Section(&'static Section),
    /// A table of named tables.
    Named(&'static Section),
    List(&'static Kind),
    Either(&'static [Kind]),
    /// Any table: its plugin knows what may be in it.
    Settings,
}

impl Section {
    pub(super) fn key(&self, name: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.name == name)
    }
}

/// The configuration's shape as a JSON Schema (draft 2020-12), for editors.
pub fn json_schema() -> Value {
    let mut schema = section_schema(&keys::ROOT);
    schema.insert(
        "$schema".to_owned(),
        json!("https://json-schema.org/draft/2020-12/schema"),
    );
    schema.insert("title".to_owned(), json!("Windlass configuration"));
    Value::Object(schema)
}

fn section_schema(section: &Section) -> Map<String, Value> {
    let properties: Map<String, Value> = section
        .keys
        .iter()
        .map(|key| (key.name.to_owned(), Value::Object(key_schema(key))))
        .collect();
    let required: Vec<&str> = section
        .keys
        .iter()
        .filter(|key| matches!(key.need, Need::Required))
        .map(|key| key.name)
        .collect();
    let mut schema = object(json!({
        "description": section.about,
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    }));
    if !required.is_empty() {
        schema.insert("required".to_owned(), json!(required));
    }
    schema
}

fn key_schema(key: &Key) -> Map<String, Value> {
    let mut schema = kind_schema(&key.kind);
    schema.insert("description".to_owned(), json!(key.about));
    if let Need::Default(preset) = &key.need {
        let value = match preset {
            Preset::Text(text) => json!(text),
            Preset::Count(count) => json!(count),
            Preset::Whole(number) => json!(number),
            Preset::Flag(flag) => json!(flag),
            Preset::Length(length) => json!(format_duration(*length)),
        };
        schema.insert("default".to_owned(), value);
    }
    schema
}

fn kind_schema(kind: &Kind) -> Map<String, Value> {
    object(match kind {
        Kind::Text => json!({ "type": "string", "minLength": 1 }),
        Kind::Name => json!({ "type": "string", "minLength": 1, "maxLength": MAX_NAME_BYTES }),
        Kind::Digest => json!({ "type": "string", "pattern": "^[0-9A-Fa-f]{64}$" }),
        Kind::Length => json!({ "type": "string", "pattern": DURATION_PATTERN }),
        Kind::Size => json!({ "type": "string", "pattern": SIZE_PATTERN }),
        Kind::Whole => json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX }),
        Kind::Count { least } => json!({ "type": "integer", "minimum": least }),
        Kind::Flag => json!({ "type": "boolean" }),
        Kind::Choice(words) => json!({ "enum": words }),
        Kind::Section(section) => return section_schema(section),
        Kind::Named(section) => json!({
            "type": "object",
            "additionalProperties": section_schema(section),
        }),
        Kind::List(item) => json!({ "type": "array", "items": kind_schema(item) }),
        Kind::Either(kinds) => {
            let kinds: Vec<_> = kinds.iter().map(kind_schema).collect();
            json!({ "anyOf": kinds })
        }
        Kind::Settings => json!({ "type": "object" }),
    })
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}
