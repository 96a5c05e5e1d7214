use serde::{Deserialize, Serialize};

use crate::{SignalName, Timestamp};

/// One measurement of a signal, or that there was none to be had.
#[derive(Clone, Debug, PartialEq)]
pub struct SignalSample {
    /// Of which signal.
    pub name: SignalName,
    /// When it was measured, or found to be missing.
    pub at: Timestamp,
    /// What was found.
    pub reading: Reading,
    /// After this instant the value says nothing any more; of no meaning without a value.
    pub fresh_until: Timestamp,
}

/// What came of asking a signal's source. Texts are for people and hold no secrets.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A finite number.
    Value(f64),
    /// The source works and has no value.
    Missing(String),
    /// The source's value is too old.
    Stale(String),
    /// Its value is not a number, or infinite.
    NotANumber(String),
    /// The source did not answer, or not as it should.
    Failed(String),
}

/// How a signal is, without the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SignalStatus {
    /// It has a value.
    Ok,
    /// See [`Reading::Missing`].
    Missing,
    /// See [`Reading::Stale`].
    Stale,
    /// See [`Reading::NotANumber`].
    NotANumber,
    /// See [`Reading::Failed`].
    Failed,
}

impl SignalStatus {
    /// Its word, as in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Missing => "missing",
            Self::Stale => "stale",
            Self::NotANumber => "not-a-number",
            Self::Failed => "failed",
        }
    }
}

impl Reading {
    /// A number as it came: one that is not finite is no value. JSON has no such numbers, so a
    /// recorded view would differ from the one that a policy saw.
    pub fn of(number: f64) -> Self {
        if number.is_finite() {
            Self::Value(number)
        } else {
            Self::NotANumber(format!("the value is {number}"))
        }
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Value(value) => Some(*value),
            Self::Missing(_) | Self::Stale(_) | Self::NotANumber(_) | Self::Failed(_) => None,
        }
    }

    /// Why there is no value.
    pub fn message(&self) -> Option<&str> {
        match self {
            Self::Value(_) => None,
            Self::Missing(message)
            | Self::Stale(message)
            | Self::NotANumber(message)
            | Self::Failed(message) => Some(message),
        }
    }

    /// What it says of the signal.
    pub fn status(&self) -> SignalStatus {
        match self {
            Self::Value(_) => SignalStatus::Ok,
            Self::Missing(_) => SignalStatus::Missing,
            Self::Stale(_) => SignalStatus::Stale,
            Self::NotANumber(_) => SignalStatus::NotANumber,
            Self::Failed(_) => SignalStatus::Failed,
        }
    }
}
