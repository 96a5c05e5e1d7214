//! Which devices are looked at next. Pending and deferred ones are in the store; only as
//! many are fetched ahead as ceilings and slots warrant.

use windlass_model::{
    AssignmentId, AssignmentState, CohortIndex, Deferral, EventKind, RolloutState, StateKind,
    Timestamp,
};

use super::{Rollout, live::Live};
use crate::{Candidate, Effect, Gate, Now, Resources};

/// Devices admitted ahead of free slots, per slot: while the next page is read and
/// gated, every slot can be taken once more.
const AHEAD_PER_SLOT: usize = 2;
/// A few even with one slot, so that a page is worth its query.
const MIN_AHEAD: usize = 32;
/// Each costs some 500 bytes and a row to put back, whatever the cap.
const MAX_AHEAD: usize = 8192;
/// Filters and policies are shown whole pages; larger ones would delay the first start.
const MAX_PAGE: usize = 512;
/// How soon deferred devices are read again at least, if the last page held all that
/// were due: devices that fall due one by one are read together.
const DEFERRED_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Intake {
    cohorts: Vec<Pages>,
    /// When the first deferred device is due; while they are read, of those that were
    /// put off meanwhile, which the answer may not know.
    next_due: Option<Timestamp>,
    /// An answer to `Effect::PageDeferred` is awaited, of so many.
    reading_deferred: Option<usize>,
    /// Deferred devices that wait for nothing but an instant, as far as this process put
    /// them off.
    timed: u64,
    /// How many may be admitted ahead.
    ahead: usize,
}

#[derive(Clone, Debug, Default)]
struct Pages {
    /// An answer to `Effect::Page` is awaited, of so many.
    reading: Option<usize>,
    /// Where the last page ended. At the end of the cohort it begins again, for those
    /// that were given back.
    after: Option<AssignmentId>,
    /// The store has none left, whatever the counts say.
    dry: bool,
    /// The size of the next page at least: pages in which nothing may start double it,
    /// so that a million devices to skip are not read one by one.
    at_least: usize,
}

impl Intake {
    pub(super) fn new(cohorts: usize, next_due: Option<Timestamp>) -> Self {
        Self {
            cohorts: vec![Pages::default(); cohorts],
            next_due,
            reading_deferred: None,
            timed: 0,
            ahead: MIN_AHEAD,
        }
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading_deferred.is_some() || self.cohorts.iter().any(|pages| pages.reading.is_some())
    }

    /// When a device is due that waits for nothing but an instant, if there is one.
    pub(super) fn window(&self) -> Option<Timestamp> {
        self.next_due.filter(|_| self.timed > 0)
    }

    /// Whether a cohort's pending devices can be read.
    pub(super) fn has_more(&self, index: CohortIndex) -> bool {
        self.cohorts
            .get(index.0 as usize)
            .is_some_and(|pages| !pages.dry)
    }

    fn due(&mut self, until: Timestamp) {
        self.next_due = Some(self.next_due.map_or(until, |due| due.min(until)));
    }
}

impl Rollout {
    pub(super) fn ask_for_pages(&mut self, now: Now, resources: &Resources) {
        let slots = resources.slots.capacity().get();
        self.intake.ahead = slots
            .saturating_mul(AHEAD_PER_SLOT)
            .clamp(MIN_AHEAD, MAX_AHEAD);
        if !self.may_start(now) {
            return;
        }
        let ahead = self.intake.ahead;
        if self.admitted.len() <= ahead / 2 {
            let mut free = ahead - self.admitted.len();
            for (index, cohort) in (0..).map(CohortIndex).zip(&self.cohorts) {
                let Some(pages) = self.intake.cohorts.get_mut(index.0 as usize) else {
                    continue;
                };
                if pages.reading.is_some() || pages.dry || free == 0 {
                    continue;
                }
                let room = self
                    .decider
                    .room_ahead(index, cohort)
                    .saturating_sub(cohort.states.get(StateKind::Admitted))
                    .min(cohort.states.get(StateKind::Pending));
                let wanted = usize::try_from(room).unwrap_or(usize::MAX).min(free);
                if wanted == 0 {
                    continue;
                }
                free -= wanted;
                let limit = wanted.max(pages.at_least).min(MAX_PAGE);
                pages.reading = Some(limit);
                self.effects.push(Effect::Page {
                    cohort: index,
                    after: pages.after,
                    limit,
                });
            }
        }
        if self.deferred_wanted().is_some_and(|due| due <= now.wall) {
            let limit = (ahead - self.admitted.len()).min(MAX_PAGE);
            self.intake.next_due = None;
            self.intake.reading_deferred = Some(limit);
            self.effects.push(Effect::PageDeferred { limit });
        }
    }

    /// When deferred devices are to be read, if that makes sense now.
    pub(super) fn deferred_wanted(&self) -> Option<Timestamp> {
        let wanted = self.may_start(self.now)
            && self.intake.reading_deferred.is_none()
            && self.admitted.len() < self.intake.ahead
            && self.deferred() > 0;
        self.intake.next_due.filter(|_| wanted)
    }

    pub(super) fn deferred(&self) -> u64 {
        self.cohorts
            .iter()
            .map(|cohort| cohort.states.get(StateKind::Deferred))
            .sum()
    }

    pub(super) fn page_read(
        &mut self,
        now: Now,
        index: CohortIndex,
        candidates: Vec<Candidate>,
        exhausted: bool,
    ) {
        let Some(pages) = self.intake.cohorts.get_mut(index.0 as usize) else {
            debug_assert!(false, "{index:?} is a cohort");
            return;
        };
        let Some(limit) = pages.reading.take() else {
            debug_assert!(false, "a page was asked for");
            return;
        };
        if exhausted {
            pages.dry = candidates.is_empty() && pages.after.is_none();
            pages.after = None;
        } else {
            pages.after = candidates
                .last()
                .map(|candidate| candidate.assignment.id)
                .or(pages.after);
        }
        let opened = candidates
            .into_iter()
            .map(|candidate| self.pass_gate(now, candidate))
            .fold(0, |sum, opened| sum + usize::from(opened));
        if let Some(pages) = self.intake.cohorts.get_mut(index.0 as usize) {
            pages.at_least = if opened > 0 {
                0
            } else {
                limit.saturating_mul(2).min(MAX_PAGE)
            };
        }
    }

    pub(super) fn deferred_read(
        &mut self,
        now: Now,
        candidates: Vec<Candidate>,
        next_due: Option<Timestamp>,
    ) {
        let Some(limit) = self.intake.reading_deferred.take() else {
            debug_assert!(false, "a page of deferred devices was asked for");
            return;
        };
        if let Some(due) = next_due {
            self.intake.due(due.max(now.wall.plus(DEFERRED_INTERVAL)));
        }
        if candidates.len() >= limit {
            self.intake.due(now.wall);
        }
        for candidate in candidates {
            self.pass_gate(now, candidate);
        }
    }

    /// Whether the device may start.
    fn pass_gate(&mut self, now: Now, candidate: Candidate) -> bool {
        let mut row = candidate.assignment;
        let ending = self.stop.is_some() || self.state == RolloutState::Aborting;
        // After an abort these are cancelled, after a stop they wait for the next run.
        if ending || self.live.contains_key(&row.id) {
            return false;
        }
        let before = row.state.kind();
        let last = match &row.state {
            AssignmentState::Pending => None,
            AssignmentState::Deferred(deferral) => Some(*deferral),
            _ => {
                debug_assert!(false, "{before:?} is not paged");
                return false;
            }
        };
        if last.is_some_and(|deferral| !deferral.needs_connection) {
            self.intake.timed = self.intake.timed.saturating_sub(1);
        }
        let device = row.device_id.clone();
        match candidate.gate {
            Gate::Start { order_key } => {
                row.state = AssignmentState::Admitted;
                let id = row.id;
                let mut live = Live::new(row.clone());
                live.order_key = order_key;
                live.admitted = now.monotonic;
                self.admitted.insert((row.cohort, order_key, id));
                self.live.insert(id, live);
                self.record(now, before, row);
                return true;
            }
            Gate::Skip(reason) => {
                row.state = AssignmentState::Skipped(reason);
                self.emit(now, EventKind::DeviceSkipped { device, reason });
            }
            Gate::Defer {
                until,
                needs_connection,
                reason,
            } => {
                self.intake.due(until);
                self.intake.timed += u64::from(!needs_connection);
                row.state = AssignmentState::Deferred(Deferral {
                    until,
                    needs_connection,
                });
                // One that stays away is probed for days: that is no news.
                if last.is_none_or(|last| last.needs_connection != needs_connection) {
                    self.emit(
                        now,
                        EventKind::DeviceDeferred {
                            device,
                            until,
                            needs_connection,
                            reason,
                        },
                    );
                }
            }
        }
        self.record(now, before, row);
        false
    }
}
