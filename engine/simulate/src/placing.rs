use windlass_core::placement::Placer;
use windlass_model::{Cohort, CohortIndex, DeviceKey, Placement};

use crate::{
    plugins::Plugins,
    scenario::{Scenario, SimulateError},
};

/// Devices shown to the plugins at once.
const PAGE: u64 = 8192;

/// The targets, cut exactly as for a run that starts at the same instant.
pub(crate) struct Targets {
    pub(crate) cohorts: Vec<Cohort>,
    /// In rank order.
    pub(crate) ranked: Vec<(DeviceKey, CohortIndex)>,
}

pub(crate) async fn place<P: Plugins>(
    scenario: &Scenario,
    plugins: &P,
) -> Result<Targets, SimulateError<P::Error>> {
    let fleet = &scenario.fleet;
    let mut placer = Placer::new(scenario.settings.seed, scenario.rollout.clone());
    let mut first = 0;
    while first < fleet.devices() {
        let end = (first + PAGE).min(fleet.devices());
        take(scenario, plugins, first..end, &mut placer).await?;
        first = end;
    }
    let tiers = placer.tiers();
    let placed = tiers.iter().map(|tier| tier.devices).sum();
    if placed == 0 {
        let devices = fleet.devices();
        return Err(SimulateError::NothingSelected { devices });
    }
    let cohorts = plugins.cohorts(&tiers).await;
    let cohorts = cohorts.map_err(SimulateError::Plugin)?.unwrap_or_else(|| {
        vec![Cohort {
            name: "all".into(),
            size: placed,
        }]
    });
    let ranked = placer.cut(&cohorts).map_err(SimulateError::Cohorts)?;
    Ok(Targets { cohorts, ranked })
}

async fn take<P: Plugins>(
    scenario: &Scenario,
    plugins: &P,
    numbers: std::ops::Range<u64>,
    placer: &mut Placer,
) -> Result<(), SimulateError<P::Error>> {
    let now = scenario.began;
    let mut numbers: Vec<u64> = numbers.collect();
    let mut devices: Vec<_> = numbers
        .iter()
        .map(|number| scenario.fleet.device(*number, now))
        .collect();
    let matches = plugins.matches(now, &devices).await;
    if let Some(matches) = matches.map_err(SimulateError::Plugin)? {
        let mut kept = matches.iter().copied();
        numbers.retain(|_| kept.next().unwrap_or(false));
        let mut kept = matches.into_iter();
        devices.retain(|_| kept.next().unwrap_or(false));
    }
    let placements = plugins.place(now, &devices).await;
    let placements = placements
        .map_err(SimulateError::Plugin)?
        .unwrap_or_else(|| vec![Placement::default(); devices.len()]);
    for ((number, device), placement) in numbers.into_iter().zip(&devices).zip(placements) {
        placer.add(key(number), &device.id, placement);
    }
    Ok(())
}

/// A device's row is its number.
pub(crate) fn key(number: u64) -> DeviceKey {
    DeviceKey(i64::try_from(number).unwrap_or(i64::MAX))
}

pub(crate) fn number(key: DeviceKey) -> u64 {
    u64::try_from(key.0).unwrap_or(0)
}
