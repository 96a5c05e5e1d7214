//! The only loop. It gathers inputs (results of effects, timers, orders), hands them to the
//! rollouts' `core`, persists what they decided in one transaction, and only then lets the
//! effects run.
//!
//! While a commit is under way further results queue up, so the next one carries them all:
//! the busier the engine, the fewer transactions per device. The loop is generic over its
//! [`Clock`] and its [`Executor`], so a simulation runs this loop and not a copy.
//!
//! - `helm`: how the rest of the process speaks to the loop.
//! - `running`: what the loop keeps of each rollout.
//! - `effects`, `surroundings`: one task per effect, and what a device's gate must know.
//! - `executor`, `plugins`, `checkpoints`, `sightings`: who carries effects out.
//! - `signals`: one task per signal of a rollout.
//! - `condemned`: a release that one rollout condemns, in the others.
//! - `growth`: devices that join a rollout that is driven.
//! - `recovery`: what follows a refused commit.
//! - `shadow`: policies that are asked and never obeyed.
//! - `wait`: when a run comes back although its rollout has not ended.

mod checkpoints;
mod condemned;
mod effects;
mod executor;
mod growth;
mod helm;
mod live;
mod plugins;
mod recheck;
mod recovery;
mod running;
mod shadow;
mod sightings;
mod signals;
mod surroundings;
mod swap;
mod wait;

use std::{
    collections::{BTreeMap, BTreeSet},
    num::{NonZeroU32, NonZeroUsize},
    sync::Arc,
    time::Duration,
};

use futures_util::future::join_all;
use tokio::sync::mpsc;
use windlass_core::{Effect, Input, Resources, StopCause};
use windlass_model::{ChangeSet, GroupLimit, LoggedEvent, RolloutKey, Sequence};
use windlass_store::{CommitError, Stopped, StoreError, StoreHandle};

pub use executor::{Attempt, AttemptEnd, Executor, Signals, Surroundings};
pub use helm::{Entered, Entry, GrowError, Helm, SteerError, SwapError};
pub use plugins::{FurtherPolicies, PluginExecutor};
pub use running::RunEnd;
pub use shadow::{ShadowDeed, ShadowError, ShadowOrder};
pub use wait::WaitFor;

use crate::{bus::Bus, clock::Clock, fault, tasks::Tasks};
use effects::{Done, Tagged};
use helm::Message;
use recovery::Recovery;
use running::Running;
use signals::Measured;

/// Results handled before the next commit; bounds the latency of a commit, not the work.
const BATCH_MAX: usize = 1024;
/// How often progress is sampled while something is sent …
const SAMPLE_EVERY: Duration = Duration::from_millis(100);
/// … and while everything waits.
const SAMPLE_IDLE_EVERY: Duration = Duration::from_secs(1);
/// Attempt ids reserved at once; those left over when the engine ends are never used.
const ATTEMPT_ID_BLOCK: u32 = 4096;
/// Messages that wait before a sender has to.
const MESSAGES: usize = 64;

/// Why the engine broke off. Everything committed stands; the same command goes on.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The state file could not be read or written.
    #[error("the state file failed")]
    Store(#[from] StoreError),
    /// The state file moved under the engine.
    #[error("the state file refused a change")]
    Commit(#[from] CommitError),
}

impl From<Stopped> for EngineError {
    fn from(stopped: Stopped) -> Self {
        Self::Store(stopped.into())
    }
}

/// What an engine is made of.
pub struct EngineParts<C> {
    /// Its clock.
    pub clock: C,
    /// Where change sets go.
    pub store: StoreHandle,
    /// Where committed events go.
    pub bus: Bus,
    /// Transfers at once, over all rollouts.
    pub concurrency: NonZeroUsize,
    /// Bounds on groups of devices, over all rollouts.
    pub groups: Arc<[GroupLimit]>,
    /// Retries a minute, over all rollouts; any number without it.
    pub retries_per_minute: Option<NonZeroU32>,
}

/// Drives rollouts, each to its end or until it is told to stop.
pub struct Engine<C, E: Executor> {
    clock: C,
    store: StoreHandle,
    bus: Bus,
    concurrency: NonZeroUsize,
    groups: Arc<[GroupLimit]>,
    retries_per_minute: Option<NonZeroU32>,
    resources: Resources,
    running: BTreeMap<RolloutKey, Running<E>>,
    tasks: Tasks<Tagged>,
    messages: mpsc::Receiver<Message<E>>,
    /// What the tasks that poll signals bring.
    measured: (mpsc::Sender<Measured>, mpsc::Receiver<Measured>),
    /// Whose turn was last, among rollouts of one priority.
    last_started: Option<RolloutKey>,
    recovery: Recovery,
    /// Runs begun.
    runs: u64,
}

impl<C: Clock, E: Executor> Engine<C, E> {
    /// An engine without rollouts, and the helm that gives it some.
    pub fn new(parts: EngineParts<C>) -> (Self, Helm<E>) {
        let (helm, messages) = Helm::new(MESSAGES);
        let engine = Self {
            resources: Resources::new(
                parts.concurrency,
                Arc::clone(&parts.groups),
                parts.retries_per_minute,
            ),
            clock: parts.clock,
            store: parts.store,
            bus: parts.bus,
            concurrency: parts.concurrency,
            groups: parts.groups,
            retries_per_minute: parts.retries_per_minute,
            running: BTreeMap::new(),
            tasks: Tasks::new(),
            messages,
            measured: mpsc::channel(MESSAGES),
            last_started: None,
            recovery: Recovery::default(),
            runs: 0,
        };
        (engine, helm)
    }

    /// Runs until every rollout has ended and every [`Helm`] is gone.
    ///
    /// # Errors
    /// If the store fails again and again; what is in flight is cut then.
    pub async fn run(mut self) -> Result<(), EngineError> {
        let mut open = true;
        let mut next_sample = self.clock.now().monotonic;
        while open || !self.running.is_empty() {
            let impatient = self.impatient();
            if !impatient.is_empty() {
                self.step(impatient).await?;
                continue;
            }
            let wake_up = self.wake_up_at(next_sample);
            let inputs = tokio::select! {
                biased;
                message = self.messages.recv(), if open => match message {
                    Some(message) => self.heed(message).await?,
                    None => {
                        open = false;
                        Vec::new()
                    }
                },
                // The engine has a sender of its own, so the channel never closes.
                Some(first) = self.measured.1.recv() => self.heed_signals(first),
                done = self.tasks.next() => self.gather(done).await?,
                // Nothing else is to be done.
                () = std::future::ready(()), if self.to_tally().is_some() => Vec::new(),
                () = self.clock.sleep_until(wake_up), if !self.running.is_empty() => Vec::new(),
            };
            let now = self.clock.now().monotonic;
            if now >= next_sample {
                self.sample();
                let idle = self.resources.slots.in_use() == 0;
                next_sample = now
                    + if idle {
                        SAMPLE_IDLE_EVERY
                    } else {
                        SAMPLE_EVERY
                    };
            }
            self.step(inputs).await?;
            // However much else there is to do, but no more of it at a time.
            self.tally().await?;
        }
        Ok(())
    }

    /// Rollouts that wait longer than they were to be waited for.
    fn impatient(&mut self) -> Vec<(RolloutKey, Input)> {
        let now = self.clock.now();
        let stuck = if self.running.values().any(Running::asks_whether_stuck) {
            let all = self.running.iter();
            windlass_core::stuck(&all.map(|(key, run)| (*key, run.standing(now))).collect())
        } else {
            BTreeSet::new()
        };
        self.running
            .iter_mut()
            .filter_map(|(key, running)| {
                let cause = running.loses_patience(stuck.contains(key), now)?;
                Some((*key, Input::Stop(cause)))
            })
            .collect()
    }

    fn wake_up_at(&self, next_sample: Duration) -> Duration {
        self.running
            .values()
            .filter_map(|running| running.rollout.poll_timeout())
            .map(|(at, _)| at)
            .fold(next_sample, Duration::min)
    }

    async fn heed(&mut self, message: Message<E>) -> Result<Vec<(RolloutKey, Input)>, EngineError> {
        let every = |input: Input| {
            self.running
                .keys()
                .map(|key| (*key, input.clone()))
                .collect()
        };
        let one = |key: RolloutKey, inputs: Vec<Input>| {
            inputs.into_iter().map(|input| (key, input)).collect()
        };
        Ok(match message {
            Message::Add(entry, answer) => {
                let key = entry.rollout;
                match self.take_up(*entry).await {
                    Ok((entered, begin)) => {
                        // Nobody waits any more: it runs all the same.
                        drop(answer.send(Ok(entered)));
                        // Holds may have been lifted while nobody drove it.
                        vec![(key, begin), (key, Input::Refresh)]
                    }
                    Err(error) => {
                        drop(answer.send(Err(error)));
                        Vec::new()
                    }
                }
            }
            Message::Steer {
                rollout,
                order,
                answer,
            } => {
                let told = self.steer(rollout, order).await?;
                fault::point(fault::Point::BeforeAcknowledgement);
                drop(answer.send(told));
                Vec::new()
            }
            Message::Grow {
                rollout,
                devices,
                answer,
            } => {
                drop(answer.send(self.grow(rollout, devices).await?));
                Vec::new()
            }
            Message::Swap {
                rollout,
                swap,
                policies,
                answer,
            } => {
                let told = self.swap(rollout, swap, policies).await?;
                fault::point(fault::Point::BeforeAcknowledgement);
                drop(answer.send(told));
                Vec::new()
            }
            Message::Shadow {
                rollout,
                order,
                policies,
                answer,
            } => {
                let told = self.shadow(rollout, order, policies).await?;
                drop(answer.send(told));
                Vec::new()
            }
            Message::Refresh => every(Input::Refresh),
            Message::Stop(None) => every(Input::Stop(StopCause::Signal)),
            Message::Stop(Some(key)) => one(key, vec![Input::Stop(StopCause::Signal)]),
            Message::Cut(None) => {
                let mut inputs: Vec<_> = every(Input::Stop(StopCause::Signal));
                inputs.extend(every(Input::CancelInFlight));
                inputs
            }
            Message::Cut(Some(key)) => one(
                key,
                vec![Input::Stop(StopCause::Signal), Input::CancelInFlight],
            ),
        })
    }

    /// Inputs from a finished task and from those that finished with it.
    async fn gather(&mut self, first: Tagged) -> Result<Vec<(RolloutKey, Input)>, EngineError> {
        let mut inputs = Vec::new();
        let mut next = Some(first);
        while let Some(Tagged {
            rollout,
            run,
            plan,
            done,
        }) = next
        {
            let asked = self.running.get_mut(&rollout);
            if let Some(running) = asked.filter(|running| running.run == run) {
                running.tasks -= usize::from(!matches!(done, Done::Aside(_)));
                match done {
                    done if plan != running.plans && done.is_of_plan() => {}
                    Done::Input(input) | Done::Aside(input) => inputs.push((rollout, input)),
                    Done::Considered(considered) => {
                        inputs.push((rollout, running.considered(considered)));
                    }
                    Done::Failed(error) => {
                        self.recover(error.into()).await?;
                        return Ok(Vec::new());
                    }
                }
            }
            next = if inputs.len() < BATCH_MAX {
                self.tasks.try_next()
            } else {
                None
            };
        }
        Ok(inputs)
    }

    /// Core decides, the store persists, effects run; in this order. Once more if the effects
    /// were to fetch attempt ids, which devices wait for.
    async fn step(&mut self, inputs: Vec<(RolloutKey, Input)>) -> Result<(), EngineError> {
        let now = self.clock.now();
        for running in self.running.values_mut() {
            running.rollout.handle_timeout(now, &mut self.resources);
        }
        for (key, input) in inputs {
            if let Some(running) = self.running.get_mut(&key) {
                running.farewell.note(&input);
                running.rollout.handle(now, input, &mut self.resources);
            }
        }
        loop {
            self.start_devices();
            match self.carry_out().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => return self.recover(error).await,
            }
        }
        self.recovery.succeeded();
        self.dismiss_ended();
        Ok(())
    }

    /// Gives out free slots: to rollouts of higher priority first, and one device at a time
    /// in turn to those of the same, so that none starves (GO-11).
    fn start_devices(&mut self) {
        let now = self.clock.now();
        let last = self.last_started;
        let mut order: Vec<_> = self
            .running
            .iter()
            .map(|(key, running)| {
                let had_its_turn = last.is_some_and(|last| *key <= last);
                (
                    std::cmp::Reverse(running.rollout.priority()),
                    had_its_turn,
                    *key,
                )
            })
            .collect();
        order.sort_unstable();
        for class in order.chunk_by(|one, other| one.0 == other.0) {
            let mut ready: Vec<_> = class.iter().map(|(_, _, key)| *key).collect();
            while !ready.is_empty() {
                ready.retain(|key| {
                    let started = self.running.get_mut(key).is_some_and(|running| {
                        running.rollout.start_next(now, &mut self.resources)
                    });
                    if started {
                        self.last_started = Some(*key);
                    }
                    started
                });
            }
        }
        for running in self.running.values_mut() {
            running.rollout.dispatch(now, &mut self.resources);
        }
    }

    /// Persists what the rollouts decided, then performs their effects. Whether they are to
    /// be asked again, because attempt ids came.
    async fn carry_out(&mut self) -> Result<bool, EngineError> {
        let outputs: Vec<_> = self
            .running
            .iter_mut()
            .map(|(key, running)| (*key, running.rollout.poll_output()))
            .collect();
        let mut sets = Vec::new();
        let mut effects = Vec::new();
        for (key, output) in outputs {
            if !output.changes.is_empty() {
                sets.push(Arc::new(output.changes));
            }
            effects.extend(output.effects.into_iter().map(|effect| (key, effect)));
        }
        let mut again = self.pause_condemned(&sets);
        self.persist(sets).await?;
        fault::point(fault::Point::BeforeEffect);
        let mut failed = Vec::new();
        for (key, effect) in effects {
            match effect {
                Effect::NeedAttemptIds => {
                    self.refill_attempt_ids().await?;
                    again = true;
                }
                Effect::TakePoliciesBack { policy, message } => {
                    failed.push((key, policy, message));
                }
                effect => {
                    self.perform(key, effect);
                    fault::point(fault::Point::AfterEffect);
                }
            }
        }
        // After all others, so that what they asked for is withdrawn.
        for (key, policy, message) in failed {
            self.take_policies_back(key, policy, message).await?;
            again = true;
        }
        Ok(again)
    }

    async fn persist(&mut self, sets: Vec<Arc<ChangeSet>>) -> Result<(), EngineError> {
        if sets.is_empty() {
            return Ok(());
        }
        fault::point(fault::Point::Write);
        // All are queued before the first answer comes, so one transaction can take them.
        let store = &self.store;
        let commits = sets.iter().map(|set| store.commit(Arc::clone(set)));
        let answers = join_all(commits).await;
        for (set, answer) in sets.iter().zip(answers) {
            let committed = answer?;
            if let Some(running) = self.running.get_mut(&set.rollout) {
                running.forget_ended(&set.changes);
            }
            let numbered = (committed.first.0..).zip(&set.events);
            self.bus.publish(numbered.map(|(seq, event)| LoggedEvent {
                seq: Sequence(seq),
                event: event.clone(),
            }));
        }
        Ok(())
    }

    async fn refill_attempt_ids(&mut self) -> Result<(), EngineError> {
        let range = self
            .store
            .run(|store| store.reserve_attempt_ids(ATTEMPT_ID_BLOCK))
            .await??;
        self.resources.attempt_ids.refill(range);
        Ok(())
    }

    fn sample(&mut self) {
        let now = self.clock.now();
        for running in self.running.values_mut() {
            running.sample(now);
        }
    }

    /// Lets go of rollouts whose run is over.
    fn dismiss_ended(&mut self) {
        let now = self.clock.now();
        let over: Vec<_> = self
            .running
            .iter()
            .filter(|(_, running)| running.finished.is_some())
            .map(|(key, _)| *key)
            .collect();
        for key in over {
            if let Some(mut running) = self.running.remove(&key) {
                running.sample(now);
                running.end(now, &mut self.resources);
            }
        }
    }
}
