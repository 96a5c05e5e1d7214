//! Which members of groups are out of service, for limits that count them.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::{Candidate, GroupHealth, GroupSeat};
use windlass_model::{DeviceKey, GroupLimit};

use crate::{
    placing::{key, number},
    plugins::Plugins,
    scenario::Scenario,
    world::World,
};

/// The members of groups whose members out of service are bounded.
#[derive(Debug)]
pub(crate) struct Members(BTreeMap<GroupSeat, Vec<DeviceKey>>);

impl Members {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let limits = &scenario.limits;
        let mut groups: BTreeMap<GroupSeat, Vec<DeviceKey>> = BTreeMap::new();
        if limits.iter().any(counts_members) {
            for device in 0..scenario.fleet.devices() {
                for seat in GroupSeat::of(limits, &scenario.fleet.record(device)) {
                    if limits.get(seat.limit).is_some_and(counts_members) {
                        groups.entry(seat).or_default().push(key(device));
                    }
                }
            }
        }
        Self(groups)
    }
}

impl<P: Plugins> World<'_, P> {
    /// Of the candidates' groups: who is offline, or has failed.
    pub(crate) fn health(&self, candidates: &[Candidate]) -> GroupHealth {
        let seats: BTreeSet<&GroupSeat> = candidates
            .iter()
            .flat_map(|candidate| &candidate.groups)
            .collect();
        let down = seats.into_iter().filter_map(|seat| {
            let members = self.members.0.get(seat)?.iter().copied();
            let down = members.filter(|member| self.is_down(number(*member)));
            Some((seat.clone(), down.collect()))
        });
        GroupHealth {
            as_of: self.now.monotonic,
            down: down.collect(),
        }
    }

    fn is_down(&self, device: u64) -> bool {
        let fleet = &self.scenario.fleet;
        let connected = self.luck.connected(fleet, device, self.now.wall);
        connected.is_none() || self.has_failed(device)
    }
}

fn counts_members(limit: &GroupLimit) -> bool {
    limit.unavailable.is_some()
}
