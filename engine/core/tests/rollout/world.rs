//! Plays the engine, the store, the devices and the policies around real [`Rollout`]s, with
//! a clock of its own, and checks after every step what must always hold.

// Named, for those who include this world by its path.
#[path = "world/check.rs"]
mod check;
#[path = "world/perform.rs"]
mod perform;
#[path = "world/shadow.rs"]
pub(crate) mod shadow;
#[path = "world/swap.rs"]
pub(crate) mod swap;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::{NonZeroU32, NonZeroUsize},
    sync::Arc,
    time::Duration,
};

use windlass_core::{
    DeliveryFacts, Effect, GroupSeat, Input, Now, Refusal, Resources, Rollout, Standing, StopCause,
};
use windlass_model::{
    Assignment, AttemptOutcome, Decision, DeviceKey, EventKind, Failure, FailureKind, GroupLimit,
    Hold, Order, Outcome, RolloutKey, RolloutState, SignalName, Steering, Timestamp,
};

use super::{
    fleet::Fleet,
    policy::Policy,
    store::{Store, Table},
};

/// Steps after which a rollout that has not ended counts as stuck.
const MAX_STEPS: u32 = 20_000;
/// The key of the rollout that most tests have alone.
pub(crate) const ONLY: RolloutKey = RolloutKey(1);

/// An effect under way. Pages are read when it begins and answered when it ends, as from
/// a store that is read beside its writer.
pub(super) struct Task {
    of: RolloutKey,
    effect: Effect,
    rows: Vec<Assignment>,
    next_due: Option<Timestamp>,
}

/// A rollout as the engine has it.
pub(crate) struct Run {
    pub(crate) rollout: Rollout,
    pub(crate) policies: Vec<Policy>,
    latest: Vec<Result<Decision, String>>,
}

pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) fleet: Fleet,
    pub(crate) runs: BTreeMap<RolloutKey, Run>,
    pub(crate) facts: DeliveryFacts,
    pub(crate) cap: NonZeroUsize,
    pub(crate) limits: Vec<GroupLimit>,
    pub(crate) retries_per_minute: Option<NonZeroU32>,
    pub(crate) holds: Vec<Hold>,
    pub(crate) now: Now,
    /// Picks what happens next; runs dry into first come, first served.
    pub(crate) choices: Vec<u16>,
    /// The engine dies at these steps.
    pub(crate) crashes: Vec<u32>,
    /// The store refuses what comes at these steps.
    pub(crate) refusals: Vec<u32>,
    /// People give these orders at these steps, to the rollout of this key.
    pub(crate) orders: Vec<(u32, RolloutKey, Steering)>,
    /// Filter and policies cannot judge devices until then.
    pub(crate) unjudged_until: Duration,
    /// Because of this plugin.
    pub(crate) unjudged_by: &'static str,
    /// How long a look at deferred devices takes, which are probed in it.
    pub(crate) probes_take: Duration,
    /// Devices shown to the gate so far, with repetition.
    pub(crate) looks: usize,
    /// The signals that each policy of the only rollout wants to see.
    pub(crate) wanted: Vec<Vec<SignalName>>,
    pub(crate) effects: Vec<Effect>,
    /// What policies in shadow were asked and have not answered, and how they will.
    pub(crate) asides: shadow::Asides,
    next_attempt_id: u32,
    resources: Resources,
    tasks: Vec<Task>,
    steps: u32,
    idle_timeouts: u32,
    /// Devices that had failed and were repaired, as the rollouts learn when they next read who
    /// is out of service.
    repaired: BTreeSet<DeviceKey>,
}

impl World {
    pub(crate) fn new(tables: Vec<(Table, Vec<Policy>)>, fleet: Fleet, cap: usize) -> Self {
        let now = Now {
            wall: Timestamp(1_700_000_000_000),
            monotonic: Duration::from_secs(5),
        };
        let facts = DeliveryFacts {
            verifies: true,
            idempotent_push: false,
        };
        let cap = NonZeroUsize::new(cap).expect("a positive cap");
        let mut store = Store::default();
        let mut runs = BTreeMap::new();
        for (table, policies) in tables {
            let key = table.rollout.key;
            let run = Run {
                rollout: Rollout::load(table.snapshot(), &table.release, facts, now),
                policies,
                latest: Vec::new(),
            };
            runs.insert(key, run);
            store.tables.insert(key, table);
        }
        Self {
            store,
            fleet,
            runs,
            facts,
            cap,
            limits: Vec::new(),
            retries_per_minute: None,
            holds: Vec::new(),
            now,
            choices: Vec::new(),
            crashes: Vec::new(),
            refusals: Vec::new(),
            orders: Vec::new(),
            unjudged_until: Duration::ZERO,
            probes_take: Duration::ZERO,
            unjudged_by: "filter",
            looks: 0,
            wanted: Vec::new(),
            effects: Vec::new(),
            asides: shadow::Asides::default(),
            next_attempt_id: 1,
            resources: Resources::new(cap, Arc::new([]), None),
            tasks: Vec::new(),
            steps: 0,
            idle_timeouts: 0,
            repaired: BTreeSet::new(),
        }
    }

    /// The table of the only rollout.
    pub(crate) fn table(&self) -> &Table {
        &self.store.tables[&ONLY]
    }

    pub(crate) fn table_mut(&mut self) -> &mut Table {
        self.store.tables.get_mut(&ONLY).expect("the only one")
    }

    pub(crate) fn only(&self) -> &Run {
        &self.runs[&ONLY]
    }

    /// Runs until every run is over; the outcome of the first.
    pub(crate) fn run(&mut self) -> Outcome {
        self.begin();
        self.go_on()
    }

    pub(crate) fn go_on(&mut self) -> Outcome {
        loop {
            if let Some(outcome) = self.turn() {
                return outcome;
            }
        }
    }

    /// Loads everything from the store and begins.
    pub(crate) fn begin(&mut self) {
        self.resources = Resources::new(
            self.cap,
            self.limits.clone().into(),
            self.retries_per_minute,
        );
        self.tasks.clear();
        self.asides.forget();
        let mut begins = Vec::new();
        for (key, run) in &mut self.runs {
            let table = &self.store.tables[key];
            let snapshot = table.snapshot();
            let seats = snapshot
                .live
                .iter()
                .map(|row| (row.id, seats(&self.limits, row.device)))
                .collect();
            run.rollout = Rollout::load(snapshot, &table.release, self.facts, self.now);
            run.rollout.watch(self.wanted.clone());
            run.latest.clear();
            begins.push((*key, Input::Begin { seats }));
        }
        self.step(begins, Fate::Commit);
    }

    /// Loads everything from the store, as a process that only gives an order.
    pub(crate) fn reload(&mut self) {
        self.tasks.clear();
        for (key, run) in &mut self.runs {
            let table = &self.store.tables[key];
            run.rollout = Rollout::load(table.snapshot(), &table.release, self.facts, self.now);
        }
    }

    pub(crate) fn state(&self) -> RolloutState {
        self.only().rollout.state()
    }

    pub(crate) fn standing(&self) -> Standing {
        self.only().rollout.standing(self.now)
    }

    pub(crate) fn in_flight(&self) -> usize {
        let pushes = |task: &&Task| matches!(task.effect, Effect::Start { .. });
        self.tasks.iter().filter(pushes).count()
    }

    pub(crate) fn peak(&self) -> usize {
        self.resources.slots.peak()
    }

    /// Lets one thing happen; the first rollout's outcome when all are over.
    pub(crate) fn turn(&mut self) -> Option<Outcome> {
        self.steps += 1;
        if self.steps >= MAX_STEPS {
            let last: Vec<_> = self.effects.iter().rev().take(8).collect();
            let events: Vec<_> = self.store.events.iter().rev().take(8).collect();
            panic!("stuck: {:?} {last:?} {events:?}", self.standings());
        }
        if self.crashes.contains(&self.steps) {
            self.crash();
            return self.ended();
        }
        self.heed_orders();
        if self.tasks.is_empty() && self.unblock() {
            return self.ended();
        }
        let choice = self.choices.pop();
        let waits = self.tasks.is_empty() || choice.is_some_and(|choice| choice % 11 == 0);
        if waits && self.next_timeout().is_some() {
            self.wait();
        } else if !self.tasks.is_empty() {
            let index = usize::from(choice.unwrap_or(0)) % self.tasks.len();
            let task = self.tasks.remove(index);
            let inputs = self.perform(task);
            let fate = if self.refusals.contains(&self.steps) {
                Fate::Refuse
            } else {
                Fate::Commit
            };
            self.step(inputs, fate);
        }
        self.ended()
    }

    /// Lets one thing end, or the next thing fall due; nobody comes to help.
    pub(crate) fn tick(&mut self) {
        if self.tasks.is_empty() {
            self.wait();
        } else {
            let task = self.tasks.remove(0);
            let inputs = self.perform(task);
            self.step(inputs, Fate::Commit);
        }
    }

    /// Lets things happen until nothing is under way that takes no time.
    pub(crate) fn quiesce(&mut self) {
        self.quiesce_paused();
    }

    /// Lets such effects come to their end before all others.
    pub(crate) fn hasten(&mut self, first: impl Fn(&Effect) -> bool) {
        self.tasks.sort_by_key(|task| !first(&task.effect));
    }

    /// Lets everything end that is under way; a person who would resume is not there.
    pub(crate) fn quiesce_paused(&mut self) {
        while !self.tasks.is_empty() {
            let task = self.tasks.remove(0);
            let inputs = self.perform(task);
            self.step(inputs, Fate::Commit);
        }
    }

    /// Lets `passed` go by, and all that falls due.
    pub(crate) fn let_pass(&mut self, passed: Duration) {
        let end = self.now.monotonic + passed;
        loop {
            self.quiesce();
            match self.next_timeout() {
                Some(at) if at <= end => self.wait(),
                Some(_) | None => break,
            }
        }
        self.advance_clock(end.saturating_sub(self.now.monotonic));
        self.step(Vec::new(), Fate::Commit);
    }

    fn advance_clock(&mut self, passed: Duration) {
        self.now.monotonic += passed;
        self.now.wall = self.now.wall.plus(passed);
    }

    fn standings(&self) -> Vec<(RolloutKey, RolloutState, Standing)> {
        self.runs
            .iter()
            .map(|(key, run)| (*key, run.rollout.state(), run.rollout.standing(self.now)))
            .collect()
    }

    fn ended(&self) -> Option<Outcome> {
        let mut outcomes = self
            .runs
            .values()
            .map(|run| match run.rollout.standing(self.now) {
                Standing::Ended(outcome) => Some(outcome),
                Standing::Working
                | Standing::WaitingUntil(..)
                | Standing::Behind(_)
                | Standing::Blocked(_) => None,
            });
        let first = outcomes.next()?;
        outcomes.all(|outcome| outcome.is_some()).then_some(first)?
    }

    /// The rollouts that nothing moves on but a person, a gate or a device.
    pub(crate) fn stuck(&self) -> BTreeSet<RolloutKey> {
        let all = self.runs.iter();
        let standings = all.map(|(key, run)| {
            let rollout = &run.rollout;
            (*key, (rollout.standing(self.now), rollout.moved_at()))
        });
        windlass_core::stuck(&standings.collect())
    }

    fn heed_orders(&mut self) {
        let due: Vec<_> = self
            .orders
            .extract_if(.., |(at, ..)| *at <= self.steps)
            .collect();
        for (_, key, what) in due {
            // Whether it fits is for the rollout to say.
            let _ = self.order(key, what);
        }
    }

    pub(crate) fn order(&mut self, key: RolloutKey, what: Steering) -> Result<(), Refusal> {
        let names = match &what {
            Steering::Exclude { device } | Steering::Retry { device } => vec![device.clone()],
            Steering::Requeue { devices } | Steering::Dismiss { devices } => devices.clone(),
            _ => Vec::new(),
        };
        let rows: Vec<_> = self.store.tables[&key]
            .rows
            .values()
            .filter(|row| names.contains(&row.device_id))
            .cloned()
            .collect();
        let order = Order {
            actor: "tester".to_owned(),
            reason: "a test".to_owned(),
            what,
        };
        let run = self.runs.get_mut(&key).expect("a run");
        let told = run
            .rollout
            .steer(self.now, order, rows, &mut self.resources);
        if told.is_err() {
            let output = run.rollout.poll_output();
            assert!(output.changes.is_empty() && output.effects.is_empty());
        }
        self.step(Vec::new(), Fate::Commit);
        told
    }

    /// Does what a person would do, if one is needed.
    fn unblock(&mut self) -> bool {
        let stuck = self.stuck().into_iter();
        let blocked: Vec<_> = stuck
            .map(|key| (key, self.runs[&key].rollout.state()))
            .collect();
        if let Some((key, _)) = blocked
            .iter()
            .find(|(_, state)| *state == RolloutState::Paused)
        {
            self.order(*key, Steering::Resume).expect("it is paused");
            return true;
        }
        if blocked.is_empty() {
            return false;
        }
        if !self.holds.is_empty() {
            self.holds.clear();
            self.refresh();
            return true;
        }
        // Devices that wait for room in their group are looked at again by and by.
        self.repaired.append(&mut self.store.failed);
        self.fleet.connect();
        // Another run is to take up what was requeued since, and others wait for that.
        let is_reopened = self.runs.iter().any(|(key, run)| {
            matches!(run.rollout.standing(self.now), Standing::Ended(_))
                && !self.store.tables[key].has_ended()
        });
        if is_reopened || self.next_timeout().is_none() {
            let stops = blocked
                .iter()
                .map(|(key, _)| (*key, Input::Stop(StopCause::Blocked)))
                .collect();
            self.step(stops, Fate::Commit);
            return true;
        }
        false
    }

    pub(crate) fn refresh(&mut self) {
        let all = self.runs.keys().map(|key| (*key, Input::Refresh)).collect();
        self.step(all, Fate::Commit);
    }

    pub(crate) fn next_timeout(&self) -> Option<Duration> {
        let due = self
            .runs
            .values()
            .filter_map(|run| run.rollout.poll_timeout());
        due.map(|(at, _)| at).min()
    }

    pub(crate) fn wait(&mut self) {
        while self.tally() {}
        let at = self.next_timeout().expect("something is due");
        let passed = at.saturating_sub(self.now.monotonic);
        self.idle_timeouts = if passed.is_zero() {
            self.idle_timeouts + 1
        } else {
            0
        };
        assert!(self.idle_timeouts < 100, "spins: {:?}", self.standings());
        self.advance_clock(passed);
        self.now.wall = self.now.wall.plus(Duration::from_millis(1));
        self.step(Vec::new(), Fate::Commit);
    }

    /// To the only rollout.
    pub(crate) fn input(&mut self, input: Input) {
        self.step(vec![(ONLY, input)], Fate::Commit);
    }

    /// Ends a push under way with a failure that no device caused.
    pub(crate) fn fail_next_push(&mut self, kind: FailureKind) {
        let push = self
            .tasks
            .iter()
            .position(|task| matches!(task.effect, Effect::Start { .. }))
            .expect("a push is under way");
        let task = self.tasks.remove(push);
        if let Effect::Start {
            assignment,
            attempt,
            ..
        } = task.effect
        {
            let failure = Failure::new(kind, "simulated");
            let input = Input::AttemptEnded {
                assignment,
                attempt,
                outcome: AttemptOutcome::Failed(failure),
                bytes: 0,
                reached: 0,
            };
            self.step(vec![(task.of, input)], Fate::Commit);
        }
    }

    /// The engine dies: what it had not committed is lost, what was on the wire may arrive.
    fn crash(&mut self) {
        let lost_commit = self.steps.is_multiple_of(2);
        if lost_commit && !self.tasks.is_empty() {
            let task = self.tasks.remove(0);
            let inputs = self.perform(task);
            self.step(inputs, Fate::Lose);
        }
        self.cut();
        self.begin();
    }

    /// Every push is cut; some arrive all the same.
    fn cut(&mut self) {
        for task in std::mem::take(&mut self.tasks) {
            if let Effect::Start { device, .. } = task.effect
                && device.0 % 2 == 0
            {
                let release = &self.store.tables[&task.of].release;
                self.fleet.device(device).push(self.now.wall, release);
            }
        }
    }

    /// What the engine's loop does with inputs.
    pub(super) fn step(&mut self, inputs: Vec<(RolloutKey, Input)>, fate: Fate) {
        for run in self.runs.values_mut() {
            run.rollout.handle_timeout(self.now, &mut self.resources);
        }
        self.hear_shadows();
        for (key, input) in inputs {
            let run = self.runs.get_mut(&key).expect("a run");
            if let Input::Decided { answers } = &input {
                run.latest.clone_from(answers);
            }
            run.rollout.handle(self.now, input, &mut self.resources);
        }
        self.start_devices();
        let outputs: Vec<_> = self
            .runs
            .iter_mut()
            .map(|(key, run)| (*key, run.rollout.poll_output()))
            .collect();
        match fate {
            Fate::Commit => {}
            Fate::Lose => return,
            Fate::Refuse => {
                self.cut();
                self.begin();
                return;
            }
        }
        let (sets, effects): (Vec<_>, Vec<_>) = outputs
            .into_iter()
            .map(|(key, output)| (output.changes, (key, output.effects)))
            .unzip();
        let known = self.store.events.len();
        let out = self.out_of_service();
        self.store.commit(&sets);
        let mut failed = Vec::new();
        for (key, effects) in effects {
            for effect in &effects {
                if let Effect::AskShadows { requests } = effect {
                    self.ask_shadows(key, requests.clone());
                }
            }
            for effect in effects {
                if let Effect::TakePoliciesBack { .. } = effect {
                    failed.push(key);
                } else {
                    self.take(key, effect);
                }
            }
        }
        self.check(known, &out);
        let started = self.started(known);
        self.repaired.retain(|device| !started.contains(device));
        for key in failed {
            self.take_policies_back(key);
        }
        self.tally();
    }

    fn start_devices(&mut self) {
        let mut keys: Vec<_> = self.runs.keys().copied().collect();
        keys.sort_by_key(|key| std::cmp::Reverse(self.runs[key].rollout.priority()));
        let mut any = true;
        while any {
            any = false;
            for key in &keys {
                let run = self.runs.get_mut(key).expect("a run");
                let started = run.rollout.start_next(self.now, &mut self.resources);
                let runs = run.rollout.state() == RolloutState::Running;
                assert!(
                    runs || !started,
                    "nothing starts in {:?}",
                    run.rollout.state()
                );
                any |= started;
            }
        }
        for run in self.runs.values_mut() {
            run.rollout.dispatch(self.now, &mut self.resources);
        }
    }

    /// Events of the only rollout that `wanted` picks.
    pub(crate) fn count(&self, wanted: impl Fn(&EventKind) -> bool) -> usize {
        self.store
            .events_of(ONLY)
            .filter(|event| wanted(event))
            .count()
    }

    pub(crate) fn groups(&self) -> &windlass_core::Groups {
        &self.resources.groups
    }
}

/// What becomes of a step's changes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    Commit,
    /// The engine dies before they are committed.
    Lose,
    /// The store refuses them.
    Refuse,
}

pub(super) fn seats(limits: &[GroupLimit], device: DeviceKey) -> Vec<GroupSeat> {
    let record = super::fleet::record(device);
    limits
        .iter()
        .enumerate()
        .filter_map(|(limit, group)| {
            let value = group.by.of(&record)?;
            Some(GroupSeat { limit, value })
        })
        .collect()
}
