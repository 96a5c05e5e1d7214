use std::{convert::Infallible, num::NonZeroUsize, path::PathBuf, str::FromStr};

use super::{EngineSection, StateLocation};

/// What the command line and the environment say instead of the file. A flag is stronger
/// than a variable, a variable than the file, the file than the default.
///
/// Paths given here are relative to the current directory, not to the configuration.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Overrides {
    /// State file, or `:memory:`, instead of `engine.state`.
    #[arg(long, env = "WINDLASS_STATE", value_name = "FILE")]
    pub state: Option<StateLocation>,
    /// Transfers at once, instead of `engine.concurrency`.
    #[arg(long, env = "WINDLASS_CONCURRENCY", value_name = "COUNT")]
    pub concurrency: Option<NonZeroUsize>,
}

impl Overrides {
    pub(super) fn apply(&self, engine: &mut EngineSection) {
        if let Some(state) = &self.state {
            engine.state = state.clone();
            engine.state_span = None;
        }
        if let Some(concurrency) = self.concurrency {
            engine.concurrency = concurrency;
        }
    }
}

impl FromStr for StateLocation {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(match text {
            ":memory:" => Self::Memory,
            path => Self::File(PathBuf::from(path)),
        })
    }
}
