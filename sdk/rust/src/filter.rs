//! Plugins that say which devices a rollout means.

use std::ops::Range;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Device, Problem, Projection, Timestamp};

pub use crate::bindings::filter::exports::windlass::plugin::filter::{
    Condition, IndexedField, Refusal, Relation,
};

/// A filter, opened with an expression and settings and then asked about many
/// devices.
///
/// It is pure: the same expression, settings and arguments give the same answer,
/// whatever was asked before. The host caches, replays and compares answers.
pub trait Filter: Sized + 'static {
    /// The settings of the operator's file. A filter without any takes
    /// [`NoSettings`](crate::settings::NoSettings).
    type Settings: DeserializeOwned + JsonSchema;

    /// Whether the filter wants an expression: the host refuses one where it is
    /// not wanted, and misses it where it is.
    const TAKES_EXPRESSION: bool = true;

    /// Parses the expression once. `expression` is present exactly when
    /// [`TAKES_EXPRESSION`](Self::TAKES_EXPRESSION) says so.
    ///
    /// # Errors
    /// Every problem it can find, not only the first.
    fn open(expression: Option<&str>, settings: Self::Settings) -> Result<Self, Vec<Problem>>;

    /// The device fields that [`matches`](Self::matches) looks at; fewer make
    /// calls cheaper.
    fn reads(&self) -> Projection {
        Projection::everything()
    }

    /// A conjunction that every matching device fulfils, for the host to ask of
    /// an index first. May be weaker than the filter, never stronger.
    fn narrow(&self) -> Vec<Condition> {
        Vec::new()
    }

    /// Whether one device matches. A comparison that the device's data does not
    /// allow (a missing attribute, an unparseable version) does not match.
    ///
    /// The device is given away, so that its strings can be moved.
    ///
    /// # Errors
    /// A sentence saying why the filter itself cannot be evaluated, for any
    /// device; the rollout's planning fails with it.
    fn matches(&self, now: Timestamp, device: Device) -> Result<bool, String>;

    /// Why a device does not match: the smallest parts of the expression that say
    /// no, in the order of the text; none if it matches or the filter cannot tell.
    fn explain(&self, now: Timestamp, device: Device) -> Vec<Refusal> {
        let _ = (now, device);
        Vec::new()
    }
}

impl Refusal {
    /// By a part of the expression, given in bytes: `text` goes on where the part
    /// ends, such as `is false (location is "b")`.
    pub fn part(part: Range<usize>, text: impl Into<String>) -> Self {
        // The host bounds expressions far below this.
        let offset = |at| u32::try_from(at).unwrap_or(u32::MAX);
        Self {
            part: Some((offset(part.start), offset(part.end))),
            text: text.into(),
        }
    }

    /// In one sentence, by no part that could be named.
    pub fn whole(text: impl Into<String>) -> Self {
        Self {
            part: None,
            text: text.into(),
        }
    }
}
