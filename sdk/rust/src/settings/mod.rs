//! Settings: an operator's TOML table, read into the plugin's own struct.
//!
//! The host hands settings over as JSON, after it has checked them against the
//! schema that [`schema`] makes of the struct; so a misspelt key is reported at its
//! line with the nearest right one. What a schema cannot say is refused while the
//! struct is read, or in `open`, with a [`Problem`] that points at the setting.
//!
//! ```
//! use windlass_sdk::{prelude::*, settings::Period};
//!
//! #[derive(Deserialize, JsonSchema)]
//! #[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
//! #[schemars(crate = "windlass_sdk::schemars")]
//! struct Settings {
//!     /// How long to wait for the device.
//!     patience: Period,
//! }
//!
//! let problems = windlass_sdk::settings::parse::<Settings>(r#"{"patience": "30"}"#).err().unwrap();
//! assert_eq!(problems, vec![
//!     Problem::setting("/patience", "missing unit").hint("write \"30s\"")
//! ]);
//! ```

mod period;
mod pointer;

use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};

use crate::Problem;

pub use period::Period;

/// Stands between a message and its hint in the text of a serde error, which can
/// carry nothing else.
const HINT_MARK: char = '\u{1f}';

/// The settings of a plugin that has none.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoSettings {}

/// Reads the JSON text of a settings object.
///
/// # Errors
/// What serde refuses, as one problem that points at the setting.
pub fn parse<S: DeserializeOwned>(text: &str) -> Result<S, Vec<Problem>> {
    // By way of a value, whose errors name no line and column of a text that
    // the operator never sees.
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| Problem::settings(format!("the settings are not JSON: {error}")))?;
    if !value.is_object() {
        // serde would take a list for a struct, field by field.
        return Err(Problem::settings("the settings are not an object").into());
    }
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer::of(error.path());
        let text = error.into_inner().to_string();
        let (message, hint) = match text.split_once(HINT_MARK) {
            Some((message, hint)) => (message, Some(hint.to_owned())),
            None => (text.as_str(), None),
        };
        let problem = if pointer.is_empty() {
            Problem::settings(message)
        } else {
            Problem::setting(pointer, message)
        };
        vec![Problem { hint, ..problem }]
    })
}

/// A serde error with a hint, for a `Deserialize` written by hand: [`parse`] takes
/// the two apart again.
pub fn refuse<E: serde::de::Error>(message: &str, hint: &str) -> E {
    E::custom(format_args!("{message}{HINT_MARK}{hint}"))
}

/// The JSON Schema (2020-12) of the settings. Doc comments become descriptions,
/// `#[serde(deny_unknown_fields)]` becomes `additionalProperties: false`.
pub fn schema<S: JsonSchema>() -> String {
    schemars::schema_for!(S).as_value().to_string()
}
