//! From a configuration to everything that a rollout runs with. Reads files and opens
//! plugins; writes nothing but caches, touches no device.
//!
//! - `plugins`: loads components, checks their settings, opens them.
//! - `payload`: finds and pins the release's bytes.
//! - `signals`: finds those that policies ask for.
//! - `fleet`: reads the device file.
//! - `dry`: the same without the payload, for a rollout that is only simulated.
//! - `state`: opens the state file.

mod dry;
mod fleet;
mod payload;
mod plugins;
mod signals;
mod state;

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use windlass_host::{Host, HostConfig, Limits, StartError};
use windlass_model::{Release, RolloutSettings};
use windlass_runtime::{
    Parts,
    clock::{Clock as _, SystemClock},
    payload::{DownloadObserver, PinnedFile},
};

use crate::{
    config::{Config, Overrides, ReleaseSection, load_config},
    diagnostic::{Diagnostic, Diagnostics},
};

pub use dry::{Dry, prepare_dry};
pub use fleet::{Import, check_fleet, import_fleet, plan_diagnostic};
pub use plugins::{
    ComponentError, Loaded, OpenedPolicies, PolicySettings, component_bytes, named,
    open_as_policies, open_filter, open_kept_policy, open_policies, open_policy,
};
pub use signals::policies_of;
pub use state::{
    Subject, copy_of_state, open_diagnostic, open_state, state_file, state_is_free, subject,
};

/// A checked configuration with its plugins opened and its payload pinned.
pub struct Prepared {
    /// The configuration.
    pub config: Config,
    /// What is worth a look.
    pub warnings: Diagnostics,
    /// The host that the plugins live in.
    pub host: Arc<Host>,
    /// What the rollout runs with.
    pub parts: Parts,
    /// Every loaded component with its bytes, to be kept while a decision cites it.
    pub components: Vec<Loaded>,
    /// The policies' settings, to be kept as well.
    pub policy_settings: Vec<PolicySettings>,
    /// What devices can go back to.
    pub earlier: Vec<Earlier>,
}

/// A release to go back to, with its payload pinned.
pub struct Earlier {
    /// The release.
    pub release: Release,
    /// Its bytes.
    pub payload: Arc<PinnedFile>,
}

/// Shows nothing of a download.
pub struct Quiet;

impl DownloadObserver for Quiet {
    fn progress(&self, _received: u64, _total: Option<u64>) {}
}

/// Reads a configuration with the built-in plugins' names.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn read_config(
    path: &Path,
    overrides: &Overrides,
) -> Result<(Config, Diagnostics), Diagnostics> {
    let builtins: Vec<_> = windlass_builtin::ALL
        .iter()
        .map(|builtin| builtin.name)
        .collect();
    load_config(path, overrides, &builtins)
}

/// Checks everything that a configuration names.
///
/// # Errors
/// Everything that is wrong, as far as it can be told without touching a device.
pub async fn prepare(
    path: &Path,
    overrides: &Overrides,
    progress: &dyn DownloadObserver,
) -> Result<Prepared, Diagnostics> {
    let (config, warnings) = read_config(path, overrides)?;
    let mut problems = Diagnostics::new();
    let fleet = match check_fleet(&config) {
        Ok(fleet) => fleet,
        Err(found) => {
            problems.append(found);
            None
        }
    };
    let pinned = payload::open(&config, &config.release, progress).await;
    let mut earlier = Vec::new();
    for section in &config.rollback.releases {
        match payload::open(&config, section, progress).await {
            Ok(pinned) => earlier.push(Earlier {
                release: release(section, &pinned),
                payload: Arc::new(pinned),
            }),
            Err(problem) => problems.push(problem),
        }
    }
    let host = Arc::new(start_host(&config)?);
    let opened = plugins::open_all(&config, &host).await;
    let signals = match &opened {
        Ok(opened) => {
            let asking: Vec<_> = opened
                .policies
                .iter()
                .chain(&opened.shadows)
                .cloned()
                .collect();
            signals::asked_for(&config, &asking).unwrap_or_else(|found| {
                problems.append(found);
                Vec::new()
            })
        }
        Err(_) => Vec::new(),
    };
    let (pinned, opened) = match (pinned, opened) {
        (Ok(pinned), Ok(opened)) if problems.is_empty() => (pinned, opened),
        (pinned, opened) => {
            problems.append(pinned.err().map(Diagnostics::from).unwrap_or_default());
            problems.append(opened.err().unwrap_or_default());
            return Err(problems);
        }
    };
    let parts = Parts {
        name: config.rollout.name.value.clone(),
        release: release(&config.release, &pinned),
        payload: Arc::new(pinned),
        settings: RolloutSettings::clone(&config.rollout.settings),
        fleet,
        filter: opened.filter,
        policies: opened.policies,
        shadows: opened.shadows,
        signals,
        deliveries: opened.deliveries,
    };
    if let Some(file) = &config.devices {
        let now = SystemClock::new().now().wall;
        fleet::rehearse_fleet(&file.value, &parts, now).await?;
    }
    Ok(Prepared {
        config,
        warnings,
        host,
        parts,
        components: opened.components,
        policy_settings: opened.policy_settings,
        earlier,
    })
}

fn release(section: &ReleaseSection, payload: &PinnedFile) -> Release {
    use windlass_host::PayloadSource as _;
    Release {
        name: section.name.clone(),
        version: section.version.value.clone(),
        size: payload.size(),
        sha256: payload.sha256(),
        media_type: section.media_type.clone(),
    }
}

/// Starts the host with what the configuration allows.
///
/// # Errors
/// If this machine cannot carry the configured concurrency.
pub fn start_host(config: &Config) -> Result<Host, Diagnostic> {
    let host_config = HostConfig {
        concurrency: config.engine.concurrency,
        cache_dir: Some(plugin_cache(config)),
        limits: Limits::for_concurrency(config.engine.concurrency),
    };
    Host::start(host_config).map_err(|error| start_diagnostic(&error))
}

fn plugin_cache(config: &Config) -> PathBuf {
    plugins_in(&config.engine.cache)
}

fn plugins_in(cache: &Path) -> PathBuf {
    cache.join("plugins")
}

/// A host for commands that only ask the policies of a configuration.
///
/// # Errors
/// If this machine cannot carry even that.
pub fn host_beside(config: &Config) -> Result<Host, Diagnostic> {
    small_host(Some(plugin_cache(config)))
}

/// A host for commands without a configuration: small, and it keeps nothing on disk.
///
/// # Errors
/// If this machine cannot carry even that.
pub fn plain_host() -> Result<Host, Diagnostic> {
    small_host(None)
}

/// A host for commands that only read a state file, who may be another user than its owner:
/// compiled plugins are taken from `cache_dir` if that can be used.
///
/// # Errors
/// If this machine cannot carry even that.
pub fn reading_host(cache_dir: Option<PathBuf>) -> Result<Host, Diagnostic> {
    match Host::start(small(cache_dir)) {
        Err(StartError::Cache { path, source }) => {
            tracing::debug!(path = %path.display(), error = %source, "no plugin cache");
            small_host(None)
        }
        started => started.map_err(|error| start_diagnostic(&error)),
    }
}

/// A host for commands that run no rollout; compiled plugins are kept in `cache_dir`.
///
/// # Errors
/// If this machine cannot carry even that.
pub fn small_host(cache_dir: Option<PathBuf>) -> Result<Host, Diagnostic> {
    Host::start(small(cache_dir)).map_err(|error| start_diagnostic(&error))
}

fn small(cache_dir: Option<PathBuf>) -> HostConfig {
    HostConfig {
        concurrency: NonZeroUsize::MIN,
        cache_dir,
        limits: Limits::default(),
    }
}

fn start_diagnostic(error: &StartError) -> Diagnostic {
    with_causes(Diagnostic::error(error.to_string()), error)
}

/// The diagnostic with what lies behind an error as notes.
pub(crate) fn with_causes(mut diagnostic: Diagnostic, error: &dyn std::error::Error) -> Diagnostic {
    let mut source = error.source();
    while let Some(cause) = source {
        diagnostic = diagnostic.note(crate::diagnostic::clean(&cause.to_string()));
        source = cause.source();
    }
    diagnostic
}
