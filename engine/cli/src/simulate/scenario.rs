use std::{path::Path, sync::Arc};

use jiff::tz::TimeZone;
use windlass_host::PluginError;
use windlass_model::{Device, Timestamp};
use windlass_runtime::delivery_facts;
use windlass_simulate::{
    Faults, Fleet, Prototype, Scenario, Session, SimulateError, live as live_through, plan,
    worst_case,
};

use crate::{
    args::SimulateArgs,
    command::Failure,
    config::Overrides,
    diagnostic::Diagnostic,
    setup::{self, Dry, with_causes},
};

/// Devices that are made up if nobody says how many.
const DEVICES: u64 = 10_000;

/// Lives the rollout of a configuration through.
///
/// # Errors
/// If the configuration is wrong, selects no device, or one of its plugins fails.
pub async fn live(config: &Path, args: &SimulateArgs) -> Result<Session, Failure> {
    let overrides = Overrides {
        state: None,
        concurrency: args.concurrency,
    };
    let mut dry = setup::prepare_dry(config, &overrides).await?;
    for warning in dry.warnings.iter() {
        warning.emit();
    }
    let scenario = Arc::new(scenario(&mut dry, args));
    let dry = Arc::new(dry);
    let session = on_two_cores(&scenario, &dry).await;
    session.map_err(|error| diagnostic(error, &dry).into())
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
    let session = live_through(scenario, &**dry, &planned).await;
    let radius = match worst.await {
        Ok(radius) => radius?,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    };
    Ok(Session {
        blast_radius: Some(radius),
        ..session?
    })
}

fn diagnostic(error: SimulateError<PluginError>, dry: &Dry) -> Diagnostic {
    let diagnostic = with_causes(Diagnostic::error(error.to_string()), &error);
    match error {
        SimulateError::NothingSelected { .. } if dry.config.devices.is_none() => diagnostic.help(
            "name a fleet file with `devices` under `[fleet]`: devices are made of its records",
        ),
        SimulateError::NothingSelected { .. } => {
            diagnostic.help("`windlass plan` tells what the filter says of each device")
        }
        SimulateError::Plugin(_) | SimulateError::Cohorts(_) => diagnostic,
    }
}

fn scenario(dry: &mut Dry, args: &SimulateArgs) -> Scenario {
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
    let engine = &dry.config.engine;
    let rollout = &dry.config.rollout;
    Scenario {
        rollout: rollout.name.value.clone(),
        release: dry.release(),
        settings: rollout.settings.clone(),
        facts: delivery_facts(&dry.deliveries),
        policies: dry.policies.iter().map(|part| part.pin.clone()).collect(),
        concurrency: engine.concurrency,
        limits: engine.limits.clone().into(),
        retries_per_minute: engine.retries_per_minute,
        fleet: Fleet::new(args.profile.0, args.seed, devices, records),
        faults: Faults {
            broken: args.fail,
            known_after: args.after,
            flaky: args.flaky,
            transfer: args.transfer,
        },
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
