//! What the gate of a device must know beside the device: holds, other rollouts, groups.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use windlass_core::{Gate, GroupHealth, GroupSeat, Now, admission};
use windlass_model::{
    Assignment, Device, DeviceKey, GroupLimit, RolloutKey, SkipReason, Timestamp,
};
use windlass_store::{Store, StoreError};

use super::executor::Surroundings;

/// How long a device is put off that another rollout has to settle.
const FENCED_DELAY: Duration = Duration::from_secs(10);

/// Who asks.
pub(super) struct Asker {
    pub(super) rollout: RolloutKey,
    /// The rollouts that the engine drives.
    pub(super) driven: Vec<RolloutKey>,
    pub(super) limits: Arc<[GroupLimit]>,
    pub(super) now: Now,
}

/// What the store knows beside some devices.
pub(super) struct Survey {
    pub(super) apart: Apart,
    pub(super) around: Surroundings,
    pub(super) health: GroupHealth,
}

/// Devices that need no look at: what becomes of them is known.
pub(super) struct Apart {
    /// What another rollout's last attempt did to them is not known, so nobody else may push
    /// to them.
    fenced: BTreeSet<DeviceKey>,
    /// They were taken out of service.
    decommissioned: BTreeSet<DeviceKey>,
}

impl Asker {
    pub(super) fn survey(
        self,
        store: &Store,
        rows: &[(Assignment, Device)],
    ) -> Result<Survey, StoreError> {
        let devices: Vec<_> = rows.iter().map(|(row, _)| row.device).collect();
        let health = self.health(store, rows)?;
        let rivals = store.rivals(self.rollout, &devices)?;
        let holds = store.holds(self.now.wall)?;
        Ok(Survey {
            apart: Apart {
                fenced: store.fenced(&devices)?,
                decommissioned: store.decommissioned(&devices)?,
            },
            around: Surroundings::new(self.rollout, holds, rivals, self.driven),
            health,
        })
    }

    /// Who of the devices' groups is out of service, as far as the store knows. What the
    /// attempts of the driven rollouts do to devices is core's to know.
    fn health(
        &self,
        store: &Store,
        rows: &[(Assignment, Device)],
    ) -> Result<GroupHealth, StoreError> {
        let watched = |seat: &GroupSeat| {
            let limit = self.limits.get(seat.limit);
            limit.is_some_and(|limit| limit.unavailable.is_some())
        };
        let seats: BTreeSet<GroupSeat> = rows
            .iter()
            .flat_map(|(_, device)| GroupSeat::of(&self.limits, device))
            .filter(watched)
            .collect();
        let groups: Vec<_> = seats
            .iter()
            .filter_map(|seat| {
                let field = self.limits.get(seat.limit)?.by.clone();
                Some((field, seat.value.clone()))
            })
            .collect();
        let down = store.down(&groups, &self.driven)?;
        Ok(GroupHealth {
            as_of: self.now.monotonic,
            down: seats.into_iter().zip(down).collect(),
        })
    }
}

impl Apart {
    pub(super) fn gate(
        &self,
        device: DeviceKey,
        around: &Surroundings,
        now: Timestamp,
    ) -> Option<Gate> {
        if self.fenced.contains(&device) {
            Some(Gate::Defer {
                until: now.plus(FENCED_DELAY),
                needs_connection: false,
                reason: Some(admission::fenced(around.rivals_of(device), &around.driven)),
            })
        } else if self.decommissioned.contains(&device) {
            Some(Gate::Skip(SkipReason::NoLongerMatches))
        } else {
            None
        }
    }
}
