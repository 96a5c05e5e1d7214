//! Instructions of the hot paths, counted by cachegrind: the same on a busy machine and a
//! quiet one. (Callgrind follows calls, and fails an assertion of its own where wasmtime
//! changes stacks.)
//!
//! Each path is run with some operations and with more of them; the difference is what the
//! operations cost, and start, compilation and end fall out. All run one operation at a
//! time, so that no group commit or stolen task depends on the moment.

use std::{
    num::NonZeroUsize,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use windlass_host::{Host, HostConfig};
use windlass_model::{PluginName, Timestamp};

use crate::{
    decide::view,
    devices::{Addressing, Devices},
    engine::{Course, Fleet},
    kept::Kept,
    load::{self, Payload},
    part, process,
    push::{
        Work,
        sandbox::{Instances, Sandbox},
    },
    report::{Bound, Row},
    settings::{Judging, Settings},
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

/// The rows; what is to be said below the table.
pub(crate) async fn rows(settings: &Settings, print: &mut impl FnMut(Row)) -> Result<Vec<String>> {
    ensure!(
        settings.judging != Judging::Accept || Kept::SPEAKS_OF_THIS_BUILD,
        "counts are kept of the development profile, and this is a release build"
    );
    if let Some(reason) = unsupported().await {
        return Ok(vec![format!("No instructions were counted: {reason}.")]);
    }
    let cache = tempfile::tempdir()?;
    let cache = cache.path().to_str().context("a plain path")?;
    let kept = match (settings.judging, Kept::SPEAKS_OF_THIS_BUILD) {
        (Judging::Accept, _) | (_, false) => None,
        (Judging::Report | Judging::Hold, true) => Some(Kept::read()?),
    };
    let mut counted = Vec::with_capacity(PATHS.len());
    let mut notes = Vec::new();
    for path in &PATHS {
        // Its plugins are compiled, for the processor that valgrind shows.
        count(path.name, 1, cache).await?;
        // At once: what is counted does not depend on who else runs.
        let (few, many) = tokio::try_join!(
            count(path.name, path.fewer, cache),
            count(path.name, path.fewer + path.more, cache),
        )?;
        let each = (many - few) / path.more as f64;
        counted.push((path.name, each));
        let mut measured = format!("{:.1} k", each / 1000.0);
        let mut bound = Bound::Reported;
        if let Some(kept) = &kept {
            let compared = kept.compare(path.name, each)?;
            measured = format!("{measured}, {:.2} × what is kept", compared.ratio());
            bound = Bound::at_most(compared.ratio(), compared.bound(), " ×");
            notes.extend(compared.complaint(path.what));
        }
        print(Row {
            what: format!("instructions of {}", path.what),
            measured,
            bound,
        });
    }
    if settings.judging == Judging::Accept {
        notes.push(Kept::accept(&counted)?);
    }
    Ok(notes)
}

/// Why nothing can be counted here, if it cannot.
async fn unsupported() -> Option<String> {
    let mut tried = Command::new("valgrind");
    tried.args(["--tool=none", "true"]);
    match process::output(tried).await {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(format!(
            "valgrind does not work on this machine ({})",
            String::from_utf8_lossy(&output.stderr).trim()
        )),
        Err(error) => Some(format!(
            "valgrind cannot be run ({error}); it is the Debian package `valgrind`"
        )),
    }
}

/// Instructions of a part.
async fn count(name: &str, operations: u64, cache: &str) -> Result<f64> {
    let mut counting = Command::new("valgrind");
    counting
        .args(["--tool=cachegrind", "--cache-sim=no"])
        .arg("--cachegrind-out-file=/dev/null")
        .arg(std::env::current_exe()?)
        .args([part::COMMAND, "hot", name, &operations.to_string(), cache])
        .stdin(Stdio::null());
    let output = process::output(counting).await?;
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
        limits: load::limits(NonZeroUsize::MIN),
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
