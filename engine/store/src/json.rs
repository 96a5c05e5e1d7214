use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::StoreError;

/// Compact JSON of a `what`.
pub(crate) fn to_json(what: &'static str, value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| unreadable(what, error))
}

/// A `what` back from its JSON.
pub(crate) fn parse<'a, T: Deserialize<'a>>(
    what: &'static str,
    text: &'a str,
) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| unreadable(what, error))
}

fn unreadable(what: &'static str, error: serde_json::Error) -> StoreError {
    StoreError::Unreadable {
        what,
        source: Some(Arc::new(error)),
    }
}
