use sha2::Digest as _;
use windlass_model::{Device, FleetPin, Sha256, Timestamp};
use windlass_store::{ImportReport, StoreHandle};

use crate::{
    config::Config,
    devices::read_devices,
    diagnostic::{Diagnostic, Diagnostics},
};

/// Devices handed to the store's thread at once.
const CHUNK: usize = 4096;

/// Reads the fleet file without keeping it; none if the configuration names none.
///
/// # Errors
/// Everything that is wrong with the file.
pub fn check_fleet(config: &Config) -> Result<Option<FleetPin>, Diagnostics> {
    let Some(file) = &config.devices else {
        return Ok(None);
    };
    let mut ids = [0; 32];
    let fleet = read_devices(&file.value, &mut |device| {
        let digest = sha2::Sha256::digest(device.id.as_str());
        ids.iter_mut()
            .zip(digest)
            .for_each(|(sum, byte)| *sum ^= byte);
    })?;
    Ok(Some(FleetPin {
        devices: fleet.count,
        ids: Sha256(ids),
    }))
}

/// What becomes of devices that a file does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Import {
    /// They stay.
    Merge,
    /// The file is the whole fleet: they are no longer selected.
    Replace,
}

/// Brings a fleet file into the registry, whole or not at all.
///
/// # Errors
/// What is wrong with the file, or with the state file.
pub async fn import_fleet(
    store: &StoreHandle,
    file: &std::path::Path,
    import: Import,
    at: Timestamp,
) -> Result<ImportReport, Diagnostics> {
    let (send, receive) = std::sync::mpsc::sync_channel::<Vec<Device>>(4);
    let file = file.to_owned();
    let reader = tokio::task::spawn_blocking(move || {
        let mut chunk = Vec::with_capacity(CHUNK);
        let read = read_devices(&file, &mut |device| {
            chunk.push(device);
            if chunk.len() == CHUNK {
                // The other end is gone only if the import failed, which it reports itself.
                send.send(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK)))
                    .ok();
            }
        });
        send.send(chunk).ok();
        read
    });
    let imported = store
        .run(move |store| {
            let devices = receive.into_iter().flatten();
            match import {
                Import::Merge => store.import_devices(devices, at),
                Import::Replace => store.replace_devices(devices, at),
            }
        })
        .await;
    let read = reader
        .await
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic()));
    read?;
    imported
        .map_err(|error| Diagnostic::error(error.to_string()))?
        .map_err(|error| {
            super::with_causes(Diagnostic::error("the devices could not be kept"), &error).into()
        })
}
