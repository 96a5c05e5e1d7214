//! Starting devices.

use std::time::Duration;

use windlass_model::{
    AssignmentId, AssignmentState, AttemptId, Change, CohortIndex, EventKind, Reason, RolloutKey,
    RolloutState, Value,
};

use super::{Rollout, counts, doubt::Asked, live::Queue};
use crate::{
    Effect, Now, Resources,
    admission::{GATE_HOLDS, RIVAL_RECHECK, code},
};

/// What came of an attempt to start a device.
enum Began {
    Yes,
    /// It cannot start now; others may.
    No,
    /// Nothing can.
    Nothing,
}

impl Rollout {
    /// Whether anything may start at all.
    pub(super) fn may_start(&self, now: Now) -> bool {
        self.state == RolloutState::Running
            && self.stop.is_none()
            && self.breakers.width() > 0
            && self.decider.permits(now.wall)
    }

    /// Starts one device, if one may start: a due retry before a first start. The engine
    /// calls it for one rollout after the other, by priority and in turn.
    pub fn start_next(&mut self, now: Now, resources: &mut Resources) -> bool {
        self.now = now;
        if !self.begun || self.finished.is_some() {
            return false;
        }
        self.elapse_break(now);
        if resources.attempt_ids.remaining() > 0 {
            self.attempt_ids_wanted = false;
        }
        self.unpark(resources);
        if !self.may_start(now) || !self.has_slot(resources) {
            return false;
        }
        let started = self.start_one(now, resources);
        self.account(resources);
        started
    }

    fn has_slot(&self, resources: &Resources) -> bool {
        let own = self
            .settings
            .concurrency
            .map_or(usize::MAX, |most| most.get() as usize);
        self.transferring < self.breakers.width().min(own) && resources.slots.free() > 0
    }

    fn start_one(&mut self, now: Now, resources: &mut Resources) -> bool {
        // Ceilings do not bind retries: a waiting device is in progress already, and one
        // that never started again would never end.
        self.retries_at = None;
        while let Some((due, id)) = self.retries.first().copied() {
            match self.retry(now, due, id, resources) {
                Began::Yes => return true,
                Began::No if self.retries_at.is_some() => break,
                Began::No => {}
                Began::Nothing => return false,
            }
        }
        for index in (0..).map(CohortIndex).take(self.cohorts.len()) {
            while let Some(id) = self.next_admitted(now, index) {
                match self.first_start(now, id, resources) {
                    Began::Yes => return true,
                    Began::No => {}
                    Began::Nothing => return false,
                }
            }
        }
        false
    }

    /// The best device of a cohort that its ceilings let start. Those looked at too long
    /// ago go back on the way.
    fn next_admitted(&mut self, now: Now, index: CohortIndex) -> Option<AssignmentId> {
        let cohort = self.cohorts.get(index.0 as usize)?;
        if self.decider.room(index, cohort) == 0 {
            return None;
        }
        let last = AssignmentId(i64::MAX);
        let members = (index, 0, AssignmentId(i64::MIN))..=(index, u64::MAX, last);
        while let Some((_, _, id)) = self.admitted.range(members.clone()).next().copied() {
            if self.is_fresh(now, id) {
                return Some(id);
            }
            if self.live.get(&id).is_some_and(|live| live.asked_first) {
                // What it said would be forgotten, and it would be asked for ever.
                self.look_again(id, now.monotonic);
            } else {
                self.advance(now, id, |row| row.state = AssignmentState::Pending);
            }
        }
        None
    }

    /// Whether the look at a live device may still be relied on.
    pub(super) fn is_fresh(&self, now: Now, id: AssignmentId) -> bool {
        self.live.get(&id).is_some_and(|live| {
            live.look.refreshes == self.refreshes
                && now.monotonic.saturating_sub(live.look.at) <= GATE_HOLDS
        })
    }

    fn retry(
        &mut self,
        now: Now,
        due: Duration,
        id: AssignmentId,
        resources: &mut Resources,
    ) -> Began {
        if !self.is_fresh(now, id) {
            self.look_again(id, due);
            return Began::No;
        }
        match self.ask_if_in_doubt(id, resources) {
            Asked::Enough => {}
            Asked::Now => return Began::No,
            Asked::Later => return Began::Nothing,
        }
        let next = resources.retries.next(now.monotonic);
        if next > now.monotonic {
            self.retries_at = Some(next);
            return Began::No;
        }
        self.start_device(now, id, resources)
    }

    fn first_start(&mut self, now: Now, id: AssignmentId, resources: &mut Resources) -> Began {
        match self.ask_if_in_doubt(id, resources) {
            Asked::Enough => self.start_device(now, id, resources),
            Asked::Now => Began::No,
            Asked::Later => Began::Nothing,
        }
    }

    /// Puts a device among the retries that may start.
    pub(super) fn queue_retry(&mut self, id: AssignmentId, due: Duration) {
        if let Some(live) = self.live.get_mut(&id)
            && live.queue == Queue::No
        {
            live.queue = Queue::Start(due);
            self.retries.insert((due, id));
        }
    }

    /// Puts a device that waits among those to be looked at before they start.
    pub(super) fn look_again(&mut self, id: AssignmentId, due: Duration) {
        let Some(live) = self.live.get(&id) else {
            return;
        };
        if let Queue::Look(_) = live.queue {
            return;
        }
        self.leave_queues(id);
        if let Some(live) = self.live.get_mut(&id) {
            live.queue = Queue::Look(due);
            self.looks.insert((due, id));
        }
    }

    fn start_device(&mut self, now: Now, id: AssignmentId, resources: &mut Resources) -> Began {
        let Some(live) = self.live.get(&id) else {
            debug_assert!(false, "{id} is live");
            return Began::Nothing;
        };
        let (device, seen) = (live.row.device, live.look.fences);
        if let Some(other) = resources.fences.other(self.key, device) {
            self.make_way(now, id, other);
            return Began::No;
        }
        if resources.fences.touched(self.key, device, seen) {
            self.look_anew(now, id);
            return Began::No;
        }
        if let Some((seat, why)) = resources.groups.full(&live.groups, device) {
            let seat = seat.clone();
            self.park(now, id, seat, why);
            return Began::No;
        }
        let reserved = live.reserved.or_else(|| resources.attempt_ids.next());
        let Some(attempt) = reserved else {
            self.want_attempt_ids();
            return Began::Nothing;
        };
        let acquired = resources.slots.acquire();
        debug_assert!(acquired, "a slot was free");
        if live.row.started_attempts > 0 {
            resources.retries.spend(now.monotonic);
        }
        self.begin_attempt(now, id, attempt);
        Began::Yes
    }

    fn begin_attempt(&mut self, now: Now, id: AssignmentId, attempt: AttemptId) {
        let Some(live) = self.live.get_mut(&id) else {
            return;
        };
        live.reserved = None;
        live.began = Some(now.monotonic);
        live.ended = None;
        live.asked_first = false;
        live.cancelling = false;
        let row = &live.row;
        let (device, device_id, index) = (row.device, row.device_id.clone(), row.cohort);
        let number = row.started_attempts + 1;
        if number == 1 {
            self.count_first_start(now, index, id);
        }
        self.change(Change::AttemptStarted {
            attempt,
            assignment: id,
            device,
            number,
            at: now.wall,
        });
        self.emit(
            now,
            EventKind::AttemptStarted {
                device: device_id,
                attempt,
                number,
            },
        );
        self.advance(now, id, |row| {
            row.started_attempts = number;
            row.counted_attempts += 1;
            row.attempt_started = Some(now.wall);
            row.state = AssignmentState::Transferring(attempt);
        });
        self.starts.note(now.monotonic);
        self.effects.push(Effect::Start {
            assignment: id,
            device,
            attempt,
            number,
        });
    }

    /// Another rollout pushes to the device.
    fn make_way(&mut self, now: Now, id: AssignmentId, other: RolloutKey) {
        let reason = Reason {
            code: code::OTHER_ROLLOUT.to_owned(),
            cohort: None,
            parameters: [("rollout".to_owned(), Value::Integer(other.0))].into(),
            text: "another rollout is updating the device".to_owned(),
        };
        self.put_off(now, id, now.wall.plus(RIVAL_RECHECK), false, Some(reason));
    }

    /// Another rollout pushed to the device since it was looked at.
    fn look_anew(&mut self, now: Now, id: AssignmentId) {
        let waits = self
            .live
            .get(&id)
            .is_some_and(|live| matches!(live.row.state, AssignmentState::Waiting { .. }));
        if waits {
            self.look_again(id, now.monotonic);
        } else {
            self.advance(now, id, |row| row.state = AssignmentState::Pending);
        }
    }

    fn count_first_start(&mut self, now: Now, index: CohortIndex, id: AssignmentId) {
        self.shadows
            .count(id, |cohort| counts::first_start(cohort, now.wall));
        let Some(cohort) = self.cohorts.get_mut(index.0 as usize) else {
            return;
        };
        if counts::first_start(cohort, now.wall) {
            let started = EventKind::CohortStarted {
                cohort: cohort.name.clone(),
                size: cohort.size,
            };
            self.emit(now, started);
        }
    }

    pub(super) fn want_attempt_ids(&mut self) {
        if !std::mem::replace(&mut self.attempt_ids_wanted, true) {
            self.effects.push(Effect::NeedAttemptIds);
        }
    }
}
