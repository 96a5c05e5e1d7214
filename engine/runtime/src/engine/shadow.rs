//! Policies in shadow of a rollout that is driven: put there and taken out under way.

use std::sync::Arc;

use windlass_core::Input;
use windlass_model::{
    AssignmentId, NewShadow, PluginName, RolloutKey, Sequence, ShadowEnd, ShadowKey, Timestamp,
};
use windlass_store::{ShadowConflict, Store, StoreError};

use super::{Engine, EngineError, Executor};
use crate::clock::Clock;

/// Targets that are counted for a new shadow at a time: the loop waits some milliseconds for them.
const TALLIED_AT_ONCE: usize = 4_096;

/// A policy is to be put in shadow, or taken out.
#[derive(Clone, Debug)]
pub struct ShadowOrder {
    /// Who wants it; nobody if the configuration says so.
    pub actor: String,
    /// Why; may be empty.
    pub reason: String,
    /// What.
    pub what: ShadowDeed,
}

/// What becomes of a policy in shadow.
#[derive(Clone, Debug)]
pub enum ShadowDeed {
    /// It is put there.
    Add(NewShadow),
    /// It is taken out.
    Remove {
        /// Which.
        name: PluginName,
        /// Why.
        because: ShadowEnd,
    },
}

/// Why that was not done. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum ShadowError {
    /// The engine does not drive this rollout, or no longer.
    #[error("the rollout is not running")]
    NotRunning,
    /// It does not fit, or the state file failed.
    #[error(transparent)]
    Refused(#[from] ShadowConflict),
    /// The engine has ended.
    #[error("the engine has ended")]
    Gone,
}

impl ShadowOrder {
    pub(crate) fn carry_out(
        &self,
        store: &mut Store,
        key: RolloutKey,
        at: Timestamp,
    ) -> Result<(), ShadowConflict> {
        let who = (self.actor.as_str(), self.reason.as_str());
        match &self.what {
            ShadowDeed::Add(shadow) => store.add_shadow(key, shadow, who, at).map(|_| ()),
            ShadowDeed::Remove { name, because } => {
                store.remove_shadow(key, name, *because, who, at)
            }
        }
    }
}

impl<C: Clock, E: Executor> Engine<C, E> {
    /// Carries the order out. The loop waits for the store; nothing else of the rollout moves. What
    /// a new shadow's cohorts have started and ended is counted afterwards, between other things.
    pub(super) async fn shadow(
        &mut self,
        key: RolloutKey,
        order: Arc<ShadowOrder>,
        policies: Option<E::Policies>,
    ) -> Result<Result<(), ShadowError>, EngineError> {
        // What was counted of one that goes must not go with it.
        if let Some(running) = self.running.get_mut(&key) {
            running.rollout.keep_shadows();
        }
        self.step(Vec::new()).await?;
        let driven = self.running.get(&key);
        let Some(running) = driven.filter(|running| running.finished.is_none()) else {
            return Ok(Err(ShadowError::NotRunning));
        };
        if let Some(policies) = policies {
            running.executor.shadow(policies);
        }
        let at = self.clock.now().wall;
        let done = self
            .store
            .run(move |store| {
                order.carry_out(store, key, at)?;
                let before = Sequence(store.last_event()?.0.saturating_sub(1));
                Ok::<_, ShadowConflict>(store.events(before, 1, None)?)
            })
            .await?;
        match done {
            // Nothing need follow of it soon by which listeners would find it.
            Ok(events) => self.bus.publish(events),
            Err(conflict) => return Ok(Err(conflict.into())),
        }
        if let Err(error) = self.tell_shadows(key).await {
            self.recover(error).await?;
        }
        Ok(Ok(()))
    }

    /// A rollout with a new shadow that is still to count its targets, from one on.
    pub(super) fn to_tally(&self) -> Option<(RolloutKey, ShadowKey, AssignmentId)> {
        self.running.iter().find_map(|(key, running)| {
            let (shadow, from) = running.rollout.to_tally()?;
            Some((*key, shadow, from))
        })
    }

    /// Counts the next targets of a new shadow, right after everything was committed: a million at
    /// once would keep devices and orders waiting for seconds.
    pub(super) async fn tally(&mut self) -> Result<(), EngineError> {
        let Some((key, shadow, from)) = self.to_tally() else {
            return Ok(());
        };
        let read = self
            .store
            .run(move |store| store.tallied_targets(key, from, TALLIED_AT_ONCE))
            .await?;
        let targets = match read {
            Ok(targets) => targets,
            Err(error) => return self.recover(error.into()).await,
        };
        let now = self.clock.now();
        if let Some(running) = self.running.get_mut(&key) {
            let tallied = Input::Tallied {
                shadow,
                exhausted: targets.len() < TALLIED_AT_ONCE,
                targets,
            };
            running.rollout.handle(now, tallied, &mut self.resources);
        }
        // It is asked at once when it has counted them all.
        if self.to_tally().is_none() {
            self.step(Vec::new()).await?;
        }
        Ok(())
    }

    async fn tell_shadows(&mut self, key: RolloutKey) -> Result<(), EngineError> {
        let shadows = self
            .store
            .run(move |store| store.shadow_snapshots(key))
            .await??;
        let now = self.clock.now();
        let Some(running) = self.running.get(&key) else {
            return Ok(());
        };
        let (executor, run) = (Arc::clone(&running.executor), running.run);
        let signals = self.poll_signals(key, run, &executor);
        if let Some(running) = self.running.get_mut(&key) {
            running.signals = signals;
            let told = Input::Shadowed { shadows };
            running.rollout.handle(now, told, &mut self.resources);
            running.watch();
        }
        Ok(())
    }
}

impl From<StoreError> for ShadowError {
    fn from(error: StoreError) -> Self {
        Self::Refused(error.into())
    }
}
