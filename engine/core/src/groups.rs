//! Bounds on groups of devices, over all rollouts of an engine.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use windlass_model::{Device, DeviceKey, GroupLimit, RolloutKey, StateKind};

use crate::{STORE_LAG, table};

/// Groups remembered as having got room; a rollout that looks more seldom than this looks
/// at all of its parked devices.
const FREED_KEPT: usize = 4096;

/// One group of one of the engine's limits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct GroupSeat {
    /// The limit's position among the engine's group limits.
    pub limit: usize,
    /// What its members have in common.
    pub value: String,
}

impl GroupSeat {
    /// The groups that a device belongs to, of those whose transfers or members out of
    /// service are bounded.
    pub fn of(limits: &[GroupLimit], device: &Device) -> Vec<Self> {
        limits
            .iter()
            .enumerate()
            .filter(|(_, limit)| limit.transfers.is_some() || limit.unavailable.is_some())
            .filter_map(|(index, limit)| {
                Some(Self {
                    limit: index,
                    value: limit.by.of(device)?,
                })
            })
            .collect()
    }
}

/// Which members of some groups are out of service, as far as the store knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupHealth {
    /// Everything that the candidates were judged by was read after this instant, by the
    /// monotonic clock.
    pub as_of: Duration,
    /// Known to be offline or failed; all such members of each group that is listed.
    pub down: Vec<(GroupSeat, Vec<DeviceKey>)>,
}

/// Exact counts of what is going on in each group that has a limit.
#[derive(Debug)]
pub struct Groups {
    limits: Arc<[GroupLimit]>,
    groups: BTreeMap<GroupSeat, Group>,
    freed: VecDeque<GroupSeat>,
    /// All that were ever freed; the last of them is the last of `freed`.
    freed_ever: u64,
}

#[derive(Debug, Default)]
struct Group {
    transferring: u32,
    /// Members that are out of service, for any reason.
    out: BTreeMap<DeviceKey, Member>,
    health_as_of: Duration,
}

#[derive(Debug, Default)]
struct Member {
    /// The rollouts in which it is in progress, and whether it is being transferred to.
    busy: Vec<(RolloutKey, bool)>,
    /// When it failed in this process.
    failed: Option<Duration>,
    /// The store knows that it is out of service.
    down: bool,
}

impl Member {
    fn is_idle(&self) -> bool {
        self.busy.is_empty() && self.failed.is_none() && !self.down
    }
}

/// Why a group has no room for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    /// Devices that are being updated are in the way: they come to an end.
    Passing,
    /// Devices that are out of service are in the way.
    OutOfService,
}

impl Groups {
    pub(crate) fn new(limits: Arc<[GroupLimit]>) -> Self {
        Self {
            limits,
            groups: BTreeMap::new(),
            freed: VecDeque::new(),
            freed_ever: 0,
        }
    }

    /// Transfers under way in a group.
    pub fn transferring(&self, seat: &GroupSeat) -> usize {
        self.groups
            .get(seat)
            .map_or(0, |group| group.transferring as usize)
    }

    /// Members of a group that are out of service: in progress in any rollout, failed, or
    /// known to be offline.
    pub fn unavailable(&self, seat: &GroupSeat) -> usize {
        self.groups.get(seat).map_or(0, |group| group.out.len())
    }

    /// Whether `device` is counted as out of service in a group.
    pub fn is_out(&self, seat: &GroupSeat, device: DeviceKey) -> bool {
        self.groups
            .get(seat)
            .is_some_and(|group| group.out.contains_key(&device))
    }

    /// The first of a device's groups that has no room for a transfer to it.
    pub(crate) fn full<'a>(
        &self,
        seats: &'a [GroupSeat],
        device: DeviceKey,
    ) -> Option<(&'a GroupSeat, Full)> {
        seats
            .iter()
            .find_map(|seat| Some((seat, self.is_full(seat, device)?)))
    }

    fn is_full(&self, seat: &GroupSeat, device: DeviceKey) -> Option<Full> {
        let limit = self.limits.get(seat.limit)?;
        let group = self.groups.get(seat)?;
        if limit
            .transfers
            .is_some_and(|most| group.transferring >= most.get())
        {
            return Some(Full::Passing);
        }
        let most = limit.unavailable?;
        // One that is out of service already takes nothing away from its group.
        let has_room = group.out.len() < most.get() as usize || group.out.contains_key(&device);
        if has_room {
            return None;
        }
        let passing = group.out.values().any(|member| !member.busy.is_empty());
        Some(if passing {
            Full::Passing
        } else {
            Full::OutOfService
        })
    }

    /// A device of a rollout moved from a state of kind `before` to one of kind `after`.
    pub(crate) fn moved(
        &mut self,
        rollout: RolloutKey,
        device: DeviceKey,
        seats: &[GroupSeat],
        (before, after): (StateKind, StateKind),
        at: Duration,
    ) {
        for seat in seats {
            let group = self.groups.entry(seat.clone()).or_default();
            let frees = group.moved(rollout, device, (before, after), at);
            let is_empty = group.transferring == 0 && group.out.is_empty();
            if is_empty {
                self.groups.remove(seat);
            }
            if frees {
                self.free(seat.clone());
            }
        }
    }

    /// Takes in what the store knows, unless something newer is known.
    pub(crate) fn heed(&mut self, health: GroupHealth) {
        for (seat, down) in health.down {
            let group = self.groups.entry(seat.clone()).or_default();
            let frees = group.health_as_of <= health.as_of && group.heed(health.as_of, &down);
            if group.transferring == 0 && group.out.is_empty() {
                self.groups.remove(&seat);
            }
            if frees {
                self.free(seat);
            }
        }
    }

    /// Forgets all that a rollout has in progress.
    pub(crate) fn forget(&mut self, rollout: RolloutKey) {
        let mut freed = Vec::new();
        self.groups.retain(|seat, group| {
            if group.forget(rollout) {
                freed.push(seat.clone());
            }
            group.transferring > 0 || !group.out.is_empty()
        });
        for seat in freed {
            self.free(seat);
        }
    }

    fn free(&mut self, seat: GroupSeat) {
        if self.freed.len() == FREED_KEPT {
            self.freed.pop_front();
        }
        self.freed.push_back(seat);
        self.freed_ever += 1;
    }

    /// How often a group got room so far.
    pub(crate) fn freed_ever(&self) -> u64 {
        self.freed_ever
    }

    /// The groups that got room since [`Groups::freed_ever`] was `seen`; none if that was
    /// too long ago to tell.
    pub(crate) fn freed_since(&self, seen: u64) -> Option<impl Iterator<Item = &GroupSeat>> {
        let new = usize::try_from(self.freed_ever - seen).ok()?;
        let skipped = self.freed.len().checked_sub(new)?;
        Some(self.freed.iter().skip(skipped))
    }
}

impl Group {
    /// Whether there is more room than before.
    fn moved(
        &mut self,
        rollout: RolloutKey,
        device: DeviceKey,
        (before, after): (StateKind, StateKind),
        at: Duration,
    ) -> bool {
        let (old, new) = (table::meaning(before), table::meaning(after));
        let members = self.out.len();
        self.transferring += u32::from(new.holds_slot);
        self.transferring = self.transferring.saturating_sub(u32::from(old.holds_slot));
        let member = self.out.entry(device).or_default();
        member.busy.retain(|(other, _)| *other != rollout);
        if new.counts_in_progress {
            member.busy.push((rollout, new.holds_slot));
        }
        match after {
            StateKind::Failed | StateKind::DeadLettered => member.failed = Some(at),
            StateKind::Succeeded => {
                member.failed = None;
                member.down = false;
            }
            StateKind::Pending
            | StateKind::Deferred
            | StateKind::Admitted
            | StateKind::Transferring
            | StateKind::Offered
            | StateKind::Verifying
            | StateKind::Settling
            | StateKind::Waiting
            | StateKind::Cancelling
            | StateKind::Rejected
            | StateKind::Skipped
            | StateKind::Cancelled
            | StateKind::Superseded => {}
        }
        if member.is_idle() {
            self.out.remove(&device);
        }
        (old.holds_slot && !new.holds_slot)
            || self.out.len() < members
            // It still counts, but no longer passes by itself.
            || (old.counts_in_progress && !new.counts_in_progress)
    }

    fn heed(&mut self, as_of: Duration, down: &[DeviceKey]) -> bool {
        self.health_as_of = as_of;
        let members = self.out.len();
        self.out.retain(|_, member| {
            member.down = false;
            member.failed = member.failed.filter(|failed| *failed + STORE_LAG >= as_of);
            true
        });
        for device in down {
            self.out.entry(*device).or_default().down = true;
        }
        self.out.retain(|_, member| !member.is_idle());
        self.out.len() < members
    }

    fn forget(&mut self, rollout: RolloutKey) -> bool {
        let members = self.out.len();
        let mut ended = 0;
        self.out.retain(|_, member| {
            member.busy.retain(|(other, transferring)| {
                let own = *other == rollout;
                ended += u32::from(own && *transferring);
                !own
            });
            !member.is_idle()
        });
        self.transferring -= ended;
        ended > 0 || self.out.len() < members
    }
}
