//! A reference store: the simplest tables that obey the contract of change sets.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::table;
use windlass_model::{
    Assignment, AssignmentId, AssignmentState, AttemptId, Change, ChangeSet, CohortIndex,
    CohortView, DecisionRecord, DeviceId, DeviceKey, Event, EventKind, Outcome, RolloutKey,
    RolloutSnapshot, StateCounts, StateKind, StoredRollout, Timestamp,
};

#[derive(Clone, Copy, Debug)]
struct Attempt {
    device: DeviceKey,
    ended: bool,
    settled: bool,
}

pub(crate) struct Store {
    pub(crate) rollout: StoredRollout,
    pub(crate) rows: BTreeMap<AssignmentId, Assignment>,
    pub(crate) events: Vec<Event>,
    attempts: BTreeMap<AttemptId, Attempt>,
    decisions: Vec<Option<DecisionRecord>>,
    times: Vec<(Option<Timestamp>, Option<Timestamp>)>,
}

impl Store {
    pub(crate) fn new(rollout: StoredRollout) -> Self {
        let cohorts = (0..).map(CohortIndex).zip(&rollout.plan.cohorts);
        let rows: BTreeMap<_, _> = cohorts
            .flat_map(|(index, cohort)| (0..cohort.size).map(move |_| index))
            .zip(1..)
            .map(|(cohort, rank)| {
                let row = Assignment {
                    id: AssignmentId(rank),
                    device: DeviceKey(rank),
                    device_id: DeviceId::new(format!("device-{rank}")),
                    cohort,
                    state: AssignmentState::Pending,
                    started_attempts: 0,
                    counted_attempts: 0,
                    first_failure: None,
                    last_failure: None,
                    attempt_started: None,
                };
                (row.id, row)
            })
            .collect();
        Self {
            decisions: vec![None; rollout.plan.policies.len()],
            times: vec![(None, None); rollout.plan.cohorts.len()],
            rollout,
            rows,
            events: Vec::new(),
            attempts: BTreeMap::new(),
        }
    }

    pub(crate) fn key(&self) -> RolloutKey {
        self.rollout.key
    }

    pub(crate) fn commit(&mut self, set: &ChangeSet) {
        assert_eq!(set.rollout, self.key());
        for change in &set.changes {
            self.apply(change);
        }
        self.events.extend(set.events.iter().cloned());
    }

    fn apply(&mut self, change: &Change) {
        match change {
            Change::Rollout {
                state,
                started_at,
                ended_at,
                paused_for,
                paused_since,
            } => {
                self.rollout.state = *state;
                self.rollout.started_at = *started_at;
                self.rollout.ended_at = *ended_at;
                self.rollout.paused_for = *paused_for;
                self.rollout.paused_since = *paused_since;
            }
            Change::Assignment { from, row } => {
                let old = self.rows.insert(row.id, row.as_ref().clone());
                let old = old.expect("only targets move").state.kind();
                assert_eq!(old, *from, "{row:?}");
                assert!(
                    table::may_follow(old, row.state.kind()),
                    "{old:?} to {row:?}"
                );
                let times = &mut self.times[row.cohort.0 as usize];
                times.0 = times.0.or(row.attempt_started);
            }
            Change::CancelRemaining => {
                for row in self.rows.values_mut() {
                    if matches!(row.state.kind(), StateKind::Pending | StateKind::Deferred) {
                        row.state = AssignmentState::Cancelled;
                    }
                }
            }
            Change::AttemptStarted {
                attempt, device, ..
            } => {
                let fenced = self.unsettled().contains(device);
                assert!(!fenced, "{device:?} has an unsettled attempt");
                let fresh = Attempt {
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
                let pins = &self.rollout.plan.policies;
                let at = pins.iter().position(|pin| pin.name == record.policy);
                self.decisions[at.expect("a policy of the plan")] = Some(record.as_ref().clone());
            }
            Change::Observed(_) => {}
        }
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
        let fencing: BTreeSet<DeviceKey> = self
            .rows
            .values()
            .filter(|row| table::meaning(row.state.kind()).fences)
            .map(|row| row.device)
            .collect();
        assert_eq!(fencing, self.unsettled(), "the table tells who is fenced");
        let ends = |event: &Event| matches!(event.kind, EventKind::RolloutCompleted { .. });
        let begins = |event: &Event| matches!(event.kind, EventKind::RolloutContinued { .. });
        for pair in self.events.windows(2) {
            assert!(
                !ends(&pair[0]) || begins(&pair[1]),
                "the last event of a run"
            );
        }
    }

    pub(crate) fn outcome(&self) -> Option<Outcome> {
        match self.events.last()?.kind {
            EventKind::RolloutCompleted { outcome, .. } => Some(outcome),
            _ => None,
        }
    }

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
            next_deferred: self.next_deferred(Timestamp(0)),
        }
    }

    pub(crate) fn cohorts(&self) -> Vec<CohortView> {
        let plans = (0..).map(CohortIndex).zip(&self.rollout.plan.cohorts);
        plans
            .map(|(index, cohort)| {
                let mut view = CohortView {
                    name: cohort.name.clone(),
                    size: cohort.size,
                    states: StateCounts::default(),
                    started: 0,
                    in_progress: 0,
                    ended: 0,
                    first_failures: BTreeMap::new(),
                    failures: BTreeMap::new(),
                    first_started: self.times[index.0 as usize].0,
                    last_ended: self.times[index.0 as usize].1,
                };
                for row in self.rows.values().filter(|row| row.cohort == index) {
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

fn due(row: &Assignment) -> Option<Timestamp> {
    match &row.state {
        AssignmentState::Deferred(deferral) => Some(deferral.until),
        _ => None,
    }
}
