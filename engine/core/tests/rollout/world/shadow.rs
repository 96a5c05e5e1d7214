//! Policies in shadow, as a store keeps them and an engine asks them: whenever it pleases.

use windlass_core::{DecideRequest, Input, ShadowRequest};
use windlass_model::{
    AssignmentId, Ceiling, Cohort, CohortIndex, CohortView, Comparison, Covered, Decision,
    DecisionAnswer, DecisionRecord, Measure, Members, PluginName, PluginPin, Reason, Recheck,
    RecheckWish, RolloutKey, Sha256, ShadowChange, ShadowKey, ShadowSnapshot, Tallied,
    TalliedTarget, Timestamp, Trigger, Verdict,
};

use super::super::{policy::Policy, store::Table};
use super::World;

/// A policy in shadow, as the store has it.
#[derive(Clone, Debug)]
pub(crate) struct Shadow {
    pub(crate) key: ShadowKey,
    pub(crate) cohorts: Vec<Cohort>,
    pub(crate) members: Members,
    pub(crate) decision: Option<DecisionRecord>,
    pub(crate) kept: u64,
    pub(crate) repeated: u64,
    pub(crate) comparison: Comparison,
    /// None before it was counted.
    times: Option<Vec<(Option<Timestamp>, Option<Timestamp>)>>,
}

/// What policies in shadow were asked, and how they answer.
#[derive(Default)]
pub(crate) struct Asides {
    asked: Vec<(RolloutKey, ShadowRequest)>,
    /// What each answers; without one, what comes into its mind.
    pub(crate) policies: Vec<(ShadowKey, Policy)>,
    /// Picks who answers at a step, and what.
    pub(crate) whims: Vec<u16>,
    pub(crate) answers: usize,
    added: i64,
}

impl Asides {
    pub(super) fn forget(&mut self) {
        self.asked.clear();
    }
}

impl Shadow {
    pub(super) fn pin(&self) -> PluginPin {
        PluginPin {
            name: PluginName::new(format!("shadow-{}", self.key)),
            component: Sha256([2; 32]),
            settings: Sha256([3; 32]),
        }
    }

    pub(crate) fn snapshot(&self, table: &Table) -> ShadowSnapshot {
        let (cohorts, covered) = match &self.times {
            None => {
                let empty = |cohort: &Cohort| {
                    CohortView::untouched(&Cohort {
                        size: 0,
                        ..cohort.clone()
                    })
                };
                let cohorts = self.cohorts.iter().map(empty).collect();
                (cohorts, Covered::Before(self.members.first))
            }
            Some(times) => (self.counted(table, times), Covered::All),
        };
        ShadowSnapshot {
            key: self.key,
            pin: self.pin(),
            cohorts,
            covered,
            members: self.members.clone(),
            decision: self.decision.clone(),
            comparison: self.comparison.clone(),
        }
    }

    fn counted(
        &self,
        table: &Table,
        times: &[(Option<Timestamp>, Option<Timestamp>)],
    ) -> Vec<CohortView> {
        let mut cohorts = table.counted(&self.cohorts, |row| self.members.cohort(row.id));
        for (view, (first, last)) in cohorts.iter_mut().zip(times) {
            view.size = view.states.total();
            (view.first_started, view.last_ended) = (*first, *last);
            // Rounds are those of the cohorts in force.
            view.recheck = None;
        }
        cohorts
    }

    pub(crate) fn apply(&mut self, change: &ShadowChange) {
        match change {
            ShadowChange::Decided(record) => {
                self.decision = Some(record.as_ref().clone());
                self.kept += 1;
            }
            ShadowChange::Repeated { times, last } => {
                let newest = self.decision.as_ref().expect("what is repeated was kept");
                assert!(*times > 0 && *last >= newest.at);
                self.repeated += times;
            }
            ShadowChange::Compared(comparison) => {
                let before = std::mem::replace(&mut self.comparison, comparison.as_ref().clone());
                assert!(before.moments <= comparison.moments);
                assert!(before.failed <= comparison.failed);
            }
            ShadowChange::Times {
                cohort,
                first_started,
                last_ended,
            } => {
                let none = || vec![(None, None); self.cohorts.len()];
                let times = self.times.get_or_insert_with(none);
                times[cohort.0 as usize] = (*first_started, *last_ended);
            }
        }
    }
}

impl World {
    /// Puts a policy in shadow, whose cohorts have these shares.
    pub(crate) fn add_shadow(&mut self, of: RolloutKey, shares: &[u64], first: usize) -> ShadowKey {
        let table = self.store.tables.get_mut(&of).expect("a rollout");
        self.asides.added += 1;
        let key = ShadowKey(self.asides.added);
        let cohorts = super::swap::cohorts(shares, table.rows.len());
        let mut members: Vec<_> = (0_u16..)
            .zip(&cohorts)
            .flat_map(|(index, cohort)| (0..cohort.size).map(move |_| index))
            .collect();
        let targets = members.len().max(1);
        members.rotate_left(first % targets);
        let first = table.rows.keys().next().copied();
        let members = Members {
            first: first.unwrap_or(AssignmentId(1)),
            cohorts: members,
            last: CohortIndex(cohorts.len() as u32 - 1),
        };
        let shadow = Shadow {
            key,
            members,
            times: None,
            cohorts,
            decision: None,
            kept: 0,
            repeated: 0,
            comparison: Comparison::default(),
        };
        table.shadows.push(shadow);
        self.tell_shadows(of);
        self.tally();
        key
    }

    pub(crate) fn remove_shadow(&mut self, of: RolloutKey, key: ShadowKey) {
        let table = self.store.tables.get_mut(&of).expect("a rollout");
        let run = self.runs.get_mut(&of).expect("a run");
        table.shadows.retain(|shadow| shadow.key != key);
        self.asides.asked.retain(|(_, one)| one.shadow != key);
        let shadows = table
            .shadows
            .iter()
            .map(|one| one.snapshot(table))
            .collect();
        let told = Input::Shadowed { shadows };
        run.rollout.handle(self.now, told, &mut self.resources);
    }

    fn tell_shadows(&mut self, of: RolloutKey) {
        let table = &self.store.tables[&of];
        let shadows = table
            .shadows
            .iter()
            .map(|one| one.snapshot(table))
            .collect();
        let run = self.runs.get_mut(&of).expect("a run");
        let told = Input::Shadowed { shadows };
        run.rollout.handle(self.now, told, &mut self.resources);
    }

    /// Shows new shadows some of the targets that they have not counted. Whether there were any.
    pub(super) fn tally(&mut self) -> bool {
        let mut runs = self.runs.iter();
        let found = runs.find_map(|(key, run)| Some((*key, run.rollout.to_tally()?)));
        let Some((of, (shadow, from))) = found else {
            return false;
        };
        let limit = match self.asides.whims.pop() {
            None => 1_000,
            Some(whim) => usize::from(whim % 5),
        };
        let targets = self.store.tables[&of].tallied(from, limit);
        let run = self.runs.get_mut(&of).expect("a run");
        let tallied = Input::Tallied {
            shadow,
            exhausted: targets.len() < limit,
            targets,
        };
        run.rollout.handle(self.now, tallied, &mut self.resources);
        true
    }

    pub(crate) fn shadow(&self, of: RolloutKey, key: ShadowKey) -> &Shadow {
        let all = &self.store.tables[&of].shadows;
        all.iter().find(|one| one.key == key).expect("a shadow")
    }

    /// Each is asked what follows from the rows by its own cohorts.
    pub(super) fn ask_shadows(&mut self, of: RolloutKey, requests: Vec<ShadowRequest>) {
        for request in requests {
            let table = &self.store.tables[&of];
            let shadow = self.shadow(of, request.shadow);
            let mut expected = shadow.snapshot(table).cohorts;
            // The store counts each of them where it stands, the view what its states mean.
            for (stored, shown) in expected.iter_mut().zip(&request.view.cohorts) {
                assert!(stored.last_ended <= shown.last_ended);
                stored.last_ended = shown.last_ended;
                // Nobody is asked for it, so the rows do not tell.
                stored.recheck = shown.recheck;
                let over = |round: Recheck| round.ended == Some(round.began);
                assert!(shown.recheck.is_none_or(over), "a round that nobody makes");
            }
            assert_eq!(request.view.cohorts, expected);
            let awaited = |(_, one): &(_, ShadowRequest)| one.shadow == request.shadow;
            assert!(!self.asides.asked.iter().any(awaited), "one question");
            let memo = match shadow.decision.as_ref() {
                None => Vec::new(),
                Some(record) => match &record.answer {
                    DecisionAnswer::Decided(decision) => decision.memo.clone(),
                    DecisionAnswer::Failed(_) => record.memo_before.clone(),
                },
            };
            assert_eq!(request.memo, memo);
            self.asides.asked.push((of, request));
        }
    }

    /// Those answer that please to.
    pub(super) fn hear_shadows(&mut self) {
        let mut waiting = Vec::new();
        for (of, request) in std::mem::take(&mut self.asides.asked) {
            let key = request.shadow;
            let own = self.asides.policies.iter_mut().find(|(of, _)| *of == key);
            let answer = match own {
                Some((_, policy)) => policy.decide(&DecideRequest {
                    policy: 0,
                    view: request.view,
                    memo: request.memo,
                }),
                None => match self.asides.whims.pop() {
                    Some(whim) if whim % 3 == 0 => {
                        waiting.push((of, request));
                        continue;
                    }
                    whim => whimsical(whim.unwrap_or(1), &request),
                },
            };
            self.asides.answers += 1;
            let run = self.runs.get_mut(&of).expect("a run");
            let answered = Input::ShadowAnswered {
                shadow: key,
                answer,
            };
            run.rollout.handle(self.now, answered, &mut self.resources);
        }
        self.asides.asked.extend(waiting);
    }
}

impl Table {
    fn tallied(&self, from: AssignmentId, limit: usize) -> Vec<TalliedTarget> {
        let rows = self.rows.range(from..).take(limit);
        rows.map(|(id, row)| TalliedTarget {
            id: *id,
            tallied: Tallied {
                state: row.state.kind(),
                started: row.started_attempts > 0,
                first_failure: row.first_failure,
                last_failure: row.last_failure.map(|(kind, _)| kind),
            },
            first_started: self.starts.get(id).copied(),
            ended: None,
        })
        .collect()
    }
}

/// Anything that a policy could say.
fn whimsical(whim: u16, request: &ShadowRequest) -> Result<Decision, String> {
    if whim % 7 == 1 {
        return Err(format!("trapped at {}", whim % 5));
    }
    let whim = u64::from(whim);
    let now = request.view.now;
    let verdicts = [
        Verdict::Continue,
        Verdict::Hold,
        Verdict::Pause,
        Verdict::Abort,
        Verdict::RollBack,
    ];
    let cohorts = request.view.cohorts.len() + usize::from(whim % 13 == 2);
    let ceilings = (0..cohorts as u64).map(|index| Ceiling {
        started: (whim >> 3) % (5 + index),
        in_progress: (whim >> 5) % 4,
    });
    Ok(Decision {
        ceilings: ceilings.collect(),
        valid_until: Timestamp(now.0 + whim % 400 * 1000 - 20_000),
        verdict: verdicts[(whim >> 4) as usize % verdicts.len()],
        reasons: vec![Reason {
            code: format!("whim-{}", whim % 3),
            cohort: None,
            parameters: [].into(),
            text: "it likes to".to_owned(),
        }],
        memo: vec![whim as u8 % 4],
        ask_at: whim.is_multiple_of(2).then(|| Timestamp(now.0 + whim)),
        triggers: vec![Trigger {
            cohort: CohortIndex(whim as u32 % 3),
            measure: Measure::Ended,
            reaches: whim % 6,
        }],
        rechecks: vec![RecheckWish {
            cohort: CohortIndex(whim as u32 % 3),
            since: Timestamp(now.0 + whim % 200 * 1000 - 100_000),
        }],
    })
}
