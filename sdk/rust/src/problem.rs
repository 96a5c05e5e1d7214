//! What a plugin says about settings and expressions it does not take.

use std::ops::Range;

use crate::types::{Place, Problem};

impl Problem {
    /// The settings as a whole. `message` is one sentence without a full stop.
    pub fn settings(message: impl Into<String>) -> Self {
        Self::at(Place::Settings, message)
    }

    /// The setting at a JSON pointer (RFC 6901), such as `/cohorts/1/percent`. The
    /// host shows it at that line of the operator's file.
    pub fn setting(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self::at(Place::Setting(pointer.into()), message)
    }

    /// A span of a filter expression in bytes. Bounds past what 32 bits hold are
    /// cut.
    pub fn expression(span: Range<usize>, message: impl Into<String>) -> Self {
        let cut = |bound: usize| u32::try_from(bound).unwrap_or(u32::MAX);
        Self::at(Place::Expression((cut(span.start), cut(span.end))), message)
    }

    /// Adds what to write instead.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn at(place: Place, message: impl Into<String>) -> Self {
        Self {
            place,
            message: message.into(),
            hint: None,
        }
    }
}

/// So that `?` and `.into()` make a list of one.
impl From<Problem> for Vec<Problem> {
    fn from(problem: Problem) -> Self {
        vec![problem]
    }
}
