//! Other policies, as an engine and its store put them in force.

use windlass_core::{Effect, Input, Standing};
use windlass_model::{
    AssignmentId, Cohort, CohortIndex, DecisionRecord, PluginName, PluginPin, Probation,
    RolloutKey, RolloutState, Sha256,
};

use super::super::{policy::Policy, store::Table};
use super::{Fate, World};

/// Policies to put in force, and how their first cuts the targets.
#[derive(Clone, Debug)]
pub(crate) struct Swap {
    /// The sizes of the cohorts are as these.
    pub(crate) shares: Vec<u64>,
    /// The target of this place is the first of the first cohort.
    pub(crate) first: usize,
    pub(crate) policies: Vec<Policy>,
}

/// What is put back if one of the policies fails.
#[derive(Clone)]
pub(crate) struct Before {
    pins: Vec<PluginPin>,
    cohorts: Vec<Cohort>,
    homes: Vec<(AssignmentId, CohortIndex)>,
    decisions: Vec<Option<DecisionRecord>>,
    policies: Vec<Policy>,
}

impl Before {
    pub(crate) fn probation(&self) -> Probation {
        Probation {
            before: self.pins.clone(),
        }
    }
}

impl World {
    /// Puts other policies in force, if the rollout can still take any.
    pub(crate) fn swap(&mut self, key: RolloutKey, swap: Swap) -> bool {
        let run = self.runs.get_mut(&key).expect("a run");
        let over = matches!(run.rollout.standing(self.now), Standing::Ended(_));
        let takes = matches!(
            run.rollout.state(),
            RolloutState::Running | RolloutState::Holding | RolloutState::Paused
        );
        if over || !takes {
            return false;
        }
        let before = std::mem::replace(&mut run.policies, swap.policies.clone());
        let table = self.store.tables.get_mut(&key).expect("a rollout");
        table.swap(&swap, before);
        self.replan(key);
        true
    }

    /// A policy on probation failed.
    pub(super) fn take_policies_back(&mut self, key: RolloutKey) {
        let table = self.store.tables.get_mut(&key).expect("a rollout");
        let before = table.before.take().expect("it is on probation");
        table.rollout.plan.policies = before.pins;
        table.rollout.plan.cohorts = before.cohorts;
        for (id, cohort) in before.homes {
            table.rows.get_mut(&id).expect("a target").cohort = cohort;
        }
        table.decisions = before.decisions;
        table.rechecks.clear();
        table.recount_starts();
        let run = self.runs.get_mut(&key).expect("a run");
        run.policies = before.policies;
        self.replan(key);
    }

    fn replan(&mut self, key: RolloutKey) {
        self.tasks.retain(|task| {
            let withdrawn = matches!(
                task.effect,
                Effect::Page { .. }
                    | Effect::PageDeferred { .. }
                    | Effect::Reconsider { .. }
                    | Effect::PageSucceeded { .. }
                    | Effect::Decide { .. }
            );
            task.of != key || !withdrawn
        });
        let snapshot = Box::new(self.store.tables[&key].snapshot());
        let run = self.runs.get_mut(&key).expect("a run");
        run.latest.clear();
        // Before anything falls due: core must not be ahead of what it is told.
        let replanned = Input::Replanned { snapshot };
        run.rollout.handle(self.now, replanned, &mut self.resources);
        self.step(Vec::new(), Fate::Commit);
    }
}

impl Table {
    fn swap(&mut self, swap: &Swap, policies: Vec<Policy>) {
        self.rechecks.clear();
        let plan = &mut self.rollout.plan;
        let version = plan.policies.first().map_or(0, |pin| pin.settings.0[0]) + 1;
        let pins = (0..swap.policies.len()).map(|index| PluginPin {
            name: PluginName::new(format!("policy-{index}")),
            component: Sha256([1; 32]),
            settings: Sha256([version; 32]),
        });
        let homes = self.rows.values().map(|row| (row.id, row.cohort));
        self.before = Some(Before {
            homes: homes.collect(),
            pins: std::mem::replace(&mut plan.policies, pins.collect()),
            cohorts: std::mem::replace(&mut plan.cohorts, cohorts(&swap.shares, self.rows.len())),
            decisions: std::mem::replace(&mut self.decisions, vec![None; swap.policies.len()]),
            policies,
        });
        let sizes = plan.cohorts.iter().map(|cohort| cohort.size);
        let homes: Vec<_> = (0..)
            .map(CohortIndex)
            .zip(sizes)
            .flat_map(|(index, size)| (0..size).map(move |_| index))
            .collect();
        let targets = self.rows.len().max(1);
        for (place, row) in self.rows.values_mut().enumerate() {
            row.cohort = homes[(place + swap.first) % targets];
        }
        self.approvals.clear();
        self.advances.clear();
        self.recount_starts();
    }
}

pub(super) fn cohorts(shares: &[u64], targets: usize) -> Vec<Cohort> {
    let (total, parts) = (targets as u64, shares.iter().sum::<u64>());
    let mut sizes: Vec<_> = shares.iter().map(|share| total * share / parts).collect();
    sizes[0] += total - sizes.iter().sum::<u64>();
    (0..)
        .zip(sizes)
        .map(|(index, size)| Cohort {
            name: format!("other-{index}"),
            size,
        })
        .collect()
}
