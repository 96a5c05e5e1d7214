//! Decisions: taken, simulated, replayed, explained.

mod recorded;
pub(crate) mod view;

use std::{num::NonZeroUsize, time::Instant};

use anyhow::Result;
use windlass_host::{Host, HostConfig, Limits, Policy};
use windlass_model::{Release, RolloutKey, RolloutName, RolloutPlan, Sha256};
use windlass_store::{Location, Store};

use crate::{
    devices::{Addressing, Devices},
    engine::{Course, Fleet, rules},
    load::Payload,
    process,
    push::{AT_ONCE, Work},
    report::{Bound, Rounds, Row, thousands},
    settings::Settings,
    startup::write_configuration,
};

/// Decisions of one measurement.
const DECISIONS: u32 = 5_000;
/// Recorded ones.
const RECORDED: u64 = 10_000_000;
const DEVICES: u64 = 1_000_000;
/// Times that `why` is asked.
const QUESTIONS: u64 = 20;

/// The rows.
pub(crate) async fn rows(settings: &Settings, print: &mut impl FnMut(Row)) -> Result<()> {
    let host = Host::start(HostConfig {
        concurrency: NonZeroUsize::MIN,
        cache_dir: None,
        limits: Limits::default(),
    })?;
    let opened = recorded::opened(&host).await?;
    let mut costs = Rounds::default();
    for _ in 0..settings.rounds {
        costs.push(cost(&opened.1).await?);
    }
    print(Row {
        what: "a decision of `policy-progressive`, 3 cohorts".to_owned(),
        measured: format!("{costs} µs"),
        bound: Bound::at_most(costs.median(), 50.0, " µs"),
    });

    let folder = tempfile::tempdir()?;
    write_configuration(folder.path())?;
    let devices = settings.scaled(DEVICES).to_string();
    let (took, _) = process::run_windlass(
        folder.path(),
        &[
            "simulate",
            "rollout.toml",
            "--devices",
            &devices,
            "--for",
            "30d",
            "--profile",
            "pos",
        ],
    )?;
    print(Row {
        what: format!("`windlass simulate`, {devices} devices × 30 days"),
        measured: format!("{:.1} s", took.as_secs_f64()),
        bound: Bound::at_most(took.as_secs_f64(), 60.0, " s"),
    });

    let count = settings.scaled(RECORDED);
    let mut store = Store::open(&Location::File(folder.path().join("recorded.db")))?;
    let rollout = rollout(&mut store)?;
    recorded::write(store, rollout, &opened, count).await?;
    let (took, _) = process::run_windlass(folder.path(), &["replay", "--state", "recorded.db"])?;
    let rate = count as f64 / took.as_secs_f64();
    print(Row {
        what: format!("`windlass replay`, {count} decisions"),
        measured: thousands(rate),
        bound: Bound::at_least(rate / 1000.0, 100.0, " k/s"),
    });
    why(settings, print).await
}

/// To whose decisions they are.
fn rollout(store: &mut Store) -> Result<RolloutKey> {
    let release = Release {
        name: "app".to_owned(),
        version: "1.0.0".to_owned(),
        size: 1,
        sha256: Sha256([0; 32]),
        media_type: "application/octet-stream".to_owned(),
    };
    let plan = RolloutPlan {
        name: RolloutName::new("recorded"),
        release: store.put_release(&release, view::START)?,
        settings: rules(),
        cohorts: Vec::new(),
        filter_expression: None,
        filter: None,
        policies: Vec::new(),
        deliveries: Vec::new(),
        unselected: 0,
        fleet: None,
        takes_back: None,
    };
    Ok(store.create_rollout(&plan, &mut std::iter::empty(), view::START)?)
}

/// Microseconds.
async fn cost(policy: &Policy) -> Result<f64> {
    let view = view::view(500, 1000);
    let mut memo = policy.decide(&view, &[]).await?.memo;
    let begun = Instant::now();
    for _ in 0..DECISIONS {
        memo = policy.decide(&view, &memo).await?.memo;
    }
    Ok(begun.elapsed().as_secs_f64() * 1e6 / f64::from(DECISIONS))
}

/// Of devices in a rollout of a million that was cut in the middle.
async fn why(settings: &Settings, print: &mut impl FnMut(Row)) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let payload = Payload::make(folder.path(), 1 << 10)?;
    let mut devices = Devices::start().await?;
    let work = Work {
        pushes: settings.scaled(DEVICES),
        at_once: AT_ONCE,
        addressing: Addressing::One,
        port: devices.port,
        payload: &payload,
    };
    let fleet = Fleet::prepare(&folder.path().join("state.db"), &work, Course::GATED).await?;
    let voyage = fleet.start().await?;
    while devices.counts().await?.pushes < work.pushes / 20 {
        tokio::task::yield_now().await;
    }
    voyage.cut().await?;
    let mut took = Rounds::default();
    for question in 0..QUESTIONS {
        let device = format!("device-{:07}", question * work.pushes / QUESTIONS);
        let arguments = ["why", &device, "--state", "state.db"];
        let (once, _) = process::run_windlass(folder.path(), &arguments)?;
        took.push(once.as_secs_f64() * 1000.0);
    }
    print(Row {
        what: format!(
            "`windlass why`, {} assignments, the whole command",
            work.pushes
        ),
        measured: format!("{took} ms"),
        bound: Bound::at_most(took.median(), 50.0, " ms"),
    });
    Ok(())
}
