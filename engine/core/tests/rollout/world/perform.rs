//! What becomes of effects.

use windlass_core::{
    Candidate, Effect, Gate, GroupHealth, GroupSeat, Input, Standing,
    admission::{self, Circumstances, code},
};
use windlass_model::{
    Assignment, AssignmentState, AttemptOutcome, Reason, RolloutKey, RolloutState, Timestamp,
    Value, Verification,
};

use super::super::fleet::{CUT_OFF_AT, RELEASE_SIZE, record};
use super::{Task, World, seats};

impl World {
    pub(super) fn take(&mut self, of: RolloutKey, effect: Effect) {
        self.effects.push(effect.clone());
        let table = &self.store.tables[&of];
        let (rows, next_due) = match &effect {
            Effect::NeedAttemptIds => {
                let from = self.next_attempt_id;
                self.next_attempt_id += 8;
                self.resources.attempt_ids.refill(from..from + 8);
                self.step(Vec::new(), super::Fate::Commit);
                return;
            }
            Effect::Start { device, number, .. } => {
                if *number == 1 {
                    self.check_ceilings(of, *device);
                }
                let run = &self.runs[&of];
                assert_eq!(run.rollout.state(), RolloutState::Running);
                let busy = |task: &Task| matches!(task.effect, Effect::Start { device: other, .. } if other == *device);
                assert!(!self.tasks.iter().any(busy), "one push to a device");
                for decision in &run.latest {
                    let decision = decision.as_ref().expect("a failed policy starts nothing");
                    assert!(self.now.wall <= decision.valid_until);
                }
                (Vec::new(), None)
            }
            Effect::Page {
                cohort,
                after,
                limit,
            } => (table.pending(*cohort, *after, *limit), None),
            Effect::PageDeferred { by, limit } => {
                (table.deferred_due(*by, *limit), table.next_deferred(*by))
            }
            Effect::Reconsider { rows } => {
                assert!(rows.len() <= 512);
                (rows.clone(), None)
            }
            Effect::Recheck { device, .. } => {
                let of_device = |task: &Task| match task.effect {
                    Effect::Start { device: other, .. }
                    | Effect::Verify { device: other, .. }
                    | Effect::Recheck { device: other, .. } => other == *device,
                    _ => false,
                };
                assert!(!self.tasks.iter().any(of_device), "nobody else is at it");
                let row = table.rows.values().find(|row| row.device == *device);
                assert_eq!(row.expect("a target").state, AssignmentState::Succeeded);
                (Vec::new(), None)
            }
            Effect::PageSucceeded { .. }
            | Effect::Cancel { .. }
            | Effect::Verify { .. }
            | Effect::Decide { .. } => (Vec::new(), None),
            Effect::TakePoliciesBack { .. } => unreachable!("the step does that"),
            // The step has done that, before anything else moved.
            Effect::AskShadows { .. } => return,
            Effect::Finished(outcome) => {
                assert_eq!(self.store.outcome(of), Some(*outcome));
                return;
            }
        };
        self.tasks.push(Task {
            of,
            effect,
            rows,
            next_due,
        });
    }

    pub(super) fn perform(&mut self, task: Task) -> Vec<(RolloutKey, Input)> {
        let of = task.of;
        let wall = self.now.wall;
        let release = self.store.tables[&of].release.clone();
        let input = match task.effect {
            Effect::Page { cohort, limit, .. } => {
                let exhausted = task.rows.len() < limit;
                let (candidates, health) = self.consider(of, task.rows);
                Input::Page {
                    cohort,
                    exhausted,
                    candidates,
                    health,
                }
            }
            Effect::PageDeferred { .. } => {
                let (candidates, health) = self.consider(of, task.rows);
                self.advance_clock(self.probes_take);
                Input::Deferred {
                    candidates,
                    next_due: task.next_due,
                    health,
                }
            }
            Effect::Reconsider { .. } => {
                let (candidates, health) = self.consider(of, task.rows);
                Input::Reconsidered { candidates, health }
            }
            Effect::Start {
                assignment,
                device,
                attempt,
                number,
            } => {
                let (outcome, reached) = self.fleet.device(device).push(wall, &release);
                // Attempts after the first go on where one before them was cut off.
                let base = if number > 1 { CUT_OFF_AT } else { 0 };
                Input::AttemptEnded {
                    assignment,
                    attempt,
                    outcome,
                    bytes: reached.saturating_sub(base),
                    reached,
                }
            }
            Effect::Verify {
                assignment,
                device,
                attempt,
            } => Input::Verified {
                assignment,
                attempt,
                answer: self.fleet.device(device).verify(wall, &release),
            },
            Effect::PageSucceeded {
                cohort,
                after,
                limit,
            } => {
                let rows = self.store.succeeded(of, cohort, after, limit);
                Input::Succeeded {
                    exhausted: rows.len() < limit,
                    rows,
                }
            }
            Effect::Recheck {
                assignment,
                device,
                attempt,
            } => {
                let mut answer = self.fleet.device(device).verify(wall, &release);
                let other = matches!(answer, Ok(Verification::RunsOther(_)));
                if other && self.store.is_overtaken(device, attempt) {
                    answer = Ok(Verification::CannotTell);
                }
                Input::Rechecked {
                    assignment,
                    attempt,
                    answer,
                    groups: seats(&self.limits, device),
                }
            }
            Effect::Cancel {
                assignment,
                attempt,
            } => {
                let push = self.tasks.iter().position(
                    |task| matches!(task.effect, Effect::Start { attempt: other, .. } if other == attempt),
                );
                let Some(push) = push else {
                    return Vec::new();
                };
                self.tasks.remove(push);
                Input::AttemptEnded {
                    assignment,
                    attempt,
                    outcome: AttemptOutcome::Cancelled,
                    bytes: RELEASE_SIZE / 3,
                    reached: RELEASE_SIZE / 3,
                }
            }
            Effect::Decide { requests } => {
                let run = self.runs.get_mut(&of).expect("a run");
                Input::Decided {
                    answers: requests
                        .iter()
                        .map(|request| run.policies[request.policy].decide(request))
                        .collect(),
                }
            }
            Effect::NeedAttemptIds
            | Effect::TakePoliciesBack { .. }
            | Effect::AskShadows { .. }
            | Effect::Finished(_) => {
                return Vec::new();
            }
        };
        vec![(of, input)]
    }

    fn consider(&mut self, of: RolloutKey, rows: Vec<Assignment>) -> (Vec<Candidate>, GroupHealth) {
        self.looks += rows.len();
        let health = self.health(&rows);
        let candidates = rows
            .into_iter()
            .map(|assignment| Candidate {
                gate: self.gate(of, &assignment),
                groups: seats(&self.limits, assignment.device),
                assignment,
            })
            .collect();
        (candidates, health)
    }

    fn gate(&mut self, of: RolloutKey, row: &Assignment) -> Gate {
        let now = self.now.wall;
        let key = row.device;
        if self.now.monotonic < self.unjudged_until {
            return unjudged(now, self.unjudged_by);
        }
        let table = &self.store.tables[&of];
        let found = self.fleet.device(key).look(now, &table.release);
        let mut device = record(key);
        device.status = found.status;
        device.version = found
            .runs
            .or_else(|| self.store.versions.get(&key).cloned());
        let policies = &self.runs[&of].policies;
        let admissions = policies
            .iter()
            .map(|policy| policy.admit(now, &device, row));
        let admission = admission::combine(admissions.chain([found.admission]));
        admission::gate(&Circumstances {
            device: &device,
            release: &table.release,
            settings: &table.rollout.plan.settings,
            matches: true,
            admission,
            holds: &self.holds,
            rivals: &self.store.rivals(of, key),
            driven: &self.driven(),
            rollout: of,
            now,
        })
    }

    /// The rollouts whose run is not over.
    fn driven(&self) -> Vec<RolloutKey> {
        let runs = self.runs.iter();
        runs.filter(|(_, run)| !matches!(run.rollout.standing(self.now), Standing::Ended(_)))
            .map(|(key, _)| *key)
            .collect()
    }

    fn health(&self, rows: &[Assignment]) -> GroupHealth {
        let mut of_rows: Vec<GroupSeat> = rows
            .iter()
            .flat_map(|row| seats(&self.limits, row.device))
            .collect();
        of_rows.sort();
        of_rows.dedup();
        let down = |seat: &GroupSeat| {
            self.fleet
                .0
                .iter()
                .filter(|(key, device)| device.is_away() || self.store.failed.contains(key))
                .map(|(key, _)| *key)
                .filter(|key| seats(&self.limits, *key).contains(seat))
                .collect()
        };
        GroupHealth {
            as_of: self.now.monotonic,
            down: of_rows
                .into_iter()
                .map(|seat| {
                    let down = down(&seat);
                    (seat, down)
                })
                .collect(),
        }
    }
}

fn unjudged(now: Timestamp, by: &str) -> Gate {
    Gate::Defer {
        until: now.plus(std::time::Duration::from_secs(30)),
        needs_connection: false,
        reason: Some(Reason {
            code: code::PLUGIN_FAILED.to_owned(),
            cohort: None,
            parameters: [(code::PLUGIN.to_owned(), Value::Text(by.to_owned()))].into(),
            text: "it trapped".to_owned(),
        }),
    }
}
