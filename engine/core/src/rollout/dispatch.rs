//! Starting devices.

use std::time::Duration;

use windlass_model::{AssignmentId, AssignmentState, Change, CohortIndex, EventKind, RolloutState};

use super::Rollout;
use crate::{Effect, Now, Resources};

/// How old the look at a device may be when it starts: its version, its connection and
/// what the policies said of it change.
const GATE_HOLDS: Duration = Duration::from_secs(60);

impl Rollout {
    /// Whether anything may start at all.
    pub(super) fn may_start(&self, now: Now) -> bool {
        self.state == RolloutState::Running
            && self.stop.is_none()
            && self.breakers.width() > 0
            && self.decider.permits(now.wall)
    }

    pub(super) fn start_devices(&mut self, now: Now, resources: &mut Resources) {
        if resources.attempt_ids.remaining() > 0 {
            self.attempt_ids_wanted = false;
        }
        if !self.may_start(now) {
            return;
        }
        // Ceilings do not bind retries: a waiting device is in progress already, and one
        // that never started again would never end.
        while let Some((due, id)) = self.retries.first().copied() {
            if !self.retry(now, due, id, resources) {
                return;
            }
        }
        for index in (0..).map(CohortIndex).take(self.cohorts.len()) {
            while let Some(id) = self.next_admitted(now, index) {
                if !self.start_device(now, id, resources) {
                    return;
                }
            }
        }
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
            let fresh = self
                .live
                .get(&id)
                .is_some_and(|live| now.monotonic.saturating_sub(live.admitted) <= GATE_HOLDS);
            if fresh {
                return Some(id);
            }
            self.advance(now, id, |row| row.state = AssignmentState::Pending);
        }
        None
    }

    /// `false` if nothing more can start.
    fn retry(
        &mut self,
        now: Now,
        due: Duration,
        id: AssignmentId,
        resources: &mut Resources,
    ) -> bool {
        let Some(live) = self.live.get(&id) else {
            self.retries.remove(&(due, id));
            return true;
        };
        let last = live.row.last_failure;
        if live.asked_first || !self.asks_before_retry(last) {
            return self.start_device(now, id, resources);
        }
        let reserved = live.reserved.or_else(|| resources.attempt_ids.next());
        let Some(attempt) = reserved else {
            self.want_attempt_ids();
            return false;
        };
        if let Some(live) = self.live.get_mut(&id) {
            live.reserved = Some(attempt);
            live.queued = None;
        }
        self.retries.remove(&(due, id));
        self.ask_device(id, attempt);
        true
    }

    pub(super) fn queue_retry(&mut self, id: AssignmentId, due: Duration) {
        if let Some(live) = self.live.get_mut(&id)
            && live.queued.is_none()
        {
            live.queued = Some(due);
            self.retries.insert((due, id));
        }
    }

    /// `false` if nothing more can start.
    fn start_device(&mut self, now: Now, id: AssignmentId, resources: &mut Resources) -> bool {
        if self.transferring >= self.breakers.width() || resources.slots.free() == 0 {
            return false;
        }
        let Some(live) = self.live.get_mut(&id) else {
            debug_assert!(false, "{id} is live");
            return false;
        };
        let Some(attempt) = live
            .reserved
            .take()
            .or_else(|| resources.attempt_ids.next())
        else {
            self.want_attempt_ids();
            return false;
        };
        let acquired = resources.slots.acquire();
        debug_assert!(acquired, "a slot was free");
        live.ended = None;
        live.asked_first = false;
        live.cancelling = false;
        let row = &live.row;
        let (device, device_id, index) = (row.device, row.device_id.clone(), row.cohort);
        let number = row.started_attempts + 1;
        if number == 1 {
            self.count_first_start(now, index);
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
        true
    }

    fn count_first_start(&mut self, now: Now, index: CohortIndex) {
        let Some(cohort) = self.cohorts.get_mut(index.0 as usize) else {
            return;
        };
        cohort.started += 1;
        if cohort.first_started.is_none() {
            cohort.first_started = Some(now.wall);
            let started = EventKind::CohortStarted {
                cohort: cohort.name.clone(),
                size: cohort.size,
            };
            self.emit(now, started);
        }
    }

    fn want_attempt_ids(&mut self) {
        if !std::mem::replace(&mut self.attempt_ids_wanted, true) {
            self.effects.push(Effect::NeedAttemptIds);
        }
    }
}
