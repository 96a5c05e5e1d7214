//! How soon an abort stops starts.

use anyhow::{Context as _, Result, ensure};
use windlass_model::{StateKind, Timestamp};

use crate::{
    devices::{Addressing, Devices},
    engine::{ABORT_COUNT, Course, Fleet},
    load::Payload,
    push::{AT_ONCE, Work},
    report::{Bound, Rounds, Row},
    settings::Settings,
};

const DEVICES: u64 = 100_000;

/// The row.
pub(crate) async fn rows(settings: &Settings, print: &mut impl FnMut(Row)) -> Result<()> {
    let mut late = Rounds::default();
    let mut beyond = Rounds::default();
    for _ in 0..settings.rounds {
        let folder = tempfile::tempdir()?;
        let payload = Payload::make(folder.path(), 1 << 10)?;
        let mut devices = Devices::start().await?;
        let work = Work {
            pushes: settings.scaled(DEVICES).max(10_000),
            at_once: AT_ONCE,
            addressing: Addressing::One,
            port: devices.port,
            payload: &payload,
        };
        let fleet = Fleet::prepare(&folder.path().join("state.db"), &work, Course::GATED).await?;
        let voyage = fleet.start().await?;
        // In the last cohort, and in the middle of it.
        while devices.counts().await?.pushes < work.pushes / 2 {
            tokio::task::yield_now().await;
        }
        devices.refuse().await?;
        let rolled = voyage.finish().await?;
        ensure!(
            rolled.counts.get(StateKind::Cancelled) > 0,
            "the rollout was not given up"
        );
        let condition = *rolled
            .heard
            .failures
            .get(ABORT_COUNT - 1)
            .context("too few failed")?;
        let last = rolled.heard.last_start.context("nothing started")?;
        late.push(Timestamp::since(last, condition).as_secs_f64());
        beyond.push(rolled.heard.failures.len() as f64);
    }
    print(Row {
        what: format!(
            "from the failure that reaches an abort's threshold to the last start, {} devices",
            settings.scaled(DEVICES)
        ),
        measured: format!("{late} s; {beyond} attempts failed of {ABORT_COUNT} that it takes"),
        bound: Bound::at_most(late.max(), 1.0, " s"),
    });
    Ok(())
}
