use std::{net::Ipv4Addr, num::NonZeroU64, path::Path, time::Duration};

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use windlass_sim::{
    Addressing, Behaviour, DeviceRecord, Failing, Fault, FaultRate, Fleet, FleetSpec, Install,
    Meanwhile, Offline, Report, When,
};

use super::Failure;
use crate::{
    args::FleetArgs,
    console,
    diagnostic::{Diagnostic, nearest},
    exit::Exit,
    render::{bytes, count},
};

/// The faults that can be asked for by name.
fn faults(args: &FleetArgs) -> [(&'static str, Failing); 13] {
    let failing = |fault, when| Failing { fault, when };
    let busy = Fault::Status {
        code: http::StatusCode::TOO_MANY_REQUESTS,
        retry_after: Some(1),
    };
    let cut = Fault::Cut { after: args.cut_at };
    let after = args.fault_after;
    let mute = Fault::Mute {
        code: http::StatusCode::NOT_FOUND,
    };
    [
        ("flaky", failing(Fault::status(503), When::First(2))),
        ("server-error", failing(Fault::status(500), When::Always)),
        ("busy", failing(busy, When::First(1))),
        ("reject", failing(Fault::status(400), When::Always)),
        ("refuse", failing(Fault::Refuse, When::Always)),
        ("hang", failing(Fault::Hang, When::Always)),
        ("cut", failing(cut, When::First(1))),
        ("swallow", failing(Fault::Swallow, When::First(1))),
        ("wrong-version", failing(Fault::KeepVersion, When::Always)),
        ("bad", failing(Fault::status(500), When::Always)),
        ("late", failing(Fault::Late { after }, When::First(1))),
        ("mute", failing(mute, When::Always)),
        ("regress", failing(Fault::FallBack { after }, When::Always)),
    ]
}

pub(super) async fn fleet(args: FleetArgs) -> Result<Exit, Failure> {
    let spec = spec(&args)?;
    let fleet = Fleet::start(spec)
        .map_err(|error| crate::setup::with_causes(Diagnostic::error(error.to_string()), &error))?;
    if let Some(path) = &args.export {
        let file = std::fs::File::create(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        fleet
            .export(std::io::BufWriter::new(file))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    let first = fleet
        .devices()
        .next()
        .map_or_else(String::new, |device| format!(" from {}", device.address));
    console::line(&format!(
        "serving {}{first}; end with Ctrl-C",
        count(fleet.devices().count() as u64, "device")
    ));
    if let Some(control) = fleet.control_address() {
        console::line(&format!("watched and controlled at http://{control}"));
    }
    wait(args.duration)
        .await
        .context("signals cannot be received")?;
    let report = fleet.stop().await;
    if let Some(path) = &args.report {
        let file = std::fs::File::create(path)
            .with_context(|| format!("cannot write {}", path.display()))?;
        serde_json::to_writer_pretty(std::io::BufWriter::new(file), &report)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    console::text(&text(&report));
    Ok(Exit::Success)
}

async fn wait(duration: Option<Duration>) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let timeout = async {
        match duration {
            Some(duration) => tokio::time::sleep(duration).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        () = timeout => {}
    }
    Ok(())
}

fn spec(args: &FleetArgs) -> Result<FleetSpec, Diagnostic> {
    let latency = args.latency.unwrap_or_default();
    let devices = match &args.devices {
        Some(path) => listed(path)?,
        None => Vec::new(),
    };
    Ok(FleetSpec {
        count: args.count.map_or(devices.len(), |count| count as usize),
        devices,
        control: args.control,
        seed: args.seed,
        addressing: if args.own_ports {
            Addressing::Ports {
                address: Ipv4Addr::LOCALHOST,
            }
        } else {
            Addressing::Loopback { port: args.port }
        },
        default: Behaviour {
            latency: latency..=latency,
            bandwidth: args.bandwidth.and_then(NonZeroU64::new),
            install: Install {
                takes: args.install.unwrap_or_default(),
                meanwhile: Meanwhile::default(),
            },
            reboot: args.reboot.unwrap_or_default(),
            ..Behaviour::default()
        },
        faults: args
            .faults
            .iter()
            .map(|text| fault(text, args))
            .collect::<Result<_, _>>()?,
        offline_share: args.offline,
        offline: Offline {
            comes_online_after: args.connect_after,
        },
        versions: vec![args.version.clone()],
        ..FleetSpec::default()
    })
}

/// The devices of a list.
fn listed(path: &Path) -> Result<Vec<DeviceRecord>, Diagnostic> {
    let shown = path.display();
    let text = std::fs::read(path)
        .map_err(|error| Diagnostic::error(format!("cannot read {shown}: {error}")))?;
    let devices: Vec<DeviceRecord> = serde_json::from_slice(&text)
        .map_err(|error| Diagnostic::error(format!("{shown} is no list of devices: {error}")))?;
    if devices.is_empty() {
        return Err(Diagnostic::error(format!("{shown} lists no device")));
    }
    Ok(devices)
}

fn fault(text: &str, args: &FleetArgs) -> Result<FaultRate, Diagnostic> {
    let malformed = || {
        Diagnostic::error(format!("`{text}` is no fault"))
            .help("write KIND=SHARE, such as `flaky=0.1`, or KIND=SHARE@VERSION")
    };
    let (kind, share) = text.split_once('=').ok_or_else(malformed)?;
    let (share, version) = match share.split_once('@') {
        Some((share, version)) => (share, Some(version)),
        None => (share, None),
    };
    let share = share.parse().map_err(|_| malformed())?;
    let faults = faults(args);
    let names = faults.each_ref().map(|(name, _)| *name);
    let known = faults.into_iter().find(|(name, _)| *name == kind);
    let Some((_, mut failing)) = known else {
        let diagnostic = Diagnostic::error(format!("there is no fault `{kind}`"));
        return Err(match nearest(kind, names) {
            Some(name) => diagnostic.help(format!("did you mean `{name}`?")),
            None => diagnostic.help(format!("the faults are {}", names.join(", "))),
        });
    };
    if let Some(version) = version {
        failing.when = When::Version(version.to_owned());
    }
    Ok(FaultRate { failing, share })
}

fn text(report: &Report) -> String {
    let totals = &report.totals;
    let again = report
        .devices
        .iter()
        .filter(|device| device.installed > 1)
        .count();
    let rows = [
        ("devices", totals.devices),
        ("pushed to", totals.pushed_to),
        ("updated", totals.updated),
        ("updated more than once", again as u64),
        ("pushes begun", totals.begun),
        ("pushes completed", totals.completed),
        ("pushes broken off by the sender", totals.aborted),
        ("bodies with wrong bytes", totals.wrong_bytes),
        ("pushes at once, at most", totals.peak_pushes),
        ("connections at once, at most", totals.peak_connections),
    ];
    let mut text = String::new();
    for (name, number) in rows {
        text.push_str(&format!("  {number:>9} {name}\n"));
    }
    text.push_str(&format!("  {:>9} received\n", bytes(totals.bytes)));
    text
}
