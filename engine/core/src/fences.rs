use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use windlass_model::{DeviceKey, RolloutKey};

use crate::admission::GATE_HOLDS;

/// How long it is remembered that a rollout was done with a device: as long as another
/// rollout's look at the device may be old.
const REMEMBERED: Duration = GATE_HOLDS;

/// Which devices have an unsettled attempt, over all rollouts of an engine. The store
/// refuses a second one; this spares the refusal.
#[derive(Debug, Default)]
pub struct Fences {
    held: BTreeMap<DeviceKey, RolloutKey>,
    rollouts: BTreeSet<RolloutKey>,
    left: BTreeMap<DeviceKey, (u64, RolloutKey)>,
    leaving: VecDeque<(Duration, u64, DeviceKey)>,
    lowered: u64,
}

impl Fences {
    /// How many devices have an unsettled attempt.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    pub(crate) fn enter(&mut self, rollout: RolloutKey) {
        self.rollouts.insert(rollout);
    }

    pub(crate) fn raise(&mut self, rollout: RolloutKey, device: DeviceKey) {
        self.held.insert(device, rollout);
    }

    pub(crate) fn lower(&mut self, rollout: RolloutKey, device: DeviceKey, at: Duration) {
        if self.held.get(&device) == Some(&rollout) {
            self.held.remove(&device);
        }
        while let Some((then, count, old)) = self.leaving.front().copied()
            && then + REMEMBERED < at
        {
            self.leaving.pop_front();
            if self.left.get(&old).is_some_and(|(last, _)| *last == count) {
                self.left.remove(&old);
            }
        }
        self.lowered += 1;
        // A rollout alone needs no memory of this.
        if self.rollouts.len() > 1 {
            self.left.insert(device, (self.lowered, rollout));
            self.leaving.push_back((at, self.lowered, device));
        }
    }

    /// How many fences fell so far.
    pub(crate) fn lowered(&self) -> u64 {
        self.lowered
    }

    /// The other rollout that has an unsettled attempt on `device`.
    pub(crate) fn other(&self, rollout: RolloutKey, device: DeviceKey) -> Option<RolloutKey> {
        self.held
            .get(&device)
            .copied()
            .filter(|holder| *holder != rollout)
    }

    /// Whether another rollout was done with `device` after [`Fences::lowered`] was `seen`.
    pub(crate) fn touched(&self, rollout: RolloutKey, device: DeviceKey, seen: u64) -> bool {
        self.left
            .get(&device)
            .is_some_and(|(count, by)| *by != rollout && *count > seen)
    }

    pub(crate) fn forget(&mut self, rollout: RolloutKey) {
        self.rollouts.remove(&rollout);
        self.held.retain(|_, holder| *holder != rollout);
    }
}
