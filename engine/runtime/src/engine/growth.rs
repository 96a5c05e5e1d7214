use windlass_core::Input;
use windlass_model::{DeviceKey, RolloutKey, RolloutState};

use super::{Engine, EngineError, Executor, GrowError};
use crate::clock::Clock;

impl<C: Clock, E: Executor> Engine<C, E> {
    /// Gives a rollout further devices. The loop waits for the store, and core hears of them
    /// before it decides anything else: a rollout must neither end by the old counts while
    /// they are written, nor count them twice after it was read with them.
    pub(super) async fn grow(
        &mut self,
        key: RolloutKey,
        devices: Vec<DeviceKey>,
    ) -> Result<Result<u64, GrowError>, EngineError> {
        if !self
            .running
            .get(&key)
            .is_some_and(|one| takes_more(one.rollout.state()))
        {
            return Ok(Err(GrowError::NotRunning));
        }
        let at = self.clock.now().wall;
        let grown = self
            .store
            .run(move |store| store.extend_rollout(key, &mut devices.into_iter(), at))
            .await?;
        let added = match grown {
            Ok(added) => added,
            Err(conflict) => return Ok(Err(conflict.into())),
        };
        let now = self.clock.now();
        if let Some(running) = self.running.get_mut(&key).filter(|_| added > 0) {
            let grown = Input::Grown { added };
            running.rollout.handle(now, grown, &mut self.resources);
        }
        Ok(Ok(added))
    }
}

/// A rollout that has ended is opened again by a run of its own.
fn takes_more(state: RolloutState) -> bool {
    match state {
        RolloutState::Draft
        | RolloutState::Running
        | RolloutState::Holding
        | RolloutState::Paused => true,
        RolloutState::Aborting | RolloutState::Aborted | RolloutState::Completed => false,
    }
}
