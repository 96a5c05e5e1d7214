//! Resident memory of the engine's process.

use std::{path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};

use crate::{
    devices::{Addressing, Devices},
    engine::{Course, Fleet, Pace, import},
    load::{ONE_IN_A_HUNDRED, Payload},
    part, process,
    push::Work,
    report::{Bound, Row},
    settings::Settings,
};

/// Large payloads are sent for so long: memory stands after a moment, and 100 GiB take
/// minutes.
const LARGE_FOR: Duration = Duration::from_secs(20);
/// Slow devices, as far as the limit on open files allows: the figure is of one.
const SLOW: u64 = 10_000;
/// Descriptors of a device: its connection, one that is being closed, and half of that for a
/// verification beside it; some for everything else.
const FILES_EACH: u64 = 3;
const FILES_ELSE: u64 = 512;
/// Registered devices; one in a hundred is targeted.
const REGISTERED: u64 = 1_000_000;

/// The rows.
pub(crate) async fn rows(settings: &Settings, print: &mut impl FnMut(Row)) -> Result<()> {
    // A compiler leaves more behind than all this takes; a warm cache is what engines have.
    let cache = tempfile::tempdir()?;
    let cache = cache.path().to_str().context("a plain path")?;
    part::run("warm", &[cache]).await?;
    let size = settings.scaled(1 << 30).to_string();
    let large = part::run("large", &[&size, cache]).await?;
    print(Row {
        what: format!(
            "most memory, 100 at once × 1 GiB, first {} s",
            LARGE_FOR.as_secs()
        ),
        measured: format!("{large:.0} MiB"),
        bound: Bound::at_most(large, 100.0, " MiB"),
    });
    let allowed = process::most_files().saturating_sub(FILES_ELSE) / FILES_EACH;
    let many = settings.scaled(SLOW).min(allowed);
    match part::run("slow", &[&many.to_string(), cache]).await {
        Ok(slow) => print(Row {
            what: format!("memory per device in flight, {many} slow devices at once"),
            measured: format!("{slow:.1} KiB"),
            bound: Bound::at_most(slow, 64.0, " KiB"),
        }),
        Err(error) => print(Row {
            what: format!("memory per device in flight, {many} slow devices at once"),
            measured: format!("{error:#}; see above"),
            bound: Bound::Reported,
        }),
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("state.db");
    let file_name = file.to_str().context("a plain path")?;
    let count = settings.scaled(REGISTERED);
    let payload = Payload::make(folder.path(), 1 << 10)?;
    // They answer: a device that is not reached is tried again when its back-off is over, and a
    // rollout to such devices takes as long as its attempts allow.
    let mut devices = Devices::start().await?;
    let before = devices.counts().await?;
    import(&file, &work(&payload, count, 100, devices.port))?;
    let registered = part::run("registered", &[file_name, &count.to_string(), cache]).await?;
    devices.expect(before, count / 100).await?;
    print(Row {
        what: format!("most memory, {count} registered, {} targeted", count / 100),
        measured: format!("{registered:.0} MiB"),
        bound: Bound::at_most(registered, 150.0, " MiB"),
    });
    Ok(())
}

fn work(payload: &Payload, pushes: u64, at_once: usize, port: u16) -> Work<'_> {
    Work {
        pushes,
        at_once,
        addressing: Addressing::Each,
        port,
        payload,
    }
}

fn free(cache: &Path) -> Course<'_> {
    Course {
        cache: Some(cache),
        ..Course::FREE
    }
}

/// MiB, with 100 pushes of `size` bytes at once.
pub(crate) async fn large(size: u64, cache: &Path) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let devices = Devices::start().await?;
    let payload = Payload::sparse(folder.path(), size)?;
    let work = work(&payload, 100, 100, devices.port);
    let fleet = Fleet::prepare(&folder.path().join("state.db"), &work, free(cache)).await?;
    process::forget_peak()?;
    let voyage = fleet.start().await?;
    tokio::time::sleep(LARGE_FOR).await;
    let peak = process::peak()?;
    voyage.cut().await?;
    Ok(process::mebibytes(peak))
}

/// KiB a device, with `many` that read nothing.
pub(crate) async fn slow(many: u64, cache: &Path) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let mut devices = Devices::start().await?;
    devices.hold(true).await?;
    let payload = Payload::make(folder.path(), 1 << 20)?;
    let work = work(&payload, many, usize::try_from(many)?, devices.port);
    let fleet = Fleet::prepare(&folder.path().join("state.db"), &work, free(cache)).await?;
    let before = process::share()?;
    let voyage = fleet.start().await?;
    while devices.counts().await?.open < many {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let after = process::share()?;
    devices.hold(false).await?;
    voyage.finish().await?;
    Ok(after.saturating_sub(before) as f64 / 1024.0 / many as f64)
}

/// MiB, of a rollout to one in a hundred of the `count` devices in `file`.
pub(crate) async fn registered(file: &Path, count: u64, cache: &Path) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let payload = Payload::make(folder.path(), 1 << 10)?;
    // Their addresses are in the file.
    let work = work(&payload, count, 100, 0);
    let course = Course {
        pace: Pace::Gated,
        expression: Some(ONE_IN_A_HUNDRED),
        cache: Some(cache),
    };
    let fleet = Fleet::plan(file, &work, course).await?;
    ensure!(fleet.targets == count / 100, "{} targets", fleet.targets);
    fleet.roll_out().await?;
    Ok(process::mebibytes(process::peak()?))
}
