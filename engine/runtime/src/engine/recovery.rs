//! Taking rollouts up, and taking them up again after the store refused a change: what core
//! decided then has not happened, so its state is thrown away and read anew.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio::sync::{oneshot, watch};
use windlass_core::{GroupSeat, Input, Now, Resources, Rollout};
use windlass_model::{AssignmentId, Order, RolloutKey};

use super::{
    Engine, EngineError, Entered, Entry, Executor, SteerError, condemned, live::Live,
    running::Audience, running::Running, wait::Patience,
};
use crate::clock::Clock;

/// Refusals in a row after which the engine gives up: a full disk does not empty itself, and
/// whoever started the engine should hear of it.
const ATTEMPTS: u32 = 4;
/// The first wait; each further one doubles.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// How often in a row the store failed.
#[derive(Default)]
pub(super) struct Recovery {
    failures: u32,
}

impl Recovery {
    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

impl<C: Clock, E: Executor> Engine<C, E> {
    pub(super) async fn take_up(
        &mut self,
        entry: Entry<E>,
    ) -> Result<(Entered, Input), EngineError> {
        let Entry {
            rollout: key,
            executor,
            wait,
        } = entry;
        let now = self.clock.now();
        let (rollout, payload_size, begin) = self.read(key, &*executor, now).await?;
        // What fails must fail before the rollout is there: nobody would hear of it.
        if self.resources.attempt_ids.remaining() == 0 {
            self.refill_attempt_ids().await?;
        }
        let (progress, sampled) = watch::channel(None);
        let (ended, end) = oneshot::channel();
        self.runs += 1;
        let signals = self.poll_signals(key, self.runs, &executor);
        let audience = Audience {
            signals,
            progress,
            ended,
        };
        let running = Running::new(
            rollout,
            executor,
            Patience::new(wait),
            payload_size,
            audience,
            self.runs,
            now,
        );
        self.running.insert(key, running);
        let entered = Entered {
            progress: sampled,
            end,
        };
        Ok((entered, begin))
    }

    /// A rollout as the store has it, and the input that it begins with.
    async fn read(
        &mut self,
        key: RolloutKey,
        executor: &E,
        now: Now,
    ) -> Result<(Rollout, u64, Input), EngineError> {
        let (snapshot, release, condemned) = self
            .store
            .run(move |store| {
                let snapshot = store.snapshot(key)?;
                let release = store.release(snapshot.rollout.plan.release)?;
                let condemned = store.condemnation(snapshot.rollout.plan.release)?;
                Ok::<_, windlass_store::StoreError>((snapshot, release, condemned))
            })
            .await??;
        let mut seats = BTreeMap::new();
        if !self.groups.is_empty() {
            let live: Vec<(AssignmentId, _)> = snapshot
                .live
                .iter()
                .map(|row| (row.id, row.device))
                .collect();
            let limits = Arc::clone(&self.groups);
            seats = self
                .store
                .run(move |store| {
                    live.into_iter()
                        .map(|(id, device)| {
                            let device = store.device_by_key(device)?;
                            Ok((id, GroupSeat::of(&limits, &device)))
                        })
                        .collect::<Result<_, windlass_store::StoreError>>()
                })
                .await??;
        }
        executor.ask(&snapshot.rollout.plan.policies);
        let mut rollout = Rollout::load(snapshot, &release, executor.facts(), now);
        let signals = executor.signals();
        rollout.watch(signals.wanted);
        rollout.watch_in_shadow(signals.in_shadow);
        if let Some(condemned) = condemned {
            // While it was being prepared, or before the pause was on disk.
            condemned::pause(&mut rollout, &condemned.reason, now, &mut self.resources);
        }
        Ok((rollout, release.size, Input::Begin { seats }))
    }

    /// Carries an order out; it is durable afterwards.
    pub(super) async fn steer(
        &mut self,
        key: RolloutKey,
        order: Order,
    ) -> Result<Result<(), SteerError>, EngineError> {
        if !self.running.contains_key(&key) {
            return Ok(Err(SteerError::NotRunning));
        }
        let devices = order.what.devices();
        let rows = self
            .store
            .run(move |store| store.assignments_of(key, &devices))
            .await;
        let rows = match rows {
            Ok(Ok(rows)) => rows,
            Ok(Err(error)) => return Ok(Err(error.into())),
            Err(stopped) => return Err(stopped.into()),
        };
        let now = self.clock.now();
        let Some(running) = self.running.get_mut(&key) else {
            return Ok(Err(SteerError::NotRunning));
        };
        let told = running.rollout.steer(now, order, rows, &mut self.resources);
        if let Err(refusal) = told {
            return Ok(Err(refusal.into()));
        }
        let recoveries = self.recovery.failures;
        self.step(Vec::new()).await?;
        if self.recovery.failures > recoveries {
            return Ok(Err(SteerError::NotKept));
        }
        Ok(Ok(()))
    }

    /// Throws away what every rollout decided since its last commit, cuts what is in flight,
    /// and reads all of them anew. Gives up when that fails again and again.
    pub(super) async fn recover(&mut self, error: EngineError) -> Result<(), EngineError> {
        let mut error = error;
        loop {
            self.recovery.failures += 1;
            if self.recovery.failures >= ATTEMPTS {
                return Err(error);
            }
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "the state file failed; the rollouts are read anew"
            );
            // Dropping a push cuts it; its outcome is found out when it settles.
            self.tasks.cut().await;
            let wait = FIRST_WAIT * 2_u32.pow(self.recovery.failures - 1);
            let now = self.clock.now();
            self.clock.sleep_until(now.monotonic + wait).await;
            match self.read_all().await {
                Ok(begins) => {
                    let now = self.clock.now();
                    for (key, begin) in begins {
                        if let Some(running) = self.running.get_mut(&key) {
                            // What was told since the last commit is told again.
                            let told = [begin, Input::Refresh].into_iter();
                            for input in told.chain(running.farewell.again()) {
                                running.rollout.handle(now, input, &mut self.resources);
                            }
                        }
                    }
                    return Ok(());
                }
                Err(again) => error = again,
            }
        }
    }

    async fn read_all(&mut self) -> Result<Vec<(RolloutKey, Input)>, EngineError> {
        let now = self.clock.now();
        self.resources = Resources::new(
            self.concurrency,
            Arc::clone(&self.groups),
            self.retries_per_minute,
        );
        self.refill_attempt_ids().await?;
        let keys: Vec<_> = self
            .running
            .iter()
            .map(|(key, running)| (*key, Arc::clone(&running.executor)))
            .collect();
        let mut begins = Vec::with_capacity(keys.len());
        for (key, executor) in keys {
            let (rollout, _, begin) = self.read(key, &*executor, now).await?;
            if let Some(running) = self.running.get_mut(&key) {
                running.rollout = rollout;
                running.live = Live::default();
                running.tasks = 0;
                running.plans += 1;
                running.finished = None;
            }
            begins.push((key, begin));
        }
        Ok(begins)
    }
}
