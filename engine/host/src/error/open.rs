use std::ops::Range;

use super::PluginError;
use crate::Kind;

/// Why a plugin could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It does not accept the settings or the expression. Never empty.
    #[error("the plugin does not accept its settings: {}", first(.0))]
    Refused(Vec<Problem>),
    /// It is of another kind.
    #[error("the plugin is {}, and {} is wanted here", .found.with_article(), .wanted.with_article())]
    WrongKind {
        /// What it is.
        found: Kind,
        /// What is wanted.
        wanted: Kind,
    },
    /// The call itself failed.
    #[error(transparent)]
    Plugin(#[from] PluginError),
}

/// Something wrong with settings or an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: Place,
    /// One sentence without a full stop.
    pub message: String,
    /// What to write instead, if that is known.
    pub hint: Option<String>,
}

/// What a [`Problem`] speaks of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// The settings as a whole.
    Settings,
    /// The setting at this JSON pointer.
    Setting(String),
    /// The key at this JSON pointer, which should not be there.
    UnknownSetting(String),
    /// These bytes of the expression.
    Expression(Range<u32>),
}

fn first(problems: &[Problem]) -> &str {
    problems
        .first()
        .map_or("it does not say why", |problem| &problem.message)
}
