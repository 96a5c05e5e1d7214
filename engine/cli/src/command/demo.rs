use std::{io::Write as _, num::NonZeroU64, path::Path, time::Duration};

use anyhow::Context as _;
use sha2::Digest as _;
use windlass_model::{Sha256, StateKind};
use windlass_runtime::{RunEnd, WaitFor};
use windlass_sim::{Behaviour, Failing, Fault, FaultRate, Fleet, FleetSpec, Offline, Report, When};

use super::{
    Failure,
    run::{Show, roll_out},
};
use crate::diagnostic::Diagnostic;
use crate::{
    args::{DemoArgs, Output},
    config::Overrides,
    console,
    exit::Exit,
    owner::{Ownership, RunOptions},
    render::{bytes, count, duration},
    setup::{self, with_causes},
};

/// The payload that is delivered.
const PAYLOAD_BYTES: usize = 16 << 20;
/// What a simulated device takes a second: fast enough for a demonstration, slow enough to
/// watch.
const DEVICE_BANDWIDTH: u64 = 12 << 20;
/// When the offline devices connect.
const OFFLINE_FOR: Duration = Duration::from_secs(5);

/// The configuration of the demonstration; `{devices}` and so on are filled in.
const CONFIG: &str = r#"[engine]
state = "state/windlass.db"
concurrency = 50

[fleet]
devices = "devices.json"

[release]
name = "pos-app"
version = "2.3.0"
payload = "pos-app-2.3.0.img"

[plugins.http]
component = "builtin:delivery-http"
settings = { allow_plain_http = true }

[plugins.old-ones]
component = "builtin:filter-cel"

[plugins.careful]
component = "builtin:policy-progressive"
settings.cohorts = [
  { name = "canary", percent = 5,   success_rate = 0.8 },
  { name = "half",   percent = 50,  success_rate = 0.8 },
  { name = "all",    percent = 100 },
]

[rollout]
name = "pos-app-2.3.0"
delivery = "http"
filter = { plugin = "old-ones", expression = 'semver(device.version).isLessThan(semver("2.3.0"))' }
policies = ["careful"]
retry = { attempts = 4, backoff = "200ms", max_backoff = "2s" }
timeouts = { idle = "5s", attempt = "1m" }
probe_interval = "1s"
"#;

pub(super) async fn demo(args: DemoArgs) -> Result<Exit, Failure> {
    let folder = tempfile::tempdir().context("no temporary folder can be made")?;
    let payload = write_payload(&folder.path().join("pos-app-2.3.0.img"), args.seed)
        .context("the payload cannot be written")?;
    let fleet = Fleet::start(spec(&args, payload))
        .map_err(|error| with_causes(Diagnostic::error(error.to_string()), &error))?;
    let config = folder.path().join("windlass.toml");
    write_inputs(&config, &fleet).context("the demonstration's files cannot be written")?;
    if args.output == Output::Human {
        console::text(&introduction(&args));
    }
    let prepared = setup::prepare(&config, &Overrides::default(), &setup::Quiet).await?;
    let options = RunOptions {
        wait: WaitFor::Done,
        accept_changes: false,
        resumed_by: None,
    };
    let show = Show {
        output: args.output,
        again: "windlass demo".into(),
    };
    let ownership = Ownership::start(&prepared.config, &prepared.host)?;
    let ends = roll_out(ownership, prepared, &options, &show).await?;
    let end = ends.runs.first().context("the demonstration did not run")?;
    let report = fleet.stop().await;
    let violations = report.exactly_once(payload);
    if args.output == Output::Human {
        console::text(&proof(&report, payload, end));
    }
    let complete = report.totals.updated == end.counts.get(StateKind::Succeeded);
    if violations.is_empty() && complete {
        return Ok(Exit::Success);
    }
    for violation in &violations {
        console::error(&format!("error: {violation}"));
    }
    if !complete {
        console::error("error: the engine and the devices disagree about how many were updated");
    }
    Ok(Exit::Finished)
}

fn spec(args: &DemoArgs, expected: Sha256) -> FleetSpec {
    let rate = |fault, when, share| FaultRate {
        failing: Failing { fault, when },
        share,
    };
    FleetSpec {
        count: args.devices as usize,
        seed: args.seed,
        default: Behaviour {
            latency: Duration::from_millis(1)..=Duration::from_millis(20),
            bandwidth: NonZeroU64::new(DEVICE_BANDWIDTH),
            ..Behaviour::default()
        },
        faults: vec![
            rate(Fault::status(503), When::First(1), 0.05),
            rate(Fault::Cut { after: 5 << 20 }, When::First(1), 0.04),
            rate(Fault::status(409), When::Always, 0.01),
        ],
        offline_share: 0.03,
        offline: Offline {
            comes_online_after: Some(OFFLINE_FOR),
        },
        versions: ["2.0.5", "2.1.0", "2.2.0"].map(str::to_owned).to_vec(),
        expected: Some(expected),
        ..FleetSpec::default()
    }
}

/// Bytes that do not compress and differ everywhere, from the seed.
fn write_payload(path: &Path, seed: u64) -> std::io::Result<Sha256> {
    let mut state = seed ^ 0x9e37_79b9_7f4a_7c15;
    let mut hasher = sha2::Sha256::new();
    let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
    for _ in 0..PAYLOAD_BYTES / 8 {
        // SplitMix64 (Steele, Lea, Flood 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let word = (word ^ (word >> 31)).to_le_bytes();
        hasher.update(word);
        file.write_all(&word)?;
    }
    file.flush()?;
    Ok(Sha256(hasher.finalize().into()))
}

fn write_inputs(config: &Path, fleet: &Fleet) -> std::io::Result<()> {
    std::fs::write(config, CONFIG)?;
    fleet.export(std::io::BufWriter::new(std::fs::File::create(
        config.with_file_name("devices.json"),
    )?))
}

fn introduction(args: &DemoArgs) -> String {
    format!(
        "{} on loopback get {} of pos-app 2.3.0:\n\
         canary 5%, half 50%, all. Delivery, filter and policy are WebAssembly\n\
         components. One device in ten fails its first attempt, 3% are offline for {}.\n\n",
        count(u64::from(args.devices), "simulated device"),
        bytes(PAYLOAD_BYTES as u64),
        duration(OFFLINE_FOR),
    )
}

/// What the devices themselves saw.
fn proof(report: &Report, payload: Sha256, end: &RunEnd) -> String {
    let totals = &report.totals;
    let exact = report
        .devices
        .iter()
        .filter(|device| device.installed_sha256 == Some(payload))
        .count() as u64;
    let again = report
        .devices
        .iter()
        .filter(|device| device.installed > 1)
        .count() as u64;
    let retried = report
        .devices
        .iter()
        .filter(|device| device.begun > 1 && device.installed == 1)
        .count() as u64;
    let rows = [
        (exact, "devices hold exactly the bytes of the release"),
        (again, "devices were updated more than once"),
        (totals.wrong_bytes, "complete bodies had wrong bytes"),
        (retried, "devices needed more than one attempt"),
        (
            end.counts.get(StateKind::Rejected),
            "devices rejected the release, and were left alone",
        ),
        (
            totals.peak_pushes,
            "transfers at once at most, of 50 allowed",
        ),
    ];
    let mut text = String::from("\nWhat the devices saw:\n");
    for (number, what) in rows {
        text.push_str(&format!("  {number:>5}  {what}\n"));
    }
    let speed = totals.bytes as f64 / end.duration.as_secs_f64();
    text.push_str(&format!(
        "  SHA-256 {payload}\n  {} in {}, {}\n",
        bytes(totals.bytes),
        duration(end.duration),
        crate::render::rate(speed),
    ));
    text
}
