use std::path::Path;

use anyhow::Context as _;
use sha2::Digest as _;
use windlass_model::{Device, FleetPin, Sha256, Timestamp};
use windlass_runtime::{
    Parts,
    planning::{self, PlanError},
};
use windlass_store::{ImportReport, StoreHandle};

use crate::{
    command::Failure,
    config::Config,
    devices::{FleetFile, read_devices},
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

/// Whether the fleet file's devices can be selected, placed and served, before anything is
/// written.
///
/// # Errors
/// If a plugin fails, or a selected device has no delivery.
pub(super) async fn rehearse_fleet(
    file: &Path,
    parts: &Parts,
    now: Timestamp,
) -> Result<(), Diagnostics> {
    let (send, mut receive) = tokio::sync::mpsc::channel::<Vec<Device>>(4);
    let file = file.to_owned();
    let reader = tokio::task::spawn_blocking(move || {
        // The other end is gone only if a plugin failed, which it reports itself.
        in_chunks(&file, |chunk| drop(send.blocking_send(chunk)))
    });
    let rehearsed = planning::rehearse(&mut receive, parts, now).await;
    drop(receive);
    joined(reader).await?;
    rehearsed.map_err(|error| plan_diagnostic(error).into())
}

/// What stands in the way of a plan is the operator's input.
pub fn plan_diagnostic(error: PlanError) -> Diagnostic {
    let diagnostic = super::with_causes(Diagnostic::error(error.to_string()), &error);
    match error {
        PlanError::Unserved { .. } => {
            diagnostic.help("add a last entry without `when` to `delivery`, or narrow the filter")
        }
        PlanError::Store(_) | PlanError::Plugin(_) | PlanError::Cohorts { .. } => diagnostic,
    }
}

fn in_chunks(file: &Path, mut give: impl FnMut(Vec<Device>)) -> Result<FleetFile, Diagnostics> {
    let mut chunk = Vec::with_capacity(CHUNK);
    let read = read_devices(file, &mut |device| {
        chunk.push(device);
        if chunk.len() == CHUNK {
            give(std::mem::replace(&mut chunk, Vec::with_capacity(CHUNK)));
        }
    });
    give(chunk);
    read
}

async fn joined<T>(task: tokio::task::JoinHandle<T>) -> T {
    match task.await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
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
    file: &Path,
    import: Import,
    at: Timestamp,
) -> Result<ImportReport, Failure> {
    let (send, receive) = std::sync::mpsc::sync_channel::<Vec<Device>>(4);
    let file = file.to_owned();
    let reader = tokio::task::spawn_blocking(move || {
        // The other end is gone only if the import failed, which it reports itself.
        in_chunks(&file, |chunk| drop(send.send(chunk)))
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
    joined(reader).await?;
    let report = imported.context("the state file failed")?;
    Ok(report.context("the devices could not be kept")?)
}
