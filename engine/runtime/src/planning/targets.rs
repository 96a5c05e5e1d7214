use windlass_core::placement::Placer;
use windlass_model::{
    Cohort, CohortIndex, Device, DeviceId, DeviceKey, Placement, PluginName, TierCount, Timestamp,
};

use super::{NAMED_MAX, PlanError, Selection, routes};
use crate::parts::{Parts, PolicyPart};

/// Takes devices batch by batch, and makes a selection of them.
pub(super) struct Chooser<'a> {
    parts: &'a Parts,
    now: Timestamp,
    placer: Placer,
    seen: u64,
    selected: u64,
    unserved: u64,
    named: Vec<DeviceId>,
}

impl<'a> Chooser<'a> {
    pub(super) fn new(parts: &'a Parts, now: Timestamp) -> Self {
        Self {
            parts,
            now,
            placer: Placer::new(parts.settings.seed, parts.name.clone()),
            seen: 0,
            selected: 0,
            unserved: 0,
            named: Vec::new(),
        }
    }

    /// Asks the plugins about one batch.
    pub(super) async fn take(
        &mut self,
        keys: Vec<DeviceKey>,
        devices: Vec<Device>,
    ) -> Result<(), PlanError> {
        let parts = self.parts;
        self.seen += devices.len() as u64;
        let matches = match &parts.filter {
            Some(part) => part.filter.matches(self.now, &devices).await?,
            None => vec![true; devices.len()],
        };
        let (keys, devices): (Vec<_>, Vec<Device>) = keys
            .into_iter()
            .zip(devices)
            .zip(matches)
            .filter_map(|(pair, matches)| matches.then_some(pair))
            .unzip();
        let served = routes(&parts.deliveries, &devices, self.now).await?;
        for (device, _) in devices
            .iter()
            .zip(&served)
            .filter(|(_, route)| route.is_none())
        {
            self.unserved += 1;
            if self.named.len() < NAMED_MAX {
                self.named.push(device.id.clone());
            }
        }
        let placements = placements(&parts.policies, &devices, self.now).await?;
        self.selected += devices.len() as u64;
        for ((key, device), placement) in keys.into_iter().zip(&devices).zip(placements) {
            self.placer.add(key, &device.id, placement);
        }
        Ok(())
    }

    /// Cuts the cohorts; `total` is how many devices there are, those not taken included.
    pub(super) async fn finish(self, total: Option<u64>) -> Result<Selection, PlanError> {
        if self.unserved > 0 {
            return Err(PlanError::Unserved {
                count: self.unserved,
                devices: self.named,
            });
        }
        let (targets, cohorts) = cut(&self.parts.policies, self.placer).await?;
        Ok(Selection {
            targets,
            cohorts,
            unselected: total.unwrap_or(self.seen).saturating_sub(self.selected),
        })
    }
}

/// How the first policy ranks each device.
pub(super) async fn placements(
    policies: &[PolicyPart],
    devices: &[Device],
    now: Timestamp,
) -> Result<Vec<Placement>, PlanError> {
    Ok(match policies.first() {
        Some(first) => first.policy.place(now, devices).await?,
        None => vec![Placement::default(); devices.len()],
    })
}

/// What was placed, in rank order, and the cohorts that the first policy cuts it into.
pub(super) async fn cut(
    policies: &[PolicyPart],
    placer: Placer,
) -> Result<(Vec<(DeviceKey, CohortIndex)>, Vec<Cohort>), PlanError> {
    let tiers = placer.tiers();
    let (policy, cohorts) = match policies.first() {
        Some(first) => (first.pin.name.clone(), first.policy.cohorts(&tiers).await?),
        None => (PluginName::new("none"), vec![everyone(&tiers)]),
    };
    let targets = placer
        .cut(&cohorts)
        .map_err(|cause| PlanError::Cohorts { policy, cause })?;
    Ok((targets, cohorts))
}

/// The one cohort of a rollout without a policy.
fn everyone(tiers: &[TierCount]) -> Cohort {
    Cohort {
        name: "all".into(),
        size: tiers.iter().map(|tier| tier.devices).sum(),
    }
}
