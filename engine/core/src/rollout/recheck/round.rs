//! A round as it stands in memory.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use windlass_model::{
    Assignment, AssignmentId, AttemptId, CohortIndex, DeviceKey, Recheck, Rechecking,
};

use crate::Succeeded;

/// Devices of a round in memory. Far more than are asked at once, so that a few that are asked
/// again later keep no others waiting.
const MAX_WINDOW: usize = 512;

/// What goes on.
#[derive(Debug, Default)]
pub(in crate::rollout) struct Rechecks {
    pub(super) round: Option<Round>,
    /// Devices whose answers belong to a round that was given up.
    strays: BTreeSet<AssignmentId>,
    /// No further round begins before.
    pub(super) rests_until: Duration,
}

/// A round.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) cohort: CohortIndex,
    /// What became of the devices up to this one is counted.
    pub(super) counted: Option<AssignmentId>,
    /// Where the next page begins.
    after: Option<AssignmentId>,
    /// A page is awaited.
    reading: bool,
    exhausted: bool,
    window: BTreeMap<AssignmentId, Entry>,
    /// Those to be asked, and when.
    queue: BTreeSet<(Duration, AssignmentId)>,
    asking: usize,
    /// Since when it has been asking without a break.
    pub(super) since: Option<Duration>,
    /// Nobody is asked any more.
    pub(super) gave_up: bool,
}

/// A device of a round.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) row: Assignment,
    /// Answers that said nothing.
    pub(super) tries: u32,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Queued(AttemptId),
    Asking(AttemptId),
    Found(Finding),
}

/// What became of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    Confirmed,
    /// Counted in the step that moved its row.
    Regressed,
    Unconfirmed,
}

/// A device to be asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question {
    pub(super) assignment: AssignmentId,
    pub(super) device: DeviceKey,
    pub(super) attempt: AttemptId,
}

impl Rechecks {
    /// With the round that an earlier process began.
    pub(in crate::rollout) fn new(stored: Option<Rechecking>) -> Self {
        Self {
            round: stored.map(|Rechecking { cohort, after }| Round::new(cohort, after)),
            ..Self::default()
        }
    }

    /// Answers under way.
    pub(super) fn asking(&self) -> usize {
        self.strays.len() + self.round.as_ref().map_or(0, |round| round.asking)
    }

    /// Forgets the round and returns its cohort; answers under way are awaited all the same.
    pub(in crate::rollout) fn give_up(&mut self) -> Option<CohortIndex> {
        let round = self.round.take()?;
        let window = round.window.into_iter();
        let asked = window.filter(|(_, entry)| matches!(entry.step, Step::Asking(_)));
        self.strays.extend(asked.map(|(id, _)| id));
        Some(round.cohort)
    }

    /// Whether the answer about this device is one that nobody waits for any more.
    pub(super) fn was_stray(&mut self, id: AssignmentId) -> bool {
        self.strays.remove(&id)
    }

    /// The next device that is due; none if an earlier round still waits for its answer.
    pub(super) fn next(&mut self, now: Duration) -> Option<Question> {
        let round = self.round.as_mut()?;
        let (due, id) = round.queue.first().copied()?;
        if due > now || self.strays.contains(&id) {
            return None;
        }
        round.queue.pop_first();
        let entry = round.window.get_mut(&id)?;
        let Step::Queued(attempt) = entry.step else {
            debug_assert!(false, "who stands in the queue waits to be asked");
            return None;
        };
        entry.step = Step::Asking(attempt);
        round.asking += 1;
        Some(Question {
            assignment: id,
            device: entry.row.device,
            attempt,
        })
    }
}

impl Round {
    pub(super) fn new(cohort: CohortIndex, counted: Option<AssignmentId>) -> Self {
        Self {
            cohort,
            counted,
            after: counted,
            reading: false,
            exhausted: false,
            window: BTreeMap::new(),
            queue: BTreeSet::new(),
            asking: 0,
            since: None,
            gave_up: false,
        }
    }

    /// Whether a page is to be read: those after which device, and how many.
    pub(super) fn wants_page(&mut self) -> Option<(Option<AssignmentId>, usize)> {
        let room = MAX_WINDOW.saturating_sub(self.window.len());
        if self.reading || self.exhausted || room < MAX_WINDOW / 2 {
            return None;
        }
        self.reading = true;
        Some((self.after, room))
    }

    /// Takes a page in, if one was asked for.
    pub(super) fn read(&mut self, now: Duration, rows: Vec<Succeeded>, exhausted: bool) {
        debug_assert!(self.reading, "a page of succeeded devices was asked for");
        self.reading = false;
        self.exhausted = exhausted;
        for Succeeded {
            assignment: row,
            attempt,
        } in rows
        {
            let id = row.id;
            self.after = Some(id);
            let step = match attempt {
                Some(attempt) if !self.gave_up => {
                    self.queue.insert((now, id));
                    Step::Queued(attempt)
                }
                Some(_) | None => Step::Found(Finding::Unconfirmed),
            };
            let entry = Entry {
                row,
                tries: 0,
                step,
            };
            self.window.insert(id, entry);
        }
    }

    /// Takes up a device that has answered, if it was asked for this attempt.
    pub(super) fn answered(&mut self, id: AssignmentId, attempt: AttemptId) -> Option<&mut Entry> {
        let entry = self.window.get_mut(&id)?;
        if entry.step != Step::Asking(attempt) {
            return None;
        }
        self.asking -= 1;
        Some(entry)
    }

    /// Asks a device again, if anybody is asked any more.
    pub(super) fn again(&mut self, id: AssignmentId, attempt: AttemptId, due: Duration) {
        if self.gave_up {
            return self.find(id, Finding::Unconfirmed);
        }
        if let Some(entry) = self.window.get_mut(&id) {
            entry.step = Step::Queued(attempt);
            self.queue.insert((due, id));
        }
    }

    pub(super) fn find(&mut self, id: AssignmentId, finding: Finding) {
        if let Some(entry) = self.window.get_mut(&id) {
            entry.step = Step::Found(finding);
        }
    }

    /// Asks nobody any more.
    pub(super) fn stop_asking(&mut self) {
        self.gave_up = true;
        for (_, id) in std::mem::take(&mut self.queue) {
            self.find(id, Finding::Unconfirmed);
        }
    }

    /// When the next device is due that is not due at `now`: whoever is waits for answers to
    /// others.
    pub(super) fn next_due(&self, now: Duration) -> Option<Duration> {
        let later = self.queue.range((now, AssignmentId(i64::MAX))..);
        later.map(|(due, _)| *due).next()
    }

    /// Adds what was found to `counts`, in rank order: a later process goes on behind the last
    /// that is counted. Whether there was anything.
    pub(super) fn count(&mut self, counts: &mut Recheck) -> bool {
        let before = self.counted;
        while let Some(first) = self.window.first_entry()
            && let Step::Found(finding) = first.get().step
        {
            self.counted = Some(*first.key());
            first.remove();
            match finding {
                Finding::Confirmed => counts.confirmed += 1,
                Finding::Unconfirmed => counts.unconfirmed += 1,
                Finding::Regressed => {}
            }
        }
        before != self.counted
    }

    pub(super) fn is_over(&self) -> bool {
        self.exhausted && self.window.is_empty()
    }
}
