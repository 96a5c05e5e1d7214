//! Plays the driver, the store, the devices and the policies around a real [`Rollout`],
//! with a clock of its own, and checks after every step what must always hold.

use std::{num::NonZeroUsize, time::Duration};

use windlass_core::{
    Candidate, Command, DeliveryFacts, Effect, Input, Now, Resources, Rollout, Standing, StopCause,
};
use windlass_model::{
    Assignment, AssignmentState, AttemptOutcome, CohortIndex, Decision, DeviceKey, EventKind,
    Failure, FailureKind, Outcome, Release, RolloutState, Sha256, Timestamp,
};

use crate::{
    fleet::{Fleet, RELEASE_SIZE},
    policy::Policy,
    store::Store,
};

/// Steps after which a rollout that has not ended counts as stuck.
const MAX_STEPS: u32 = 50_000;

/// An effect under way. Pages are read when it begins and answered when it ends, as from
/// a store that is read beside its writer.
struct Task {
    effect: Effect,
    rows: Vec<Assignment>,
    next_due: Option<Timestamp>,
}

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) fleet: Fleet,
    pub(crate) policies: Vec<Policy>,
    pub(crate) facts: DeliveryFacts,
    pub(crate) cap: NonZeroUsize,
    pub(crate) now: Now,
    /// Picks what happens next; runs dry into first come, first served.
    pub(crate) choices: Vec<u16>,
    /// The engine dies at these steps.
    pub(crate) crashes: Vec<u32>,
    /// Devices shown to the gate so far, with repetition.
    pub(crate) looks: usize,
    next_attempt_id: u32,
    latest: Vec<Result<Decision, String>>,
    rollout: Rollout,
    resources: Resources,
    tasks: Vec<Task>,
    steps: u32,
    idle_timeouts: u32,
}

pub(crate) fn release() -> Release {
    Release {
        name: "app".to_owned(),
        version: "2.0.0".to_owned(),
        size: RELEASE_SIZE,
        sha256: Sha256([7; 32]),
        media_type: "application/octet-stream".to_owned(),
    }
}

impl World {
    pub(crate) fn new(
        store: Store,
        fleet: Fleet,
        policies: Vec<Policy>,
        facts: DeliveryFacts,
        cap: NonZeroUsize,
    ) -> Self {
        let now = Now {
            wall: Timestamp(1_700_000_000_000),
            monotonic: Duration::from_secs(5),
        };
        let rollout = Rollout::load(store.snapshot(), &release(), facts, now);
        Self {
            store,
            fleet,
            policies,
            facts,
            cap,
            now,
            choices: Vec::new(),
            crashes: Vec::new(),
            looks: 0,
            next_attempt_id: 1,
            latest: Vec::new(),
            rollout,
            resources: Resources::new(cap),
            tasks: Vec::new(),
            steps: 0,
            idle_timeouts: 0,
        }
    }

    /// Runs until the run is over.
    pub(crate) fn run(&mut self) -> Outcome {
        self.begin();
        loop {
            if let Some(outcome) = self.turn() {
                return outcome;
            }
        }
    }

    pub(crate) fn begin(&mut self) {
        self.resources = Resources::new(self.cap);
        self.tasks.clear();
        self.latest.clear();
        self.rollout = Rollout::load(self.store.snapshot(), &release(), self.facts, self.now);
        self.step(vec![Input::Begin], true);
    }

    pub(crate) fn state(&self) -> RolloutState {
        self.rollout.state()
    }

    pub(crate) fn standing(&self) -> Standing {
        self.rollout.standing(self.now)
    }

    pub(crate) fn in_flight(&self) -> usize {
        let pushes = |task: &&Task| matches!(task.effect, Effect::Start { .. });
        self.tasks.iter().filter(pushes).count()
    }

    /// Lets one thing happen.
    pub(crate) fn turn(&mut self) -> Option<Outcome> {
        self.steps += 1;
        assert!(self.steps < MAX_STEPS, "stuck: {:?}", self.standing());
        if self.crashes.contains(&self.steps) {
            self.crash();
            return None;
        }
        let idle = self.tasks.is_empty() || self.state() == RolloutState::Paused;
        if idle && let Standing::Blocked(_) = self.standing() {
            self.unblock();
            return self.ended();
        }
        let choice = self.choices.pop();
        let waits = self.tasks.is_empty() || choice.is_some_and(|choice| choice % 11 == 0);
        if waits && self.rollout.poll_timeout().is_some() {
            self.wait();
        } else if !self.tasks.is_empty() {
            let index = usize::from(choice.unwrap_or(0)) % self.tasks.len();
            let task = self.tasks.remove(index);
            let inputs = self.perform(task);
            self.step(inputs, true);
        }
        self.ended()
    }

    fn ended(&self) -> Option<Outcome> {
        match self.rollout.standing(self.now) {
            Standing::Ended(outcome) => Some(outcome),
            Standing::Working | Standing::WaitingUntil(..) | Standing::Blocked(_) => None,
        }
    }

    /// Does what a person would do.
    fn unblock(&mut self) {
        let input = if self.state() == RolloutState::Paused {
            Input::Command(Command::Resume {
                actor: "tester".to_owned(),
            })
        } else if self.rollout.poll_timeout().is_some() {
            return self.wait();
        } else {
            Input::Stop(StopCause::Blocked)
        };
        self.step(vec![input], true);
    }

    fn wait(&mut self) {
        let (at, reason) = self.rollout.poll_timeout().expect("asked before");
        let passed = at.saturating_sub(self.now.monotonic);
        self.idle_timeouts = if passed.is_zero() {
            self.idle_timeouts + 1
        } else {
            0
        };
        assert!(self.idle_timeouts < 100, "spins: {reason:?}");
        self.now.monotonic += passed;
        self.now.wall = self.now.wall.plus(passed + Duration::from_millis(1));
        self.rollout.handle_timeout(self.now, &mut self.resources);
        self.step(Vec::new(), true);
    }

    pub(crate) fn command(&mut self, input: Input) {
        self.step(vec![input], true);
    }

    /// Ends a push under way with a failure that no device caused.
    pub(crate) fn fail_next_push(&mut self, kind: FailureKind) {
        let push = self
            .tasks
            .iter()
            .position(|task| matches!(task.effect, Effect::Start { .. }))
            .expect("a push is under way");
        if let Effect::Start {
            assignment,
            attempt,
            ..
        } = self.tasks.remove(push).effect
        {
            let failure = Failure::new(kind, "simulated");
            let input = Input::AttemptEnded {
                assignment,
                attempt,
                outcome: AttemptOutcome::Failed(failure),
                bytes: 0,
            };
            self.step(vec![input], true);
        }
    }

    /// The engine dies: what it had not committed is lost, what was on the wire may arrive.
    fn crash(&mut self) {
        let lost_commit = self.steps.is_multiple_of(2);
        if lost_commit && !self.tasks.is_empty() {
            let task = self.tasks.remove(0);
            let inputs = self.perform(task);
            self.step(inputs, false);
        }
        for task in std::mem::take(&mut self.tasks) {
            if let Effect::Start { device, .. } = task.effect
                && device.0 % 2 == 0
            {
                self.fleet.device(device).push(self.now.wall);
            }
        }
        self.begin();
    }

    fn step(&mut self, inputs: Vec<Input>, commits: bool) {
        for input in inputs {
            if let Input::Decided { answers } = &input {
                self.latest.clone_from(answers);
            }
            self.rollout.handle(self.now, input, &mut self.resources);
        }
        self.rollout.dispatch(self.now, &mut self.resources);
        let output = self.rollout.poll_output();
        if !commits {
            return;
        }
        self.store.commit(&output.changes);
        for effect in output.effects {
            self.take(effect);
        }
        self.check();
    }

    fn take(&mut self, effect: Effect) {
        match effect {
            Effect::NeedAttemptIds => {
                let from = self.next_attempt_id;
                self.next_attempt_id += 8;
                self.resources.attempt_ids.refill(from..from + 8);
                self.step(Vec::new(), true);
            }
            Effect::Start { device, .. } => {
                assert_eq!(self.state(), RolloutState::Running, "nothing else starts");
                let busy = |task: &Task| matches!(task.effect, Effect::Start { device: other, .. } if other == device);
                assert!(!self.tasks.iter().any(busy), "one push to a device");
                for decision in &self.latest {
                    let decision = decision.as_ref().expect("a failed policy starts nothing");
                    assert!(self.now.wall <= decision.valid_until);
                }
                self.begin_task(effect, Vec::new(), None);
            }
            Effect::Page {
                cohort,
                after,
                limit,
            } => {
                let rows = self.store.pending(cohort, after, limit);
                self.begin_task(effect, rows, None);
            }
            Effect::PageDeferred { limit } => {
                let rows = self.store.deferred_due(self.now.wall, limit);
                let next_due = self.store.next_deferred(self.now.wall);
                self.begin_task(effect, rows, next_due);
            }
            Effect::Cancel { .. } | Effect::Verify { .. } | Effect::Decide { .. } => {
                self.begin_task(effect, Vec::new(), None);
            }
            Effect::Finished(outcome) => assert_eq!(self.store.outcome(), Some(outcome)),
        }
    }

    fn begin_task(&mut self, effect: Effect, rows: Vec<Assignment>, next_due: Option<Timestamp>) {
        self.tasks.push(Task {
            effect,
            rows,
            next_due,
        });
    }

    fn perform(&mut self, task: Task) -> Vec<Input> {
        let wall = self.now.wall;
        let input = match task.effect {
            Effect::Page { cohort, limit, .. } => Input::Page {
                cohort,
                exhausted: task.rows.len() < limit,
                candidates: self.consider(task.rows),
            },
            Effect::PageDeferred { .. } => Input::Deferred {
                candidates: self.consider(task.rows),
                next_due: task.next_due,
            },
            Effect::Start {
                assignment,
                device,
                attempt,
                ..
            } => {
                let (outcome, bytes) = self.fleet.device(device).push(wall);
                Input::AttemptEnded {
                    assignment,
                    attempt,
                    outcome,
                    bytes,
                }
            }
            Effect::Verify {
                assignment,
                device,
                attempt,
            } => Input::Verified {
                assignment,
                attempt,
                answer: self.fleet.device(device).verify(wall),
            },
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
                }
            }
            Effect::Decide { requests } => Input::Decided {
                answers: requests
                    .iter()
                    .map(|request| self.policies[request.policy].decide(request))
                    .collect(),
            },
            Effect::NeedAttemptIds | Effect::Finished(_) => return Vec::new(),
        };
        vec![input]
    }

    fn consider(&mut self, rows: Vec<Assignment>) -> Vec<Candidate> {
        self.looks += rows.len();
        rows.into_iter()
            .map(|assignment| Candidate {
                gate: self.fleet.device(assignment.device).gate(self.now.wall),
                assignment,
            })
            .collect()
    }

    fn check(&self) {
        self.store.check();
        let stored = self.store.cohorts();
        for (core, stored) in self.rollout.cohorts().iter().zip(&stored) {
            assert_eq!(core.states, stored.states);
            assert_eq!(core.states.total(), core.size, "the counts add up");
            assert_eq!(core.started, stored.started);
            assert_eq!(core.in_progress, stored.in_progress);
            assert_eq!(core.ended, stored.ended);
            assert_eq!(core.first_failures, stored.first_failures);
            assert_eq!(core.failures, stored.failures);
            assert_eq!(core.first_started, stored.first_started);
        }
        let slots = &self.resources.slots;
        assert!(slots.peak() <= self.cap.get(), "the cap is exact");
        let pushing = |row: &&Assignment| matches!(row.state, AssignmentState::Transferring(_));
        assert_eq!(
            slots.in_use(),
            self.store.rows.values().filter(pushing).count()
        );
        for decision in self.latest.iter().flatten() {
            for (index, cohort) in (0..).map(CohortIndex).zip(&stored) {
                let ceiling = decision.ceilings[index.0 as usize];
                assert!(cohort.started <= ceiling.started, "{index:?}: {ceiling:?}");
                assert!(cohort.in_progress <= ceiling.in_progress);
            }
        }
    }

    /// What must hold when no further run will change anything.
    pub(crate) fn check_end(&self) {
        assert!(
            self.store
                .rows
                .values()
                .all(|row| row.state.kind().is_ended())
        );
        for (DeviceKey(key), device) in &self.fleet.0 {
            assert!(device.installs <= 1, "device {key} was updated twice");
        }
        let starts_after_abort = self
            .store
            .events
            .iter()
            .skip_while(|event| !matches!(event.kind, EventKind::RolloutAborting { .. }))
            .any(|event| matches!(event.kind, EventKind::AttemptStarted { .. }));
        assert!(!starts_after_abort, "an abort is for good");
    }
}
