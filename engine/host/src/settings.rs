//! Settings checked against the schema that a plugin describes them by, so that what is
//! wrong is reported at its place and with the nearest known key.

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use serde_json::Value;

use crate::{
    LoadError, Place, Problem,
    convert::cut,
    limits::{PROBLEMS, SCHEMA_BYTES},
};

/// How like a known key an unknown one must be to be taken for a slip of it, from 0 to 1.
const LIKENESS: f64 = 0.7;

/// References that are followed in search of a schema's known keys: schemas may refer to
/// themselves.
const REFERENCES: usize = 32;

pub(crate) struct SettingsSchema {
    json: Value,
    validator: Validator,
}

impl SettingsSchema {
    pub(crate) fn parse(text: &str) -> Result<Self, LoadError> {
        if text.len() > SCHEMA_BYTES {
            let size = format!(
                "it has {} bytes, of which {SCHEMA_BYTES} are read",
                text.len()
            );
            return Err(LoadError::Schema(size.into()));
        }
        let json: Value =
            serde_json::from_str(text).map_err(|error| LoadError::Schema(error.into()))?;
        let validator = jsonschema::draft202012::new(&json)
            .map_err(|error| LoadError::Schema(error.to_string().into()))?;
        Ok(Self { json, validator })
    }

    pub(crate) fn json(&self) -> &Value {
        &self.json
    }

    /// Everything that is wrong with `settings`, one problem a place.
    pub(crate) fn check(&self, settings: &Value) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self
            .validator
            .iter_errors(settings)
            .flat_map(|error| self.problems(&error))
            .take(PROBLEMS)
            .collect();
        problems.dedup();
        problems
    }

    fn problems(&self, error: &ValidationError<'_>) -> Vec<Problem> {
        let path = error.instance_path().as_str();
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                let known = self.known_keys(error.schema_path().as_str());
                unexpected
                    .iter()
                    .map(|key| unknown_key(path, key, &known))
                    .collect()
            }
            ValidationErrorKind::Required { property } => vec![Problem {
                place: place(path),
                message: format!(
                    "the setting `{}` is missing",
                    property.as_str().unwrap_or_default()
                ),
                hint: None,
            }],
            _ => vec![Problem {
                place: place(path),
                message: cut(error.to_string()),
                hint: None,
            }],
        }
    }

    /// The keys that the object schema which holds the keyword at `path` knows.
    fn known_keys(&self, path: &str) -> Vec<&str> {
        let mut schema = &self.json;
        let holder = path.rsplit_once('/').map_or("", |(holder, _)| holder);
        let mut references = REFERENCES;
        for segment in holder.split('/').skip(1) {
            let key = segment.replace("~1", "/").replace("~0", "~");
            let next = match schema {
                Value::Object(object) => object.get(&key),
                Value::Array(array) => key.parse::<usize>().ok().and_then(|index| array.get(index)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
            };
            let target = match next {
                Some(Value::String(reference)) if key == "$ref" && references > 0 => {
                    references -= 1;
                    reference
                        .strip_prefix('#')
                        .and_then(|pointer| self.json.pointer(pointer))
                }
                other => other,
            };
            match target {
                Some(found) => schema = found,
                None => return Vec::new(),
            }
        }
        schema
            .get("properties")
            .and_then(Value::as_object)
            .map(|properties| properties.keys().map(String::as_str).collect())
            .unwrap_or_default()
    }
}

fn unknown_key(path: &str, key: &str, known: &[&str]) -> Problem {
    let nearest = known
        .iter()
        .map(|candidate| (strsim::jaro_winkler(key, candidate), *candidate))
        .filter(|(likeness, _)| *likeness >= LIKENESS)
        .max_by(|(one, _), (other, _)| one.total_cmp(other));
    let hint = match nearest {
        Some((_, candidate)) => Some(format!("did you mean `{candidate}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", known.join(", "))),
    };
    Problem {
        place: Place::UnknownSetting(format!(
            "{path}/{}",
            key.replace('~', "~0").replace('/', "~1")
        )),
        message: format!("the setting `{}` is not known", cut(key.to_owned())),
        hint,
    }
}

fn place(path: &str) -> Place {
    if path.is_empty() {
        Place::Settings
    } else {
        Place::Setting(path.to_owned())
    }
}
