//! Instructions of the hot paths, counted by cachegrind: the same on a busy machine and a
//! quiet one. (Callgrind follows calls, and fails an assertion of its own where wasmtime
//! changes stacks.)
//!
//! Each path is run with some operations and with more of them; the difference is what the
//! operations cost, and start, compilation and end fall out. All run one operation at a
//! time, so that no group commit or stolen task depends on the moment.

use std::{num::NonZeroUsize, path::Path, process::Stdio};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use tokio::process::Command;
use windlass_host::{Host, HostConfig, Limits};
use windlass_model::{PluginName, Timestamp};

use crate::{
    decide::view,
    devices::{Addressing, Devices},
    engine::{Course, Fleet},
    load::{self, Payload},
    part,
    push::{
        Work,
        sandbox::{Instances, Sandbox},
    },
    report::{Bound, Row},
};

/// A hot path.
struct HotPath {
    name: &'static str,
    what: &'static str,
    /// Operations of the shorter run, and how many more the longer one has.
    fewer: u64,
    more: u64,
}

const PATHS: [HotPath; 4] = [
    HotPath {
        name: "decide",
        what: "a decision of `policy-progressive`",
        fewer: 100,
        more: 400,
    },
    HotPath {
        name: "filter",
        what: "a device judged by a CEL filter",
        fewer: 8_192,
        more: 16_384,
    },
    HotPath {
        name: "push",
        what: "a push of 1 KiB through the sandbox",
        fewer: 200,
        more: 400,
    },
    HotPath {
        name: "rollout",
        what: "a device of a rollout through the whole engine, imported and planned",
        fewer: 200,
        more: 400,
    },
];

/// The rows.
pub(crate) async fn rows(print: &mut impl FnMut(Row)) -> Result<()> {
    let cache = tempfile::tempdir()?;
    let cache = cache.path().to_str().context("a plain path")?;
    for path in &PATHS {
        // Its plugins are compiled, for the processor that valgrind shows.
        count(path.name, 1, cache).await?;
        let few = count(path.name, path.fewer, cache).await?;
        let many = count(path.name, path.fewer + path.more, cache).await?;
        let each = (many - few) / path.more as f64;
        print(Row {
            what: format!("instructions of {}", path.what),
            measured: format!("{:.1} k", each / 1000.0),
            bound: Bound::Reported,
        });
    }
    Ok(())
}

/// Instructions of a part.
async fn count(name: &str, operations: u64, cache: &str) -> Result<f64> {
    let output = Command::new("valgrind")
        .args(["--tool=cachegrind", "--cache-sim=no"])
        .arg("--cachegrind-out-file=/dev/null")
        .arg(std::env::current_exe()?)
        .args([part::COMMAND, "hot", name, &operations.to_string(), cache])
        .stdout(Stdio::null())
        .output()
        .await
        .context("valgrind cannot be run; it is the Debian package `valgrind`")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "under valgrind: {said}");
    let collected = said
        .lines()
        .find_map(|line| line.split_once("I   refs:"))
        .with_context(|| format!("valgrind counted nothing: {said}"))?;
    Ok(collected.1.trim().replace(',', "").parse()?)
}

/// Runs `operations` of path `name`; how many it ran.
pub(crate) async fn hot(name: &str, operations: u64, cache: &Path) -> Result<f64> {
    match name {
        "decide" => decide(operations, cache).await?,
        "filter" => filter(operations, cache).await?,
        "push" => push(operations, cache).await?,
        "rollout" => rollout(operations, cache).await?,
        name => anyhow::bail!("there is no hot path {name}"),
    }
    Ok(operations as f64)
}

async fn plugin(name: &str, cache: &Path) -> Result<windlass_host::Plugin> {
    let host = Host::start(HostConfig {
        concurrency: NonZeroUsize::MIN,
        cache_dir: Some(cache.to_owned()),
        limits: Limits::default(),
    })?;
    let component = windlass_builtin::builtin(name).context("it is built in")?;
    Ok(host
        .load(PluginName::new(name), Bytes::from_static(component))
        .await?)
}

async fn decide(operations: u64, cache: &Path) -> Result<()> {
    let policy = plugin("policy-progressive", cache).await?;
    let policy = policy.policy(&view::settings()).await?;
    let mut memo = Vec::new();
    for _ in 0..operations {
        memo = policy.decide(&view::view(500, 1000), &memo).await?.memo;
    }
    Ok(())
}

async fn filter(operations: u64, cache: &Path) -> Result<()> {
    let cel = plugin("filter-cel", cache).await?;
    let expression = load::ONE_IN_A_HUNDRED;
    let filter = cel.filter(Some(expression), &serde_json::json!({})).await?;
    let devices: Vec<_> = (0..operations)
        .map(|index| load::device(index, Addressing::Each, 80))
        .collect();
    for page in devices.chunks(4_096) {
        filter.matches(Timestamp(0), page).await?;
    }
    Ok(())
}

async fn push(operations: u64, cache: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let devices = Devices::start().await?;
    let payload = Payload::make(folder.path(), 1 << 10)?;
    let sandbox = Sandbox::start(Instances::Reused, 1, Some(cache)).await?;
    let work = work(&payload, operations, &devices);
    sandbox.plan(&work).make().await?;
    Ok(())
}

async fn rollout(operations: u64, cache: &Path) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let devices = Devices::start().await?;
    let payload = Payload::make(folder.path(), 1 << 10)?;
    let work = work(&payload, operations, &devices);
    let state = folder.path().join("state.db");
    let course = Course {
        cache: Some(cache),
        ..Course::FREE
    };
    let fleet = Fleet::prepare(&state, &work, course).await?;
    fleet.roll_out().await?;
    Ok(())
}

fn work<'a>(payload: &'a Payload, pushes: u64, devices: &Devices) -> Work<'a> {
    Work {
        pushes,
        at_once: 1,
        addressing: Addressing::One,
        port: devices.port,
        payload,
    }
}
