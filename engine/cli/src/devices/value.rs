use serde_json::value::RawValue;
use windlass_model::{JsonText, Timestamp, Value};

use crate::diagnostic::nearest;

/// A value of a record before it is known what it must be.
#[derive(Clone, Copy)]
pub(super) enum Content<'a> {
    /// JSON, checked for syntax.
    Json(&'a RawValue),
    /// A cell of CSV, trimmed.
    Cell(&'a str),
}

/// Why a value does not fit: what is wrong and what to write.
pub(super) struct Misfit {
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// It must not be shown.
    pub(super) is_secret: bool,
}

impl Misfit {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            is_secret: false,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(super) fn secret(mut self) -> Self {
        self.is_secret = true;
        self
    }

    fn expected(what: &str, found: &str) -> Self {
        Self::new(format!("expected {what}, found {found}"))
    }
}

impl Content<'_> {
    /// `null` in JSON, an empty cell in CSV.
    pub(super) fn is_absent(self) -> bool {
        match self {
            Self::Json(raw) => raw.get() == "null",
            Self::Cell(cell) => cell.is_empty(),
        }
    }

    pub(super) fn text(self) -> Result<String, Misfit> {
        match self {
            Self::Cell(cell) => Ok(cell.to_owned()),
            Self::Json(raw) if raw.get().starts_with('"') => serde_json::from_str(raw.get())
                .map_err(|cause| Misfit::new(format!("not a string: {}", without_place(&cause)))),
            Self::Json(raw) => {
                let misfit = Misfit::expected("a string", type_of(raw));
                Err(if is_scalar(raw) {
                    misfit.help(format!("write \"{}\"", raw.get()))
                } else {
                    misfit
                })
            }
        }
    }

    /// Sorted, without repetition.
    pub(super) fn tags(self) -> Result<Vec<String>, Misfit> {
        let mut tags: Vec<String> = match self {
            Self::Cell(cell) => cell
                .split([',', ';'])
                .map(|tag| tag.trim().to_owned())
                .filter(|tag| !tag.is_empty())
                .collect(),
            Self::Json(raw) => serde_json::from_str(raw.get())
                .map_err(|_| Misfit::expected("a list of strings", type_of(raw)))?,
        };
        tags.sort_unstable();
        tags.dedup();
        Ok(tags)
    }

    /// Nothing for JSON's `null`.
    pub(super) fn attribute(self) -> Result<Option<Value>, Misfit> {
        let raw = match self {
            Self::Cell(cell) => return Ok(Some(Value::Text(cell.to_owned()))),
            Self::Json(raw) => raw,
        };
        let value: serde_json::Value =
            serde_json::from_str(raw.get()).map_err(|cause| Misfit::new(without_place(&cause)))?;
        Ok(attribute(value))
    }
}

fn attribute(value: serde_json::Value) -> Option<Value> {
    match value {
        serde_json::Value::Null => None,
        serde_json::Value::Bool(flag) => Some(Value::Boolean(flag)),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(integer) => Some(Value::Integer(integer)),
            None => number.as_f64().map(Value::Real),
        },
        serde_json::Value::String(text) => Some(Value::Text(text)),
        nested @ (serde_json::Value::Array(_) | serde_json::Value::Object(_)) => {
            Some(Value::Json(JsonText {
                json: nested.to_string(),
            }))
        }
    }
}

/// One of a few words.
pub(super) fn word<T: Copy>(text: &str, words: &[(&'static str, T)]) -> Result<T, Misfit> {
    if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*value);
    }
    let names = words.iter().map(|(word, _)| *word);
    let known: Vec<_> = names.clone().map(|word| format!("`{word}`")).collect();
    let misfit = Misfit::new(format!("expected {}", known.join(", ")));
    Err(match nearest(text, names) {
        Some(word) => misfit.help(format!("did you mean `{word}`?")),
        None => misfit,
    })
}

/// An ISO 8601 time with offset, from 1970 on.
pub(super) fn time(text: &str) -> Result<Timestamp, Misfit> {
    let time: Option<jiff::Timestamp> = text.parse().ok();
    let millis = time.and_then(|time| u64::try_from(time.as_millisecond()).ok());
    millis.map(Timestamp).ok_or_else(|| {
        Misfit::new("expected an ISO 8601 time with offset, from 1970 on")
            .help("such as `2026-01-31T08:00:00Z`")
    })
}

/// What `serde_json` says, less the place, which we know better.
pub(super) fn without_place(cause: &serde_json::Error) -> String {
    let text = cause.to_string();
    match text.rfind(" at line ") {
        Some(place) => text[..place].to_owned(),
        None => text,
    }
}

fn is_scalar(raw: &RawValue) -> bool {
    !raw.get().starts_with(['[', '{'])
}

fn type_of(raw: &RawValue) -> &'static str {
    match raw.get().as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'[') => "a list",
        Some(b'{') => "an object",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        _ => "a number",
    }
}
