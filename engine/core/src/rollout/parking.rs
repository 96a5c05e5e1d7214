//! Devices whose group has no room wait aside (see [`Parked`](super::parked::Parked)).

use std::time::Duration;

use windlass_model::{AssignmentId, Deferral, DeviceKey, Reason, Value};

use super::{Rollout, live::Queue, parked::Place};
use crate::{
    GroupSeat, Now, Resources,
    admission::{GATE_HOLDS, code},
    groups::Full,
};

/// How soon a device is looked at again that found no place in the queue of its group.
const GROUP_RECHECK: Duration = Duration::from_secs(30);

impl Rollout {
    pub(super) fn park(&mut self, now: Now, id: AssignmentId, seat: GroupSeat, why: Full) {
        let has_place = self.parked.has_place(&seat);
        let Some(live) = self.live.get_mut(&id) else {
            return;
        };
        let place = match live.queue {
            Queue::Start(due) => {
                self.retries.remove(&(due, id));
                Place::Retry(due, id)
            }
            Queue::No | Queue::Look(_) if !has_place => {
                return self.put_off_for_group(now, id, &seat);
            }
            Queue::No | Queue::Look(_) => {
                let place = (live.row.cohort, live.order_key, id);
                self.admitted.remove(&place);
                Place::First(place.0, place.1, place.2)
            }
        };
        live.parked = Some(seat.clone());
        self.parked.park(seat, place, why);
        self.parked_look.get_or_insert(now.monotonic + GATE_HOLDS);
    }

    fn put_off_for_group(&mut self, now: Now, id: AssignmentId, seat: &GroupSeat) {
        let until = now.wall.plus(GROUP_RECHECK);
        self.put_off(now, id, until, false, Some(full_group(seat)));
    }

    /// The deferral of a device for which neither its group nor the queue before that has
    /// room.
    pub(super) fn group_deferral(
        &self,
        now: Now,
        seats: &[GroupSeat],
        device: DeviceKey,
        resources: &Resources,
    ) -> Option<(Deferral, Reason)> {
        let (seat, _) = resources.groups.full(seats, device)?;
        if self.parked.has_place(seat) {
            return None;
        }
        let deferral = Deferral {
            until: now.wall.plus(GROUP_RECHECK),
            needs_connection: false,
        };
        Some((deferral, full_group(seat)))
    }

    /// Lets those try again whose group got room.
    pub(super) fn unpark(&mut self, resources: &Resources) {
        let seen = std::mem::replace(&mut self.freed_seen, resources.groups.freed_ever());
        if self.parked.is_empty() || seen == self.freed_seen {
            return;
        }
        let freed: Vec<GroupSeat> = match resources.groups.freed_since(seen) {
            Some(freed) => freed.cloned().collect(),
            None => self.parked.seats(),
        };
        for seat in freed {
            for place in self.parked.take(&seat) {
                self.unpark_one(place);
            }
        }
    }

    fn unpark_one(&mut self, place: Place) {
        match place {
            Place::Retry(due, id) => {
                if let Some(live) = self.live.get_mut(&id) {
                    live.parked = None;
                    self.retries.insert((due, id));
                }
            }
            Place::First(cohort, order, id) => {
                if let Some(live) = self.live.get_mut(&id) {
                    live.parked = None;
                    self.admitted.insert((cohort, order, id));
                }
            }
        }
    }
}

fn full_group(seat: &GroupSeat) -> Reason {
    Reason {
        code: code::GROUP_CAP.to_owned(),
        cohort: None,
        parameters: [("group".to_owned(), Value::Text(seat.value.clone()))].into(),
        text: format!("the group `{}` has no room", seat.value),
    }
}
