//! What the gate of a device must know beside the device: holds, other rollouts, groups.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use windlass_core::{Gate, GroupHealth, GroupSeat, admission};
use windlass_model::{
    Assignment, Device, DeviceKey, GroupLimit, Hold, Rival, RolloutKey, SkipReason, Timestamp,
};
use windlass_store::{StoreError, StoreHandle};

use super::executor::Surroundings;

/// How long a device is put off that another rollout has to settle.
const FENCED_DELAY: Duration = Duration::from_secs(10);

pub(super) async fn of(
    store: &StoreHandle,
    rollout: RolloutKey,
    driven: Vec<RolloutKey>,
    rows: &[(Assignment, Device)],
    now: Timestamp,
) -> Result<Surroundings, StoreError> {
    let devices: Vec<_> = rows.iter().map(|(row, _)| row.device).collect();
    let (holds, rivals): (Vec<Hold>, Vec<Rival>) = store
        .run(move |store| {
            let rivals = store.rivals(rollout, &devices)?;
            Ok::<_, StoreError>((store.holds(now)?, rivals))
        })
        .await??;
    Ok(Surroundings::new(rollout, holds, rivals, driven))
}

/// Who of the devices' groups is out of service, as far as the store knows. What the
/// attempts of the rollouts in `driven` do to devices is core's to know.
pub(super) async fn health(
    store: &StoreHandle,
    limits: &Arc<[GroupLimit]>,
    driven: Vec<RolloutKey>,
    rows: &[(Assignment, Device)],
    as_of: Duration,
) -> Result<GroupHealth, StoreError> {
    let watched = |seat: &GroupSeat| {
        limits
            .get(seat.limit)
            .is_some_and(|limit| limit.unavailable.is_some())
    };
    let seats: BTreeSet<GroupSeat> = rows
        .iter()
        .flat_map(|(_, device)| GroupSeat::of(limits, device))
        .filter(watched)
        .collect();
    if seats.is_empty() {
        return Ok(GroupHealth {
            as_of,
            down: Vec::new(),
        });
    }
    let groups: Vec<_> = seats
        .iter()
        .filter_map(|seat| {
            let field = limits.get(seat.limit)?.by.clone();
            Some((field, seat.value.clone()))
        })
        .collect();
    let down = store
        .run(move |store| store.down(&groups, &driven))
        .await??;
    Ok(GroupHealth {
        as_of,
        down: seats.into_iter().zip(down).collect(),
    })
}

/// Devices that need no look at: what becomes of them is known.
pub(super) struct Apart {
    /// What another rollout's last attempt did to them is not known, so nobody else may push
    /// to them.
    fenced: BTreeSet<DeviceKey>,
    /// They were taken out of service.
    decommissioned: BTreeSet<DeviceKey>,
}

pub(super) async fn apart(
    store: &StoreHandle,
    rows: &[(Assignment, Device)],
) -> Result<Apart, StoreError> {
    let devices: Vec<_> = rows.iter().map(|(row, _)| row.device).collect();
    store
        .run(move |store| {
            Ok(Apart {
                fenced: store.fenced(&devices)?,
                decommissioned: store.decommissioned(&devices)?,
            })
        })
        .await?
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
