use windlass_core::{DeliveryFacts, Now, Rollout};
use windlass_model::{
    Assignment, AssignmentId, AssignmentState, CohortView, ReleaseKey, Rollback, RolloutKey,
    RolloutPlan, RolloutSnapshot, RolloutState, StateCounts, StateKind, StoredRollout,
};

use crate::{
    placing::{Targets, number},
    rows::Rows,
    scenario::Scenario,
};

/// There is no other.
pub(crate) const ROLLOUT: RolloutKey = RolloutKey(1);

/// The rows of a rollout that was just planned.
pub(crate) fn rows(scenario: &Scenario, targets: &Targets) -> Rows {
    let rows = (1..)
        .map(AssignmentId)
        .zip(&targets.ranked)
        .map(|(id, (device, cohort))| Assignment {
            id,
            device: *device,
            device_id: scenario.fleet.id(number(*device)),
            cohort: *cohort,
            state: AssignmentState::Pending,
            started_attempts: 0,
            counted_attempts: 0,
            first_failure: None,
            last_failure: None,
            attempt_started: None,
            excluded: false,
            blocker: None,
        });
    let sizes = targets.cohorts.iter().map(|cohort| cohort.size);
    Rows::new(rows.collect(), sizes)
}

/// The rollout itself, before its first start.
pub(crate) fn rollout(scenario: &Scenario, targets: &Targets, now: Now) -> Rollout {
    let cohorts = targets.cohorts.iter().map(|cohort| {
        let mut states = StateCounts::default();
        *states.get_mut(StateKind::Pending) = cohort.size;
        CohortView {
            name: cohort.name.clone(),
            size: cohort.size,
            states,
            started: 0,
            in_progress: 0,
            ended: 0,
            first_failures: Default::default(),
            failures: Default::default(),
            first_started: None,
            last_ended: None,
            recheck: None,
        }
    });
    let snapshot = RolloutSnapshot {
        rollout: stored(scenario, targets),
        cohorts: cohorts.collect(),
        live: Vec::new(),
        decisions: vec![None; scenario.policies.len()],
        memos: vec![None; scenario.policies.len()],
        probation: None,
        shadows: Vec::new(),
        signals: Vec::new(),
        approvals: Vec::new(),
        advances: Vec::new(),
        rechecking: None,
        next_deferred: None,
        timed: 0,
    };
    let facts: DeliveryFacts = scenario.facts;
    let mut rollout = Rollout::load(snapshot, &scenario.release, facts, now);
    rollout.coalesce_decisions(scenario.questions_every());
    rollout.watch(scenario.watched.clone());
    rollout
}

fn stored(scenario: &Scenario, targets: &Targets) -> StoredRollout {
    StoredRollout {
        key: ROLLOUT,
        plan: RolloutPlan {
            name: scenario.rollout.clone(),
            release: ReleaseKey(1),
            settings: scenario.settings(),
            cohorts: targets.cohorts.clone(),
            filter_expression: None,
            filter: None,
            policies: scenario.policies.clone(),
            deliveries: Vec::new(),
            unselected: scenario.fleet.devices() - targets.ranked.len() as u64,
            fleet: None,
            takes_back: None,
        },
        state: RolloutState::Draft,
        started_at: None,
        ended_at: None,
        paused_for: std::time::Duration::ZERO,
        paused_since: None,
        rollback: Rollback::NotWanted,
    }
}
