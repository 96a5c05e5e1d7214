use std::{path::Path, sync::Arc, time::Duration};

use jiff::tz::TimeZone;
use windlass_host::PluginError;
use windlass_model::{Device, Timestamp};
use windlass_runtime::delivery_facts;
use windlass_simulate::{
    FallBack, Faults, Fleet, Prototype, Scenario, Session, SignalModel, SimulateError, live, plan,
    worst_case,
};

use super::{recorded::Recorded, signals};
use crate::{
    args::SimulateArgs,
    command::Failure,
    config::Overrides,
    diagnostic::{Diagnostic, quote},
    setup::{self, Dry, with_causes},
};

/// Devices that are made up if nobody says how many.
const DEVICES: u64 = 10_000;

/// Where no fleet tells how long a transfer takes.
const TRANSFER: Duration = Duration::from_secs(120);

/// Lives the rollouts of all configurations through, once all of them were found to be good.
///
/// # Errors
/// If a configuration is wrong, selects no device, or one of its plugins fails; if the recorded
/// fleet cannot be had, or nothing says what a signal reads.
pub async fn all(args: &SimulateArgs) -> Result<Vec<Session>, Failure> {
    let overrides = Overrides {
        state: None,
        concurrency: args.concurrency,
    };
    let recorded = Recorded::of(args)?;
    let configs: Vec<_> = std::iter::once(&args.config).chain(&args.against).collect();
    let mut dries = Vec::new();
    for config in &configs {
        let dry = setup::prepare_dry(config, &overrides).await?;
        for warning in dry.warnings.iter() {
            warning.emit();
        }
        let shadows = &dry.config.rollout.shadows;
        if let Some(shadow) = shadows.first() {
            not_in_shadow(shadow.value.as_str(), config).emit();
        }
        dries.push(dry);
    }
    signals::all_are_asked_for(&args.signals, &dries)?;
    let mut scenarios = Vec::new();
    for (config, mut dry) in configs.into_iter().zip(dries) {
        let signals = signals::models(&dry, &args.signals, &recorded.signals)?;
        let fleet = recorded.fleet.clone();
        let fleet = fleet.unwrap_or_else(|| made(&mut dry, args));
        let configuration = config.display().to_string();
        let scenario = scenario(&dry, args, (configuration, fleet, signals));
        scenarios.push((Arc::new(scenario), Arc::new(dry)));
    }
    let mut sessions = Vec::new();
    for (scenario, dry) in scenarios {
        let session = on_two_cores(&scenario, &dry).await;
        sessions.push(session.map_err(|error| diagnostic(error, &dry, args))?);
    }
    Ok(sessions)
}

/// A candidate is tried in a simulation by being in force there.
fn not_in_shadow(shadow: &str, config: &Path) -> Diagnostic {
    Diagnostic::warning("policies in shadow are left out of a simulation").help(format!(
        "to compare them, put {} into `policies` of a copy of {}, and name it with --against",
        quote(shadow),
        config.display(),
    ))
}

/// The worst case is lived through beside the rollout: neither knows of the other.
async fn on_two_cores(
    scenario: &Arc<Scenario>,
    dry: &Arc<Dry>,
) -> Result<Session, SimulateError<PluginError>> {
    let planned = Arc::new(plan(scenario, &**dry).await?);
    let worst = {
        let (scenario, dry) = (Arc::clone(scenario), Arc::clone(dry));
        let planned = Arc::clone(&planned);
        tokio::spawn(async move { worst_case(&scenario, &*dry, &planned).await })
    };
    let session = live(scenario, &**dry, &planned).await;
    let radius = match worst.await {
        Ok(radius) => radius?,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    Ok(Session {
        blast_radius: Some(radius),
        ..session?
    })
}

fn diagnostic(error: SimulateError<PluginError>, dry: &Dry, args: &SimulateArgs) -> Diagnostic {
    let diagnostic = with_causes(Diagnostic::error(error.to_string()), &error);
    match (error, &args.recorded) {
        (SimulateError::NothingSelected { .. }, Some(file)) => diagnostic.help(format!(
            "`windlass devices list --state {}` shows them as the filter sees them",
            file.display()
        )),
        (SimulateError::NothingSelected { .. }, None) if dry.config.devices.is_none() => diagnostic
            .help(
                "name a fleet file with `devices` under `[fleet]`: devices are made of its records",
            ),
        (SimulateError::NothingSelected { .. }, None) => {
            diagnostic.help("`windlass plan` tells what the filter says of each device")
        }
        (SimulateError::Plugin(_) | SimulateError::Cohorts(_), _) => diagnostic,
    }
}

/// Devices of the fleet file's records, or made up.
fn made(dry: &mut Dry, args: &SimulateArgs) -> Fleet {
    let records: Vec<Prototype> = std::mem::take(&mut dry.devices)
        .into_iter()
        .map(|device| Prototype {
            utc_offset: utc_offset(&device, args.start),
            device,
        })
        .collect();
    let devices = args.devices.unwrap_or(match records.len() {
        0 => DEVICES,
        count => count as u64,
    });
    Fleet::new(args.profile.0, args.seed, devices, records)
}

fn scenario(
    dry: &Dry,
    args: &SimulateArgs,
    (configuration, fleet, signals): (String, Fleet, Vec<SignalModel>),
) -> Scenario {
    let engine = &dry.config.engine;
    let rollout = &dry.config.rollout;
    let policies = dry.policies.iter();
    let watched = policies.map(|part| part.policy.signals().to_vec());
    Scenario {
        configuration,
        rollout: rollout.name.value.clone(),
        release: dry.release(),
        settings: rollout.settings.clone(),
        facts: delivery_facts(&dry.deliveries),
        policies: dry.policies.iter().map(|part| part.pin.clone()).collect(),
        concurrency: engine.concurrency,
        limits: engine.limits.clone().into(),
        retries_per_minute: engine.retries_per_minute,
        fleet,
        faults: Faults {
            broken: args.fail,
            known_after: args.after,
            fall_back: args.fall_back.map(|share| FallBack {
                share,
                after: args.fall_back_after,
            }),
            flaky: args.flaky,
            transfer: args.transfer.unwrap_or(TRANSFER),
        },
        signals,
        watched: watched.collect(),
        seed: args.seed,
        began: args.start,
        span: args.span,
    }
}

/// Of a device's clock at the start, in seconds; a device without a zone that is known has UTC.
fn utc_offset(device: &Device, at: Timestamp) -> i32 {
    let zone = device.timezone.as_deref().map(TimeZone::get);
    let at = i64::try_from(at.0).ok();
    let at = at.and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok());
    match (zone, at) {
        (Some(Ok(zone)), Some(at)) => zone.to_offset(at).seconds(),
        _ => 0,
    }
}
