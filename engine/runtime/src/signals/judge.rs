//! From what a source gave to what it says.

use serde_json::Value;
use windlass_model::Reading;

/// Longest piece of a source's own words that is repeated, in characters.
const QUOTED: usize = 120;

/// What stands at `pointer` of a JSON document.
pub(super) fn json(bytes: &[u8], pointer: &str) -> Reading {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(document) => at(&document, pointer),
        Err(error) => Reading::Failed(format!("what it gave is not JSON: {error}")),
    }
}

fn at(document: &Value, pointer: &str) -> Reading {
    let what = match document.pointer(pointer) {
        None => return Reading::Missing(format!("there is nothing at `{pointer}`")),
        Some(Value::Null) => return Reading::Missing(format!("there is null at `{pointer}`")),
        Some(Value::Bool(truth)) => return Reading::Value(f64::from(u8::from(*truth))),
        Some(Value::Number(number)) => {
            return Reading::of(number.as_f64().unwrap_or(f64::NAN));
        }
        Some(Value::String(_)) => "a text",
        Some(Value::Array(_)) => "a list",
        Some(Value::Object(_)) => "an object",
    };
    Reading::Failed(format!(
        "there is {what} at `{pointer}`, and a number or a boolean is wanted"
    ))
}

/// A text that is a number, or `true` or `false`.
pub(super) fn plain(bytes: &[u8]) -> Reading {
    let text = String::from_utf8_lossy(bytes);
    match text.trim() {
        "" => Reading::Missing("it is empty".to_owned()),
        "true" => Reading::Value(1.0),
        "false" => Reading::Value(0.0),
        text => number(text),
    }
}

/// A number as it is written; `NaN` and infinities are numbers that are no value.
pub(super) fn number(text: &str) -> Reading {
    match text.parse() {
        Ok(number) => Reading::of(number),
        Err(_) => Reading::Failed(format!("`{}` is not a number", quoted(text))),
    }
}

/// A source's own words, on one line and not too many of them.
pub(super) fn quoted(text: &str) -> String {
    let clean = |letter: char| if letter.is_control() { ' ' } else { letter };
    text.chars().take(QUOTED).map(clean).collect()
}
