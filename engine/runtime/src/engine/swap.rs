//! Other policies for a rollout that is driven, and back again. What is in flight goes on.

use std::sync::Arc;

use windlass_core::Input;
use windlass_model::{PluginName, PolicySwap, RolloutKey};
use windlass_store::{StoreError, SwapConflict};

use super::{Engine, EngineError, Executor, SwapError};
use crate::{clock::Clock, fault};

impl<C: Clock, E: Executor> Engine<C, E> {
    /// Puts other policies in force. The loop waits for the store, and core hears of it before
    /// it decides anything else; what is in flight is not touched.
    pub(super) async fn swap(
        &mut self,
        key: RolloutKey,
        swap: Arc<PolicySwap>,
        policies: E::Policies,
    ) -> Result<Result<(), SwapError>, EngineError> {
        let driven = self.running.get(&key);
        if driven.is_none_or(|running| running.finished.is_some()) {
            return Ok(Err(SwapError::NotRunning));
        }
        let at = self.clock.now().wall;
        if let Some(running) = self.running.get(&key) {
            running.executor.prepare(policies);
        }
        fault::point(fault::Point::BeforeSwap);
        let swapped = self
            .store
            .run(move |store| store.swap_policies(key, &swap, at))
            .await?;
        fault::point(fault::Point::AfterSwap);
        if let Err(conflict) = swapped {
            return Ok(Err(conflict.into()));
        }
        if let Err(error) = self.replan(key).await {
            self.recover(error).await?;
        }
        Ok(Ok(()))
    }

    /// Puts the policies back that were in force before those on probation.
    pub(super) async fn take_policies_back(
        &mut self,
        key: RolloutKey,
        policy: PluginName,
        message: String,
    ) -> Result<(), EngineError> {
        let at = self.clock.now().wall;
        let back = self
            .store
            .run(move |store| store.take_policies_back(key, &policy, &message, at))
            .await??;
        if !back {
            return Ok(());
        }
        self.replan(key).await
    }

    /// Tells core what the store has now. Answers to what was asked under the policies before
    /// are not brought back any more.
    async fn replan(&mut self, key: RolloutKey) -> Result<(), EngineError> {
        let snapshot = self
            .store
            .run(move |store| store.snapshot_but_shadows(key))
            .await??;
        let now = self.clock.now();
        let Some(running) = self.running.get(&key) else {
            return Ok(());
        };
        let (executor, run) = (Arc::clone(&running.executor), running.run);
        executor.ask(&snapshot.rollout.plan.policies);
        // They may go by other signals, or by those of other sources.
        let signals = self.poll_signals(key, run, &executor);
        if let Some(running) = self.running.get_mut(&key) {
            running.signals = signals;
            running.watch();
            running.plans += 1;
            let snapshot = Box::new(snapshot);
            let replanned = Input::Replanned { snapshot };
            running.rollout.handle(now, replanned, &mut self.resources);
        }
        Ok(())
    }
}

impl From<SwapConflict> for SwapError {
    fn from(conflict: SwapConflict) -> Self {
        Self::Refused(conflict)
    }
}

impl From<StoreError> for SwapError {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}
