//! Which devices are looked at next. Pending and deferred ones are in the store; only as
//! many are fetched ahead as ceilings and slots warrant.

use std::time::Duration;

use windlass_model::{
    AssignmentId, AssignmentState, CohortIndex, Deferral, EventKind, RolloutState, SkipReason,
    StateKind, Timestamp,
};

use super::{
    Rollout, counts,
    doubt::may_hold_release,
    live::{Live, Look},
    look::MAX_PAGE,
};
use crate::{Candidate, Effect, Gate, Now, Resources, admission::HOLD_RECHECK};

/// Devices admitted ahead of free slots, per slot: while the next page is read and
/// gated, every slot can be taken once more.
const AHEAD_PER_SLOT: usize = 2;
/// A few even with one slot, so that a page is worth its query.
const MIN_AHEAD: usize = 32;
/// Each costs some 500 bytes and a row to put back, whatever the cap.
const MAX_AHEAD: usize = 8192;
/// How soon deferred devices are read again at least, if the last page held all that
/// were due: devices that fall due one by one are read together.
const DEFERRED_INTERVAL: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Intake {
    cohorts: Vec<Pages>,
    /// When the first deferred device is due; while they are read, of those that were
    /// put off meanwhile, which the answer may not know.
    next_due: Option<Timestamp>,
    /// An answer to `Effect::PageDeferred` is awaited.
    reading_deferred: Option<Reading>,
    /// Deferred devices that wait for nothing but an instant, as far as this process knows:
    /// of those that an earlier one put off it learns at its first look what they wait for.
    pub(super) timed: u64,
    /// How many may be admitted ahead.
    ahead: usize,
    /// Devices that are not due yet are read too.
    sweep: Option<Sweep>,
}

/// A look at deferred devices that are not due: what they wait for may have come.
#[derive(Debug)]
struct Sweep {
    /// Those due by then.
    by: Timestamp,
    /// At most so many, because some are put off to an instant before that again.
    left: u64,
}

/// A page that was asked for.
#[derive(Clone, Copy, Debug)]
struct Reading {
    /// Of so many.
    limit: usize,
    /// How many fences had fallen.
    fences: u64,
    /// How often the rollout had been told to look anew.
    refreshes: u64,
}

impl Reading {
    fn look(self, at: Duration) -> Look {
        Look {
            at,
            fences: self.fences,
            refreshes: self.refreshes,
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Pages {
    /// An answer to `Effect::Page` is awaited.
    reading: Option<Reading>,
    /// Where the last page ended. At the end of the cohort it begins again, for those
    /// that were given back.
    after: Option<AssignmentId>,
    /// The store has none left, whatever the counts say.
    dry: bool,
    /// Some came while a page was read, which may not have them.
    refilled: bool,
    /// The size of the next page at least: pages in which nothing may start double it,
    /// so that a million devices to skip are not read one by one.
    at_least: usize,
}

impl Intake {
    pub(super) fn new(cohorts: usize, next_due: Option<Timestamp>, timed: u64) -> Self {
        Self {
            cohorts: vec![Pages::default(); cohorts],
            next_due,
            reading_deferred: None,
            timed,
            ahead: MIN_AHEAD,
            sweep: None,
        }
    }

    pub(super) fn ahead(&self) -> usize {
        self.ahead
    }

    /// A pending device came to a cohort that may have been read to its end.
    pub(super) fn refilled(&mut self, index: CohortIndex) {
        if let Some(pages) = self.cohorts.get_mut(index.0 as usize) {
            pages.dry = false;
            pages.refilled = pages.reading.is_some();
        }
    }

    pub(super) fn is_reading(&self) -> bool {
        self.reading_deferred.is_some() || self.cohorts.iter().any(|pages| pages.reading.is_some())
    }

    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.next_due
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

    pub(super) fn due(&mut self, until: Timestamp) {
        self.next_due = Some(self.next_due.map_or(until, |due| due.min(until)));
    }
}

impl Intake {
    /// Devices that were put off to an instant that passed while others were still probed are
    /// read again after a break, in which it shows that nothing goes on.
    fn pause(&mut self, now: Timestamp) {
        let soonest = now.plus(DEFERRED_INTERVAL);
        if self.next_due.is_some_and(|due| due <= now) {
            self.next_due = Some(soonest);
        }
    }
}

impl Rollout {
    pub(super) fn ask_for_pages(&mut self, now: Now, resources: &Resources) {
        let slots = resources.slots.capacity().get();
        self.intake.ahead = slots
            .saturating_mul(AHEAD_PER_SLOT)
            .clamp(MIN_AHEAD, MAX_AHEAD);
        if !self.may_look(now) {
            return;
        }
        let ahead = self.intake.ahead;
        let (fences, refreshes) = (resources.fences.lowered(), self.refreshes);
        let ready = self.ready();
        if ready <= ahead / 2 {
            let mut free = ahead - ready;
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
                    // Those that wait for their group are in nobody's way.
                    .saturating_add(self.parked.firsts(index))
                    .min(cohort.states.get(StateKind::Pending));
                let wanted = usize::try_from(room).unwrap_or(usize::MAX).min(free);
                if wanted == 0 {
                    continue;
                }
                free -= wanted;
                let limit = wanted.max(pages.at_least).min(MAX_PAGE);
                pages.reading = Some(Reading {
                    limit,
                    fences,
                    refreshes,
                });
                self.effects.push(Effect::Page {
                    cohort: index,
                    after: pages.after,
                    limit,
                });
            }
        }
        if self.deferred_wanted().is_some_and(|due| due <= now.wall) {
            let limit = (ahead - ready).min(MAX_PAGE);
            self.intake.next_due = None;
            self.intake.reading_deferred = Some(Reading {
                limit,
                fences,
                refreshes,
            });
            let by = self
                .intake
                .sweep
                .as_ref()
                .map_or(now.wall, |sweep| sweep.by);
            let by = by.max(now.wall);
            self.effects.push(Effect::PageDeferred { by, limit });
        }
    }

    /// When deferred devices are to be read, if that makes sense now.
    pub(super) fn deferred_wanted(&self) -> Option<Timestamp> {
        let wanted = self.may_look(self.now)
            && self.intake.reading_deferred.is_none()
            && self.ready() < self.intake.ahead
            && self.deferred() > 0;
        self.intake.next_due.filter(|_| wanted)
    }

    /// Devices admitted ahead: those that may start, and those that are asked before.
    fn ready(&self) -> usize {
        let admitted: u64 = (0..)
            .map(CohortIndex)
            .zip(&self.cohorts)
            .map(|(index, cohort)| {
                let admitted = cohort.states.get(StateKind::Admitted);
                admitted.saturating_sub(self.parked.firsts(index))
            })
            .sum();
        usize::try_from(admitted).unwrap_or(usize::MAX)
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
        as_of: Duration,
        resources: &Resources,
    ) {
        let Some(pages) = self.intake.cohorts.get_mut(index.0 as usize) else {
            debug_assert!(false, "{index:?} is a cohort");
            return;
        };
        let Some(reading) = pages.reading.take() else {
            debug_assert!(false, "a page was asked for");
            return;
        };
        if self.in_trouble(now, &candidates) {
            // The next page begins where this one did.
            self.page_digested();
            return;
        }
        let Some(pages) = self.intake.cohorts.get_mut(index.0 as usize) else {
            return;
        };
        let refilled = std::mem::take(&mut pages.refilled);
        if exhausted {
            pages.dry = candidates.is_empty() && pages.after.is_none() && !refilled;
            pages.after = None;
        } else {
            pages.after = candidates
                .last()
                .map(|candidate| candidate.assignment.id)
                .or(pages.after);
        }
        let opened = self.pass_gates(now, candidates, reading.look(as_of), resources);
        if let Some(pages) = self.intake.cohorts.get_mut(index.0 as usize) {
            pages.at_least = if opened > 0 {
                0
            } else {
                reading.limit.saturating_mul(2).min(MAX_PAGE)
            };
        }
        self.page_digested();
    }

    pub(super) fn deferred_read(
        &mut self,
        now: Now,
        candidates: Vec<Candidate>,
        next_due: Option<Timestamp>,
        as_of: Duration,
        resources: &Resources,
    ) {
        let Some(reading) = self.intake.reading_deferred.take() else {
            debug_assert!(false, "a page of deferred devices was asked for");
            return;
        };
        if let Some(due) = next_due {
            self.intake.due(due.max(now.wall.plus(DEFERRED_INTERVAL)));
        }
        let full = candidates.len() >= reading.limit;
        let read = candidates.len() as u64;
        self.intake.sweep = self.intake.sweep.take().and_then(|sweep| {
            let left = sweep.left.saturating_sub(read);
            (full && left > 0).then_some(Sweep { left, ..sweep })
        });
        if self.in_trouble(now, &candidates) {
            self.intake.due(now.wall.plus(DEFERRED_INTERVAL));
            self.page_digested();
            return;
        }
        let opened = self.pass_gates(now, candidates, reading.look(as_of), resources);
        if full && (opened > 0 || self.intake.sweep.is_some()) {
            self.intake.due(now.wall);
        } else if full {
            // All that were read go on waiting, and so may the next.
            self.intake.due(now.wall.plus(DEFERRED_INTERVAL));
        }
        if opened == 0 && self.intake.sweep.is_none() {
            self.intake.pause(now.wall);
        }
        self.page_digested();
    }

    /// How many of the devices may start.
    fn pass_gates(
        &mut self,
        now: Now,
        candidates: Vec<Candidate>,
        look: Look,
        resources: &Resources,
    ) -> usize {
        let mut opened = 0;
        for candidate in candidates {
            if self.overtaken.contains(&candidate.assignment.id) {
                // Read again, as it is now.
                self.intake.due(now.wall.plus(DEFERRED_INTERVAL));
            } else {
                opened += usize::from(self.pass_gate(now, candidate, look, resources));
            }
        }
        opened
    }

    fn page_digested(&mut self) {
        if !self.intake.is_reading() {
            self.overtaken.clear();
        }
    }

    /// Whether the device may start.
    fn pass_gate(
        &mut self,
        now: Now,
        candidate: Candidate,
        look: Look,
        resources: &Resources,
    ) -> bool {
        let Candidate {
            assignment: mut row,
            gate,
            groups,
        } = candidate;
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
        let waited = self.leave_deferral(&row);
        let device = row.device_id.clone();
        match gate {
            Gate::Start { order_key } => {
                let full = self.group_deferral(now, &groups, row.device, resources);
                if let Some((deferral, reason)) = full {
                    self.defer(now, row, last.zip(waited), deferral, Some(reason));
                    return false;
                }
                row.state = AssignmentState::Admitted;
                let id = row.id;
                let mut live = Live::new(row.clone());
                live.order_key = order_key;
                live.look = look;
                live.groups = groups.into();
                self.admitted.insert((row.cohort, order_key, id));
                self.enliven(now, live);
                self.record(now, before, row);
                return true;
            }
            // An attempt of ours did it, before it was requeued.
            Gate::Skip(SkipReason::AlreadyCurrent) if may_hold_release(&row) => {
                row.state = AssignmentState::Succeeded;
                self.emit(now, EventKind::DeviceSucceeded { device });
            }
            Gate::Skip(reason) => {
                row.state = AssignmentState::Skipped(reason);
                self.emit(now, EventKind::DeviceSkipped { device, reason });
            }
            Gate::Supersede { by, version } => {
                row.state = AssignmentState::Superseded;
                let superseded = EventKind::DeviceSuperseded {
                    device,
                    by,
                    version,
                };
                self.emit(now, superseded);
            }
            Gate::Defer {
                until,
                needs_connection,
                reason,
            } => {
                let deferral = Deferral {
                    until,
                    needs_connection,
                };
                self.defer(now, row, last.zip(waited), deferral, reason);
                return false;
            }
        }
        self.record(now, before, row);
        false
    }

    pub(super) fn grown(&mut self, added: u64) {
        let Some(cohort) = self.cohorts.last_mut() else {
            debug_assert!(false, "a rollout has a cohort");
            return;
        };
        counts::grown(cohort, added);
        self.shadows.grown(added);
        let last = CohortIndex(u32::try_from(self.cohorts.len() - 1).unwrap_or(u32::MAX));
        self.closed.remove(&last);
        self.intake.refilled(last);
        if let Some(cohort) = self.cohorts.last() {
            self.decider.counted(last, cohort);
        }
    }

    /// Looks at deferred devices now, those due until `by` included.
    pub(super) fn look_at_deferred(&mut self, now: Now, by: Timestamp) {
        let left = self.deferred();
        if left > 0 {
            self.intake.sweep = Some(Sweep { by, left });
            self.intake.due(now.wall);
        }
    }

    /// Looks at devices now whose hold may be lifted, whose connection may be back or that
    /// may be others by now. What was found about the others before counts no more: a
    /// device may be on hold since.
    pub(super) fn refresh(&mut self, now: Now) {
        self.refreshes += 1;
        self.look_at_deferred(now, now.wall.plus(HOLD_RECHECK));
        let waiting: Vec<_> = self
            .waits
            .ids()
            .filter(|id| {
                self.live
                    .get(id)
                    .is_some_and(|live| live.row.state.kind() == StateKind::Waiting)
            })
            .collect();
        for id in waiting {
            self.look_again(id, now.monotonic);
        }
    }
}
