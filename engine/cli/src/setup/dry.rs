use std::{path::Path, sync::Arc};

use windlass_host::Host;
use windlass_model::{Device, Release, Sha256};
use windlass_runtime::{DeliveryPart, FilterPart, PolicyPart, signals::SignalSource};

use super::{plugin_cache, plugins, read_config, signals, small_host};
use crate::{
    config::{Config, Overrides},
    devices::read_devices,
    diagnostic::Diagnostics,
};

/// A checked configuration with its plugins opened. Its payload was not looked for.
pub struct Dry {
    /// The configuration.
    pub config: Config,
    /// What is worth a look.
    pub warnings: Diagnostics,
    /// The host that the plugins live in.
    pub host: Arc<Host>,
    /// Which devices; all without one.
    pub filter: Option<FilterPart>,
    /// How fast, in configured order.
    pub policies: Vec<PolicyPart>,
    /// How bytes would reach devices.
    pub deliveries: Vec<DeliveryPart>,
    /// The signals that policies ask for.
    pub signals: Vec<Arc<SignalSource>>,
    /// The devices of the fleet file; none if the configuration names none.
    pub devices: Vec<Device>,
}

/// Checks a configuration as `prepare` does, but for its payload, which need not be there.
///
/// # Errors
/// Everything that is wrong with it.
pub async fn prepare_dry(path: &Path, overrides: &Overrides) -> Result<Dry, Diagnostics> {
    let (config, warnings) = read_config(path, overrides)?;
    let mut problems = Diagnostics::new();
    let mut devices = Vec::new();
    if let Some(file) = &config.devices
        && let Err(found) = read_devices(&file.value, &mut |device| devices.push(device))
    {
        problems.append(found);
    }
    let host = Arc::new(small_host(Some(plugin_cache(&config)))?);
    let opened = plugins::open_all(&config, &host).await;
    let signals = match &opened {
        Ok(opened) => signals::named(&config, &opened.policies).unwrap_or_else(|found| {
            problems.append(found);
            Vec::new()
        }),
        Err(_) => Vec::new(),
    };
    match opened {
        Ok(opened) if problems.is_empty() => Ok(Dry {
            signals,
            filter: opened.filter,
            policies: opened.policies,
            deliveries: opened.deliveries,
            config,
            warnings,
            host,
            devices,
        }),
        opened => {
            problems.append(opened.err().unwrap_or_default());
            Err(problems)
        }
    }
}

impl Dry {
    /// The release, as far as the file tells.
    pub fn release(&self) -> Release {
        let section = &self.config.release;
        let digest = section.sha256.as_ref().map(|digest| digest.value);
        Release {
            name: section.name.clone(),
            version: section.version.value.clone(),
            // A release has at least one byte.
            size: 1,
            sha256: digest.unwrap_or(Sha256([0; 32])),
            media_type: section.media_type.clone(),
        }
    }
}
