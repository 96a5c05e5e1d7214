use std::fmt;

use super::{Diagnostic, Severity};

/// Everything that is wrong with an input, in the order in which it was found.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
    left_out: u64,
}

impl Diagnostics {
    /// At most this many are kept and shown; a file with a million wrong lines has one
    /// cause, and its first twenty lines show it.
    pub const MAX_SHOWN: usize = 20;

    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, or counts it if there are [`Self::MAX_SHOWN`].
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.list.len() < Self::MAX_SHOWN {
            self.list.push(diagnostic);
        } else {
            self.left_out += 1;
        }
    }

    /// Adds those of another collection.
    pub fn append(&mut self, other: Self) {
        for diagnostic in other.list {
            self.push(diagnostic);
        }
        self.left_out += other.left_out;
    }

    /// Puts those of one file in the order of its lines.
    pub fn sort_by_place(&mut self) {
        self.list.sort_by_key(Diagnostic::offset);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether one of them is an error.
    pub fn has_errors(&self) -> bool {
        self.iter().any(|one| one.severity() == Severity::Error)
    }

    /// Those that are kept.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// How many more there were.
    pub fn left_out(&self) -> u64 {
        self.left_out
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(diagnostic: Diagnostic) -> Self {
        Self {
            list: vec![diagnostic],
            left_out: 0,
        }
    }
}

impl FromIterator<Diagnostic> for Diagnostics {
    fn from_iter<I: IntoIterator<Item = Diagnostic>>(diagnostics: I) -> Self {
        let mut collection = Self::new();
        diagnostics
            .into_iter()
            .for_each(|diagnostic| collection.push(diagnostic));
        collection
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl fmt::Display for Diagnostics {
    /// As [`Diagnostic`]'s, a blank line between two.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(super::render::PLAIN))
    }
}

impl std::error::Error for Diagnostics {}
