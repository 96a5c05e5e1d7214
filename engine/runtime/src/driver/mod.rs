//! The only loop. It gathers inputs (results of effects, timers, commands), hands them to
//! `core`, persists the change set in one transaction, and only then lets the effects run.
//!
//! While a commit is under way further results queue up, so the next one carries them all:
//! the busier the engine, the fewer transactions per device. The loop is generic over its
//! [`Clock`] and its [`Executor`], so a simulation runs this loop and not a copy.

mod checkpoints;
mod effects;
mod executor;
mod live;
mod plugins;
mod wait;

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use tokio::sync::{mpsc, watch};
use windlass_core::{Candidate, Command, Effect, Input, Resources, Rollout, StopCause};
use windlass_model::{
    Assignment, Change, ChangeSet, CohortIndex, Device, LoggedEvent, Outcome, RolloutKey,
    RolloutState, Sequence, StateCounts, StateKind, Timestamp,
};
use windlass_store::{CommitError, Stopped, StoreError, StoreHandle};

pub use executor::{Attempt, AttemptEnd, Executor};
pub use plugins::PluginExecutor;
pub use wait::WaitFor;

use crate::{
    bus::Bus,
    clock::Clock,
    progress::{Estimator, Progress, Tracker},
    tasks::Tasks,
};
use live::Live;
use wait::Patience;

/// Results handled before the next commit; bounds the latency of a commit, not the work.
const BATCH_MAX: usize = 1024;
/// How often progress is sampled.
const SAMPLE_EVERY: Duration = Duration::from_millis(100);
/// Attempt ids reserved at once; those left over when the engine ends are never used.
const ATTEMPT_ID_BLOCK: u32 = 4096;

/// What a person or the process asks of a running rollout.
#[derive(Clone, Debug)]
pub enum Control {
    /// Start nothing more, let what is in flight finish, and come back.
    Stop,
    /// Come back at once: what is in flight is cut and settled by the next run.
    StopNow,
    /// Steer the rollout.
    Command(Command),
}

/// How a run came out.
#[derive(Clone, Debug, PartialEq)]
pub struct RunEnd {
    /// Its outcome.
    pub outcome: Outcome,
    /// All targets by state.
    pub counts: StateCounts,
    /// Payload bytes sent in this run.
    pub bytes_sent: u64,
    /// Length of this run.
    pub duration: Duration,
    /// Where the rollout stands.
    pub state: RolloutState,
    /// Why it is held, if it is.
    pub waiting_for: Vec<String>,
}

/// Why a run broke off. Everything committed stands; the same command goes on.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The state file could not be read or written.
    #[error("the state file failed")]
    Store(#[from] StoreError),
    /// The state file moved under the engine.
    #[error("the state file refused a change")]
    Commit(#[from] CommitError),
}

impl From<Stopped> for DriverError {
    fn from(stopped: Stopped) -> Self {
        Self::Store(stopped.into())
    }
}

/// What a driver is made of.
pub struct DriverParts<C, E> {
    /// Its clock.
    pub clock: C,
    /// Who carries out its effects.
    pub executor: Arc<E>,
    /// Where change sets go.
    pub store: StoreHandle,
    /// Where committed events go.
    pub bus: Bus,
    /// The rollout to drive.
    pub rollout: RolloutKey,
    /// Transfers at once, over all rollouts.
    pub concurrency: NonZeroUsize,
    /// When to come back from waiting.
    pub wait: WaitFor,
    /// Who lifts a pause that an earlier run left behind; nobody without it.
    pub resumed_by: Option<String>,
}

/// Drives one rollout to its end, or until it is told to stop.
pub struct Driver<C, E> {
    clock: C,
    executor: Arc<E>,
    store: StoreHandle,
    bus: Bus,
    key: RolloutKey,
    rollout: Rollout,
    resources: Resources,
    live: Live,
    tasks: Tasks<Done>,
    tracker: Tracker,
    estimator: Estimator,
    progress: watch::Sender<Option<Progress>>,
    patience: Patience,
    resumed_by: Option<String>,
    payload_size: u64,
    began: Duration,
    finished: Option<Outcome>,
    held_for: Vec<String>,
}

/// What a task brings back.
enum Done {
    Input(Input),
    Considered {
        candidates: Vec<Considered>,
        answer: Page,
    },
    Failed(StoreError),
}

/// A candidate with the device record that it was judged by.
struct Considered {
    candidate: Candidate,
    device: Arc<Device>,
}

/// Which page was asked for.
enum Page {
    Pending {
        cohort: CohortIndex,
        exhausted: bool,
    },
    Deferred {
        next_due: Option<Timestamp>,
    },
}

impl<C: Clock, E: Executor> Driver<C, E> {
    /// Takes the rollout up where the store has it.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn load(parts: DriverParts<C, E>) -> Result<Self, DriverError> {
        let DriverParts {
            clock,
            executor,
            store,
            bus,
            rollout: key,
            concurrency,
            wait,
            resumed_by,
        } = parts;
        let now = clock.now();
        let snapshot = store.run(move |store| store.snapshot(key)).await??;
        let release_key = snapshot.rollout.plan.release;
        let release = store.run(move |store| store.release(release_key)).await??;
        let rollout = Rollout::load(snapshot, &release, executor.facts(), now);
        Ok(Self {
            clock,
            executor,
            store,
            bus,
            key,
            rollout,
            resources: Resources::new(concurrency),
            live: Live::default(),
            tasks: Tasks::new(),
            tracker: Tracker::default(),
            estimator: Estimator::default(),
            progress: watch::Sender::new(None),
            patience: Patience::new(wait),
            resumed_by,
            payload_size: release.size,
            began: now.monotonic,
            finished: None,
            held_for: Vec::new(),
        })
    }

    /// Samples of how far it is, a few a second.
    pub fn progress(&self) -> watch::Receiver<Option<Progress>> {
        self.progress.subscribe()
    }

    /// Runs until the rollout has ended or was stopped.
    ///
    /// # Errors
    /// If the store fails; what is in flight is cut then.
    pub async fn run(
        mut self,
        mut control: mpsc::Receiver<Control>,
    ) -> Result<RunEnd, DriverError> {
        self.refill_attempt_ids().await?;
        let resume = self.resumed_by.take();
        let resume = resume.map(|actor| Input::Command(Command::Resume { actor }));
        self.step([Input::Begin].into_iter().chain(resume).collect())
            .await?;
        let mut next_sample = self.began;
        while self.finished.is_none() {
            if let Some(cause) = self.patience.lost(
                &self.rollout,
                self.tasks.len(),
                self.resources.slots.in_use(),
                self.clock.now(),
            ) {
                self.held_for = self.patience.reasons(&self.rollout, self.clock.now());
                self.step(vec![Input::Stop(cause)]).await?;
                continue;
            }
            let timeout = self.wake_up_at(next_sample);
            let inputs = tokio::select! {
                biased;
                Some(control) = control.recv() => match control {
                    Control::Stop => vec![Input::Stop(StopCause::Signal)],
                    Control::StopNow => vec![Input::Stop(StopCause::Signal), Input::CancelInFlight],
                    Control::Command(command) => vec![Input::Command(command)],
                },
                done = self.tasks.next() => self.gather(done)?,
                () = self.clock.sleep_until(timeout) => Vec::new(),
            };
            let now = self.clock.now().monotonic;
            if now >= next_sample {
                self.sample();
                next_sample = now + SAMPLE_EVERY;
            }
            self.step(inputs).await?;
        }
        self.sample();
        Ok(self.end())
    }

    fn wake_up_at(&self, next_sample: Duration) -> Duration {
        self.rollout
            .poll_timeout()
            .map_or(next_sample, |(at, _)| at.min(next_sample))
    }

    /// Inputs from a finished task and from those that finished with it.
    fn gather(&mut self, first: Done) -> Result<Vec<Input>, DriverError> {
        let mut inputs = Vec::new();
        let mut next = Some(first);
        while let Some(done) = next {
            match done {
                Done::Input(input) => inputs.push(input),
                Done::Considered { candidates, answer } => {
                    inputs.push(self.considered(candidates, answer))
                }
                Done::Failed(error) => return Err(error.into()),
            }
            next = if inputs.len() < BATCH_MAX {
                self.tasks.try_next()
            } else {
                None
            };
        }
        Ok(inputs)
    }

    fn considered(&mut self, considered: Vec<Considered>, answer: Page) -> Input {
        let mut candidates = Vec::with_capacity(considered.len());
        for Considered { candidate, device } in considered {
            self.live.know(candidate.assignment.id, device);
            candidates.push(candidate);
        }
        match answer {
            Page::Pending { cohort, exhausted } => Input::Page {
                cohort,
                candidates,
                exhausted,
            },
            Page::Deferred { next_due } => Input::Deferred {
                candidates,
                next_due,
            },
        }
    }

    /// Core decides, the store persists, effects run; in this order. Once more if the effects
    /// were to fetch attempt ids, which devices wait for.
    async fn step(&mut self, mut inputs: Vec<Input>) -> Result<(), DriverError> {
        loop {
            let now = self.clock.now();
            self.rollout.handle_timeout(now, &mut self.resources);
            for input in inputs.drain(..) {
                self.rollout.handle(now, input, &mut self.resources);
            }
            self.rollout.dispatch(now, &mut self.resources);
            let output = self.rollout.poll_output();
            self.persist(output.changes).await?;
            let mut again = false;
            for effect in output.effects {
                if effect == Effect::NeedAttemptIds {
                    self.refill_attempt_ids().await?;
                    again = true;
                } else {
                    self.perform(effect);
                }
            }
            if !again {
                return Ok(());
            }
        }
    }

    async fn persist(&mut self, changes: ChangeSet) -> Result<(), DriverError> {
        if changes.is_empty() {
            return Ok(());
        }
        self.forget_ended(&changes.changes);
        let changes = Arc::new(changes);
        let committed = self.store.commit(Arc::clone(&changes)).await?;
        for (offset, event) in (0..).zip(&changes.events) {
            let seq = Sequence(committed.first.0 + offset);
            self.bus.publish(LoggedEvent {
                seq,
                event: event.clone(),
            });
        }
        Ok(())
    }

    fn forget_ended(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::Assignment { row, .. } = change
                && is_dormant(row)
            {
                self.live.forget(row.id);
            }
        }
    }

    async fn refill_attempt_ids(&mut self) -> Result<(), DriverError> {
        let range = self
            .store
            .run(|store| store.reserve_attempt_ids(ATTEMPT_ID_BLOCK))
            .await??;
        self.resources.attempt_ids.refill(range);
        Ok(())
    }

    fn sample(&mut self) {
        let at = self.clock.now().monotonic;
        let cohorts = self.rollout.cohorts().to_vec();
        let bytes_sent = self.tracker.bytes_sent();
        let in_flight = self.tracker.running_bytes();
        #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
        let (done, remaining) = {
            let partly: f64 = in_flight
                .iter()
                .map(|sent| *sent as f64 / self.payload_size as f64)
                .sum();
            let ended: u64 = cohorts.iter().map(|cohort| cohort.ended).sum();
            let unreachable: u64 = cohorts
                .iter()
                .map(|cohort| cohort.states.get(StateKind::Deferred))
                .sum();
            let targets: u64 = cohorts.iter().map(|cohort| cohort.size).sum();
            let done = ended as f64 + partly.min(in_flight.len() as f64);
            (done, (targets - unreachable) as f64 - done)
        };
        self.estimator.record(at, done, bytes_sent);
        self.progress.send_replace(Some(Progress {
            state: self.rollout.state(),
            waiting_for: self.patience.reasons(&self.rollout, self.clock.now()),
            cohorts,
            in_flight: in_flight.len(),
            bytes_sent,
            bytes_per_second: self.estimator.bytes_per_second(),
            eta: self.estimator.eta(remaining),
            elapsed: at.saturating_sub(self.began),
        }));
    }

    fn end(&self) -> RunEnd {
        let mut counts = StateCounts::default();
        for cohort in self.rollout.cohorts() {
            for (total, count) in counts.0.iter_mut().zip(cohort.states.0) {
                *total += count;
            }
        }
        let now = self.clock.now();
        RunEnd {
            outcome: self.finished.unwrap_or(Outcome::Stopped),
            counts,
            bytes_sent: self.tracker.bytes_sent(),
            duration: now.monotonic.saturating_sub(self.began),
            state: self.rollout.state(),
            waiting_for: self.held_for.clone(),
        }
    }
}

/// Whether the driver need not remember the device: it is read again when its turn comes.
fn is_dormant(row: &Assignment) -> bool {
    let kind = row.state.kind();
    kind.is_ended() || matches!(kind, StateKind::Pending | StateKind::Deferred)
}
