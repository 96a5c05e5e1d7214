//! A reference store: the simplest tables that obey the contract of change sets.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::{Succeeded, table};
use windlass_model::{
    Advance, Approval, Assignment, AssignmentId, AssignmentState, AttemptId, Change, ChangeSet,
    Cohort, CohortIndex, CohortView, DecisionRecord, DeviceId, DeviceKey, Event, EventKind,
    Outcome, Recheck, Rechecking, Release, Rival, Rollback, RolloutKey, RolloutSnapshot,
    SignalName, SignalSample, StateKind, StoredRollout, Timestamp,
};

use super::world::{shadow::Shadow, swap::Before};

#[derive(Clone, Copy, Debug)]
struct Attempt {
    assignment: AssignmentId,
    device: DeviceKey,
    ended: bool,
    settled: bool,
}

/// The tables of all rollouts and what they share.
#[derive(Default)]
pub(crate) struct Store {
    pub(crate) tables: BTreeMap<RolloutKey, Table>,
    /// Of all rollouts, in order.
    pub(crate) events: Vec<Event>,
    /// The version that each device was observed to run.
    pub(crate) versions: BTreeMap<DeviceKey, String>,
    /// Devices that failed and were not updated or repaired since.
    pub(crate) failed: BTreeSet<DeviceKey>,
    attempts: BTreeMap<AttemptId, Attempt>,
}

/// One rollout.
pub(crate) struct Table {
    pub(crate) rollout: StoredRollout,
    pub(crate) release: Release,
    pub(crate) rows: BTreeMap<AssignmentId, Assignment>,
    pub(crate) condemned: Option<String>,
    pub(crate) approvals: Vec<Approval>,
    pub(crate) advances: Vec<Advance>,
    /// Decisions that were kept, and those that were only counted.
    pub(crate) kept: u64,
    pub(crate) repeated: u64,
    pub(crate) signals: BTreeMap<SignalName, SignalSample>,
    pub(crate) decisions: Vec<Option<DecisionRecord>>,
    /// The newest round of each cohort, and up to whom it is counted.
    pub(crate) rechecks: BTreeMap<CohortIndex, (Recheck, Option<AssignmentId>)>,
    /// What is put back if a policy on probation fails.
    pub(crate) before: Option<Before>,
    pub(crate) shadows: Vec<Shadow>,
    first_started: Vec<Option<Timestamp>>,
    /// When the first attempt of each row started.
    pub(crate) starts: BTreeMap<AssignmentId, Timestamp>,
}

fn fresh(id: AssignmentId, device: DeviceKey, cohort: CohortIndex) -> Assignment {
    Assignment {
        id,
        device,
        device_id: DeviceId::new(format!("device-{device}")),
        cohort,
        state: AssignmentState::Pending,
        started_attempts: 0,
        counted_attempts: 0,
        first_failure: None,
        last_failure: None,
        attempt_started: None,
        excluded: false,
        blocker: None,
    }
}

impl Table {
    pub(crate) fn new(rollout: StoredRollout, release: Release) -> Self {
        let cohorts = (0..).map(CohortIndex).zip(&rollout.plan.cohorts);
        let base = rollout.key.0 * 1000;
        let rows = cohorts
            .flat_map(|(index, cohort)| (0..cohort.size).map(move |_| index))
            .zip(1..)
            .map(|(cohort, rank)| {
                let id = AssignmentId(base + rank);
                (id, fresh(id, DeviceKey(rank), cohort))
            })
            .collect();
        Self {
            decisions: vec![None; rollout.plan.policies.len()],
            kept: 0,
            repeated: 0,
            rechecks: BTreeMap::new(),
            before: None,
            shadows: Vec::new(),
            starts: BTreeMap::new(),
            first_started: vec![None; rollout.plan.cohorts.len()],
            rollout,
            release,
            rows,
            condemned: None,
            approvals: Vec::new(),
            signals: BTreeMap::new(),
            advances: Vec::new(),
        }
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.rows.values().all(|row| row.state.kind().is_ended())
    }

    pub(crate) fn row(&self, device: i64) -> &Assignment {
        self.rows
            .values()
            .find(|row| row.device == DeviceKey(device))
            .expect("a target")
    }

    /// When the cohorts first started a device follows from their members.
    pub(crate) fn recount_starts(&mut self) {
        let cohorts = self.rollout.plan.cohorts.len();
        self.first_started = self.first_starts(cohorts, |row| row.cohort);
    }

    /// When each of so many cohorts first started a device, by a home of each row.
    pub(crate) fn first_starts(
        &self,
        cohorts: usize,
        home: impl Fn(&Assignment) -> CohortIndex,
    ) -> Vec<Option<Timestamp>> {
        let started = |index| {
            let rows = self.rows.values().filter(|row| home(row) == index);
            rows.filter_map(|row| self.starts.get(&row.id).copied())
                .min()
        };
        (0..).map(CohortIndex).take(cohorts).map(started).collect()
    }

    /// A device joins the last cohort.
    pub(crate) fn grow(&mut self, device: DeviceKey) {
        let cohort = self.rollout.plan.cohorts.last_mut().expect("a cohort");
        cohort.size += 1;
        let index = CohortIndex(self.rollout.plan.cohorts.len() as u32 - 1);
        let last = self.rows.last_key_value().expect("a target").0.0;
        let id = AssignmentId(last + 1);
        self.rows.insert(id, fresh(id, device, index));
    }
}

impl Store {
    /// All of `sets` or, if one of them does not fit what is stored, none.
    pub(crate) fn commit(&mut self, sets: &[ChangeSet]) {
        for set in sets {
            for change in &set.changes {
                self.apply(set.rollout, change);
            }
            assert!(
                set.events
                    .iter()
                    .all(|event| event.rollout == Some(set.rollout))
            );
            self.events.extend(set.events.iter().cloned());
        }
    }

    fn apply(&mut self, key: RolloutKey, change: &Change) {
        let table = self.tables.get_mut(&key).expect("a rollout");
        match change {
            Change::Rollout {
                state,
                started_at,
                ended_at,
                paused_for,
                paused_since,
            } => {
                table.rollout.state = *state;
                table.rollout.started_at = *started_at;
                table.rollout.ended_at = *ended_at;
                table.rollout.paused_for = *paused_for;
                table.rollout.paused_since = *paused_since;
            }
            Change::Assignment { from, row } => {
                let old = table.rows.insert(row.id, row.as_ref().clone());
                let old = old.expect("only targets move").state.kind();
                let new = row.state.kind();
                assert_eq!(old, *from, "{row:?}");
                let may = old == new || table::may_follow(old, new);
                assert!(may, "{old:?} to {row:?}");
                let first = &mut table.first_started[row.cohort.0 as usize];
                *first = first.or(row.attempt_started);
                if let Some(at) = row.attempt_started {
                    table.starts.entry(row.id).or_insert(at);
                }
                match new {
                    // A dismissed one failed before.
                    StateKind::Failed | StateKind::DeadLettered
                        if old != StateKind::DeadLettered =>
                    {
                        self.failed.insert(row.device);
                    }
                    StateKind::Succeeded => {
                        self.failed.remove(&row.device);
                    }
                    _ => {}
                }
            }
            Change::CancelRemaining => {
                for row in table.rows.values_mut() {
                    if matches!(row.state.kind(), StateKind::Pending | StateKind::Deferred) {
                        row.state = AssignmentState::Cancelled;
                    }
                }
            }
            Change::AttemptStarted {
                attempt,
                assignment,
                device,
                ..
            } => {
                let fenced = self.unsettled().contains(device);
                assert!(!fenced, "{device:?} has an unsettled attempt");
                let fresh = Attempt {
                    assignment: *assignment,
                    device: *device,
                    ended: false,
                    settled: false,
                };
                let reused = self.attempts.insert(*attempt, fresh);
                assert!(reused.is_none(), "attempt ids are used once");
            }
            Change::AttemptEnded { attempt, .. } => {
                let attempt = self.attempts.get_mut(attempt).expect("it began");
                assert!(!attempt.ended, "an attempt ends once");
                attempt.ended = true;
            }
            Change::AttemptSettled { attempt, .. } => {
                let attempt = self.attempts.get_mut(attempt).expect("it began");
                assert!(attempt.ended, "it ends before it is settled");
                assert!(!attempt.settled, "an attempt is settled once");
                attempt.settled = true;
            }
            Change::Decision(record) => {
                let pins = &table.rollout.plan.policies;
                let at = pins.iter().position(|pin| pin.name == record.policy);
                table.decisions[at.expect("a policy of the plan")] = Some(record.as_ref().clone());
                table.kept += 1;
            }
            Change::DecisionRepeated(repetition) => {
                let pins = &table.rollout.plan.policies;
                let at = pins.iter().position(|pin| pin.name == repetition.policy);
                let newest = &table.decisions[at.expect("a policy of the plan")];
                let newest = newest.as_ref().expect("what is repeated was kept");
                assert!(repetition.times > 0 && repetition.last >= newest.at);
                table.repeated += repetition.times;
            }
            Change::Approved(approval) => table.approvals.push(approval.clone()),
            Change::Signal(sample) => {
                table.signals.insert(sample.name.clone(), sample.clone());
            }
            Change::Advanced(advance) => table.advances.push(advance.clone()),
            Change::ProbationPassed => {
                let passed = table.before.take();
                assert!(passed.is_some(), "they are on probation");
            }
            Change::Condemned { reason, .. } => table.condemned = Some(reason.clone()),
            Change::RollbackWanted => {
                assert_eq!(table.rollout.rollback, Rollback::NotWanted, "once");
                table.rollout.rollback = Rollback::Wanted;
            }
            Change::Recheck {
                cohort,
                round,
                after,
            } => {
                let kept = round.map(|round| (round, *after));
                match kept {
                    Some(kept) => table.rechecks.insert(*cohort, kept),
                    None => table.rechecks.remove(cohort),
                };
                let under_way = |(round, _): &&(Recheck, _)| round.ended.is_none();
                let rounds = table.rechecks.values().filter(under_way).count();
                assert!(rounds <= 1, "one cohort at a time");
            }
            Change::Shadow(key, change) => {
                let shadow = table.shadows.iter_mut().find(|one| one.key == *key);
                shadow.expect("a shadow of the rollout").apply(change);
            }
            Change::Observed(observation) => {
                if let Some(version) = &observation.version {
                    self.versions.insert(observation.device, version.clone());
                }
            }
        }
    }

    /// Whether an attempt at the device began after this one.
    pub(crate) fn is_overtaken(&self, device: DeviceKey, attempt: AttemptId) -> bool {
        let later = self.attempts.iter().filter(|(id, _)| **id > attempt);
        later.map(|(_, later)| later.device).any(|of| of == device)
    }

    /// Succeeded devices of a cohort, and their newest attempts.
    pub(crate) fn succeeded(
        &self,
        of: RolloutKey,
        cohort: CohortIndex,
        after: Option<AssignmentId>,
        limit: usize,
    ) -> Vec<Succeeded> {
        let rows = self.tables[&of].rows.values();
        rows.filter(|row| row.cohort == cohort && row.state == AssignmentState::Succeeded)
            .filter(|row| after.is_none_or(|after| row.id > after))
            .take(limit)
            .map(|row| {
                let mut attempts = self.attempts.iter().rev();
                let newest = attempts.find(|(_, attempt)| attempt.assignment == row.id);
                let newest = newest.map(|(id, _)| *id);
                Succeeded {
                    assignment: row.clone(),
                    attempt: newest.filter(|id| !self.is_overtaken(row.device, *id)),
                }
            })
            .collect()
    }

    pub(crate) fn rivals(&self, of: RolloutKey, device: DeviceKey) -> Vec<Rival> {
        self.tables
            .values()
            .filter(|table| table.rollout.key != of)
            .flat_map(|table| {
                let rows = table.rows.values();
                rows.filter(|row| row.device == device).map(|row| Rival {
                    device,
                    rollout: table.rollout.key,
                    rollout_state: table.rollout.state,
                    priority: table.rollout.plan.settings.priority,
                    release: table.release.name.clone(),
                    version: table.release.version.clone(),
                    state: row.state.kind(),
                })
            })
            .collect()
    }

    fn unsettled(&self) -> BTreeSet<DeviceKey> {
        self.attempts
            .values()
            .filter(|attempt| !attempt.settled)
            .map(|attempt| attempt.device)
            .collect()
    }

    /// What must hold between any two steps.
    pub(crate) fn check(&self) {
        let fencing: Vec<DeviceKey> = self
            .tables
            .values()
            .flat_map(|table| table.rows.values())
            .filter(|row| table::meaning(row.state.kind()).fences)
            .map(|row| row.device)
            .collect();
        let fenced: BTreeSet<_> = fencing.iter().copied().collect();
        assert_eq!(fencing.len(), fenced.len(), "one rollout at a time");
        assert_eq!(fenced, self.unsettled(), "the table tells who is fenced");
        for key in self.tables.keys() {
            let mut ended = false;
            for event in self.events_of(*key) {
                let goes_on = matches!(
                    event,
                    EventKind::RolloutContinued { .. }
                        | EventKind::OrderGiven { .. }
                        | EventKind::DeviceRequeued { .. }
                        | EventKind::DeviceDismissed { .. }
                        | EventKind::RolloutReopened
                );
                assert!(!ended || goes_on, "the last event of a run: {event:?}");
                ended = matches!(event, EventKind::RolloutCompleted { .. })
                    || (ended && !matches!(event, EventKind::RolloutContinued { .. }));
            }
        }
    }

    pub(crate) fn events_of(&self, key: RolloutKey) -> impl Iterator<Item = &EventKind> {
        self.events
            .iter()
            .filter(move |event| event.rollout == Some(key))
            .map(|event| &event.kind)
    }

    pub(crate) fn outcome(&self, key: RolloutKey) -> Option<Outcome> {
        self.events_of(key)
            .filter_map(|event| match event {
                EventKind::RolloutCompleted { outcome, .. } => Some(*outcome),
                _ => None,
            })
            .last()
    }
}

impl Table {
    pub(crate) fn snapshot(&self) -> RolloutSnapshot {
        let live = |row: &&Assignment| {
            let kind = row.state.kind();
            !kind.is_ended() && !matches!(kind, StateKind::Pending | StateKind::Deferred)
        };
        RolloutSnapshot {
            rollout: self.rollout.clone(),
            cohorts: self.cohorts(),
            live: self.rows.values().filter(live).cloned().collect(),
            decisions: self.decisions.clone(),
            memos: Vec::new(),
            probation: self.before.as_ref().map(Before::probation),
            shadows: self.shadows.iter().map(|one| one.snapshot(self)).collect(),
            approvals: self.approvals.clone(),
            advances: self.advances.clone(),
            signals: self.signals.values().cloned().collect(),
            rechecking: self
                .rechecks
                .iter()
                .find(|(_, (round, _))| round.ended.is_none())
                .map(|(cohort, (_, after))| Rechecking {
                    cohort: *cohort,
                    after: *after,
                }),
            next_deferred: self.next_deferred(Timestamp(0)),
            timed: self.rows.values().filter(|row| is_timed(row)).count() as u64,
        }
    }

    pub(crate) fn cohorts(&self) -> Vec<CohortView> {
        let mut views = self.counted(&self.rollout.plan.cohorts, |row| row.cohort);
        for (view, first) in views.iter_mut().zip(&self.first_started) {
            view.first_started = *first;
        }
        views
    }

    /// The counts of cohorts by a home of each row.
    pub(crate) fn counted(
        &self,
        cohorts: &[Cohort],
        home: impl Fn(&Assignment) -> CohortIndex,
    ) -> Vec<CohortView> {
        let plans = (0..).map(CohortIndex).zip(cohorts);
        plans
            .map(|(index, cohort)| {
                let mut view = CohortView {
                    recheck: self.rechecks.get(&index).map(|(round, _)| *round),
                    ..CohortView::untouched(cohort)
                };
                for row in self.rows.values().filter(|row| home(row) == index) {
                    let kind = row.state.kind();
                    *view.states.get_mut(kind) += 1;
                    view.started += u64::from(row.started_attempts > 0);
                    view.in_progress += u64::from(table::meaning(kind).counts_in_progress);
                    view.ended += u64::from(kind.is_ended());
                    if let Some(failure) = row.first_failure {
                        *view.first_failures.entry(failure).or_default() += 1;
                    }
                    if matches!(
                        kind,
                        StateKind::Failed | StateKind::Rejected | StateKind::DeadLettered
                    ) {
                        let (failure, _) = row.last_failure.expect("it failed");
                        *view.failures.entry(failure).or_default() += 1;
                    }
                }
                view
            })
            .collect()
    }

    pub(crate) fn pending(
        &self,
        cohort: CohortIndex,
        after: Option<AssignmentId>,
        limit: usize,
    ) -> Vec<Assignment> {
        self.rows
            .values()
            .filter(|row| row.cohort == cohort && row.state == AssignmentState::Pending)
            .filter(|row| after.is_none_or(|after| row.id > after))
            .take(limit)
            .cloned()
            .collect()
    }

    pub(crate) fn deferred_due(&self, now: Timestamp, limit: usize) -> Vec<Assignment> {
        self.rows
            .values()
            .filter(|row| due(row).is_some_and(|due| due <= now))
            .take(limit)
            .cloned()
            .collect()
    }

    pub(crate) fn next_deferred(&self, after: Timestamp) -> Option<Timestamp> {
        self.rows
            .values()
            .filter_map(due)
            .filter(|due| *due > after)
            .min()
    }
}

fn is_timed(row: &Assignment) -> bool {
    matches!(&row.state, AssignmentState::Deferred(deferral) if !deferral.needs_connection)
}

fn due(row: &Assignment) -> Option<Timestamp> {
    match &row.state {
        AssignmentState::Deferred(deferral) => Some(deferral.until),
        _ => None,
    }
}
