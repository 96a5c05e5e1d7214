//! What sending costs in CPU time, against curl.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    devices::{Addressing, Devices},
    engine::{Course, Fleet},
    load::Payload,
    part, process,
    push::Work,
    report::{Bound, Rounds, Row},
    settings::Settings,
};

/// Devices at once.
const AT_ONCE: u64 = 64;
/// Bytes for each.
const SIZE: u64 = 256 << 20;

/// The row.
pub(crate) async fn rows(settings: &Settings, print: &mut impl FnMut(Row)) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("payload");
    let size = settings.scaled(SIZE);
    std::fs::write(&file, vec![0x5a; usize::try_from(size)?])?;
    let devices = Devices::start().await?;
    let pushed = (AT_ONCE * size) as f64 / f64::from(1 << 30);
    let (mut figure, mut ours, mut theirs) =
        (Rounds::default(), Rounds::default(), Rounds::default());
    for _ in 0..settings.rounds {
        let engine = part::run(
            "cpu",
            &[
                file.to_str().context("a plain path")?,
                &devices.port.to_string(),
            ],
        )
        .await?;
        let curl = curl(&file, devices.port).await?;
        figure.push(engine / curl);
        ours.push(engine / pushed);
        theirs.push(curl / pushed);
    }
    print(Row {
        what: format!(
            "CPU time of the engine for {AT_ONCE} × {} MiB ÷ that of curl -T",
            size >> 20
        ),
        measured: format!("{figure}; {ours} s a GiB against {theirs} s"),
        bound: Bound::at_most(figure.median(), 1.0, " ×"),
    });
    Ok(())
}

/// CPU seconds of a rollout of `file`, its digests included, in this process.
pub(crate) async fn part(file: &Path, port: u16) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let begun = process::own_cpu();
    let payload = Payload::of_file(file)?;
    let opened = process::own_cpu() - begun;
    let work = Work {
        pushes: AT_ONCE,
        at_once: usize::try_from(AT_ONCE)?,
        addressing: Addressing::Each,
        port,
        payload: &payload,
    };
    let fleet = Fleet::prepare(&folder.path().join("state.db"), &work, Course::FREE).await?;
    // Compiling the plugins is not sending.
    let begun = process::own_cpu();
    fleet.roll_out().await?;
    Ok((process::own_cpu() - begun + opened).as_secs_f64())
}

/// CPU seconds of as many curl processes.
async fn curl(file: &Path, port: u16) -> Result<f64> {
    let before = process::childrens_cpu()?;
    let file: Arc<Path> = file.into();
    let mut uploads = tokio::task::JoinSet::new();
    for index in 0..AT_ONCE {
        let file = Arc::clone(&file);
        uploads.spawn_blocking(move || {
            let place = Addressing::Each.of(index, port);
            Command::new("curl")
                .args(["--silent", "--show-error", "--fail", "--noproxy", "*", "-T"])
                .arg(&*file)
                .arg(format!("http://{place}/update"))
                .stdout(Stdio::null())
                .status()
        });
    }
    while let Some(status) = uploads.join_next().await {
        ensure!(status??.success(), "curl failed");
    }
    Ok((process::childrens_cpu()? - before).as_secs_f64())
}
