//! The plugin itself.

use windlass_sdk::{
    Cohort, Decision, Device, Placement, Policy, Problem, Projection, TierCount, Timestamp, View,
};

use crate::{decide::decide, lanes::Lanes, settings::Settings};

/// Lanes of devices, by their settings.
pub struct PriorityLanes(Lanes);

impl Policy for PriorityLanes {
    type Settings = Settings;

    fn open(settings: Settings) -> Result<Self, Vec<Problem>> {
        Lanes::of(settings).map(Self)
    }

    fn reads(&self) -> Projection {
        Projection::nothing().and_attribute(&self.0.attribute)
    }

    /// A tier for each lane.
    fn place(&self, _: Timestamp, device: &Device) -> Placement {
        let lane = self.0.lane_of(device.attribute(&self.0.attribute));
        Placement {
            // There are 30 lanes at most.
            tier: u32::try_from(lane).unwrap_or(u32::MAX),
            stratum: String::new(),
        }
    }

    fn cohorts(&self, tiers: &[TierCount]) -> Result<Vec<Cohort>, String> {
        let cohort = |(tier, name): (u32, &String)| Cohort {
            name: name.clone(),
            size: tiers
                .iter()
                .filter(|count| count.tier == tier)
                .map(|count| count.devices)
                .sum(),
        };
        let names = self.0.lanes.iter().map(|lane| &lane.name);
        Ok((0..).zip(names).map(cohort).collect())
    }

    fn decide(&self, view: &View, _: &[u8]) -> Decision {
        decide(&self.0, view)
    }

    /// It has no memo, so it can follow any policy and any build of itself.
    fn migrate(&self, _: &str, _: &[u8]) -> Result<Vec<u8>, String> {
        Ok(Vec::new())
    }
}
