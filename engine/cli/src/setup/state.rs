use std::path::{Path, PathBuf};

use windlass_model::RolloutName;
use windlass_store::{Location, OpenError, Store};

use super::{plugin_cache, plugins_in, read_config, with_causes};
use crate::{
    args::{StateArgs, StateOption},
    config::{Config, DEFAULT_CACHE, Overrides, StateLocation},
    diagnostic::{Diagnostic, Diagnostics},
};

/// Opens the configured state file for ownership.
///
/// # Errors
/// If it is in use, of a newer schema, or unusable.
pub fn open_state(config: &Config) -> Result<Store, Diagnostic> {
    let location = match &config.engine.state {
        StateLocation::Memory => Location::Memory,
        StateLocation::File(path) => Location::File(path.clone()),
    };
    Store::open(&location).map_err(|error| {
        let diagnostic = open_diagnostic(&error);
        match config.engine.state_span {
            Some(span) => describe(config.error_at(span, error.to_string()), &error),
            None => diagnostic,
        }
    })
}

/// An error of opening a state file, outside of any configuration.
pub fn open_diagnostic(error: &OpenError) -> Diagnostic {
    describe(Diagnostic::error(error.to_string()), error)
}

fn describe(diagnostic: Diagnostic, error: &OpenError) -> Diagnostic {
    let diagnostic = with_causes(diagnostic, error);
    match error {
        OpenError::InUse { .. } => diagnostic.help("wait for it to end, or stop it with SIGTERM"),
        OpenError::NewerSchema { .. } => {
            diagnostic.help("use the newer windlass, or another state file")
        }
        OpenError::NotADatabase { .. } => {
            diagnostic.help("name another file: this one is left as it is")
        }
        OpenError::OlderSchema { .. }
        | OpenError::NotFound { .. }
        | OpenError::Io { .. }
        | OpenError::Database { .. } => diagnostic,
    }
}

/// Whether the configured state file could be opened, without opening it for ownership.
///
/// # Errors
/// As [`open_state`].
pub fn state_is_free(config: &Config) -> Result<(), Diagnostic> {
    let StateLocation::File(path) = &config.engine.state else {
        return Ok(());
    };
    match Store::probe(path) {
        Ok(()) => Ok(()),
        Err(error) => Err(match config.engine.state_span {
            Some(span) => describe(config.error_at(span, error.to_string()), &error),
            None => open_diagnostic(&error),
        }),
    }
}

/// A copy in memory of what the configured state file holds, empty if there is none: what
/// `plan` works on, so that it changes nothing.
///
/// # Errors
/// If the file is there and cannot be read.
pub fn copy_of_state(config: &Config) -> Result<Store, Diagnostic> {
    let copy = match &config.engine.state {
        StateLocation::Memory => Store::open(&Location::Memory),
        StateLocation::File(path) => match Store::open_copy(path) {
            Err(OpenError::NotFound { .. }) => Store::open(&Location::Memory),
            other => other,
        },
    };
    copy.map_err(|error| open_diagnostic(&error))
}

/// What a command without a rollout of its own speaks of.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The state file.
    pub file: PathBuf,
    /// The rollout of the configuration that named it, if one did.
    pub rollout: Option<RolloutName>,
    /// Where that configuration keeps compiled plugins; without one, the default beside the
    /// state file, if it is there.
    pub plugin_cache: Option<PathBuf>,
}

impl From<&StateArgs> for StateOption {
    fn from(args: &StateArgs) -> Self {
        Self {
            config: args.config.clone(),
            state: args.state.clone(),
        }
    }
}

/// The state file that a command speaks of, and its rollout.
///
/// # Errors
/// If the configuration is wrong, or keeps its state in memory.
pub fn subject(args: &StateOption) -> Result<Subject, Diagnostics> {
    let Some(config) = &args.config else {
        // A flag, or the environment: clap sees to it that there is one.
        let file = args.state.clone().unwrap_or_default();
        return Ok(Subject {
            rollout: None,
            plugin_cache: cache_beside(&file),
            file,
        });
    };
    let (config, _) = read_config(config, &Overrides::default())?;
    let rollout = Some(config.rollout.name.value.clone());
    let plugin_cache = Some(plugin_cache(&config));
    let file = match (&args.state, config.engine.state) {
        (Some(file), _) => file.clone(),
        (None, StateLocation::File(file)) => file,
        (None, StateLocation::Memory) => {
            return Err(Diagnostic::error(
                "the configuration keeps its state in memory: there is none to read",
            )
            .into());
        }
    };
    Ok(Subject {
        file,
        rollout,
        plugin_cache,
    })
}

/// The plugin cache that the defaults put beside a state file, if it is there. None is made:
/// whoever only reads a file leaves nothing beside it.
fn cache_beside(state: &Path) -> Option<PathBuf> {
    let cache = Path::new(DEFAULT_CACHE).file_name()?;
    let cache = plugins_in(&state.parent()?.join(cache));
    cache.is_dir().then_some(cache)
}

/// The state file that a command speaks of.
///
/// # Errors
/// As [`subject`].
pub fn state_file(args: &StateArgs) -> Result<PathBuf, Diagnostics> {
    if let Some(file) = &args.state {
        return Ok(file.clone());
    }
    Ok(subject(&args.into())?.file)
}
