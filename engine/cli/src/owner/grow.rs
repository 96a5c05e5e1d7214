//! Dynamic rollouts: devices that match later join the last cohort (design §7.2).

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::Context as _;
use windlass_model::{DeviceKey, RolloutKey};
use windlass_runtime::{GrowError, Parts, PluginExecutor, clock::Clock as _, planning};
use windlass_store::ExtendConflict;

use super::Owner;
use crate::{command::Failure, setup};

/// The dynamic rollouts that are driven, as long as the engine has them.
#[derive(Default)]
pub(super) struct Growing {
    driven: Mutex<BTreeMap<RolloutKey, Weak<PluginExecutor>>>,
    turns: AtomicU64,
}

impl Growing {
    /// How often the registry has changed: a rollout that selected its devices before a
    /// change and was not driven yet at it must look once more.
    pub(super) fn turns(&self) -> u64 {
        self.turns.load(Ordering::SeqCst)
    }

    fn turn(&self) {
        self.turns.fetch_add(1, Ordering::SeqCst);
    }

    fn add(&self, key: RolloutKey, executor: &Arc<PluginExecutor>) {
        let mut growing = self.driven.lock().unwrap_or_else(PoisonError::into_inner);
        growing.insert(key, Arc::downgrade(executor));
    }

    fn alive(&self) -> Vec<(RolloutKey, Arc<PluginExecutor>)> {
        let mut growing = self.driven.lock().unwrap_or_else(PoisonError::into_inner);
        growing.retain(|_, executor| executor.strong_count() > 0);
        growing
            .iter()
            .filter_map(|(key, executor)| Some((*key, executor.upgrade()?)))
            .collect()
    }
}

impl Owner {
    /// Has a rollout that is driven from now on grow if it is to, with what came since the
    /// registry had changed so often, too.
    pub(super) async fn growing(
        &self,
        key: RolloutKey,
        executor: &Arc<PluginExecutor>,
        turns: u64,
    ) {
        if !executor.parts().settings.dynamic {
            return;
        }
        self.growing.add(key, executor);
        if self.growing.turns() != turns
            && let Err(error) = self.grow_driven(key, &executor.parts()).await
        {
            tracing::warn!(%key, %error, "devices that were imported just now did not join");
        }
    }

    /// The registry changed: dynamic rollouts take what matches now, and devices that wait
    /// are looked at again.
    pub(super) async fn registry_changed(&self) -> Result<(), Failure> {
        self.growing.turn();
        let mut grown = Ok(());
        for (key, executor) in self.growing.alive() {
            grown = grown.and(self.grow_driven(key, &executor.parts()).await);
        }
        // Whatever becomes of one rollout, the others hear of it.
        self.helm.refresh().await;
        grown
    }

    /// Gives a rollout that the engine has the devices that it selects and does not have.
    pub(super) async fn grow_driven(&self, key: RolloutKey, parts: &Parts) -> Result<(), Failure> {
        let devices = self.selected(parts).await?;
        match self.helm.grow(key, devices).await {
            // One that is over, or is being given up, takes no more.
            Ok(_) | Err(GrowError::NotRunning) => Ok(()),
            Err(GrowError::Refused(ExtendConflict::Aborted(_) | ExtendConflict::TakenBack(_))) => {
                Ok(())
            }
            Err(error) => Err(anyhow::Error::new(error)
                .context("further devices could not join the rollout")
                .into()),
        }
    }

    /// Gives a rollout that nobody drives the devices that it selects and does not have.
    pub(super) async fn grow_at_rest(&self, key: RolloutKey, parts: &Parts) -> Result<(), Failure> {
        let now = self.clock.now().wall;
        let devices = self.selected(parts).await?;
        self.store
            .run(move |store| store.extend_rollout(key, &mut devices.into_iter(), now))
            .await
            .context("the state file failed")?
            .context("further devices could not join the rollout")?;
        Ok(())
    }

    async fn selected(&self, parts: &Parts) -> Result<Vec<DeviceKey>, Failure> {
        let now = self.clock.now().wall;
        let selection = planning::select(&self.store, parts, now)
            .await
            .map_err(setup::plan_diagnostic)?;
        let targets = selection.targets.into_iter();
        Ok(targets.map(|(device, _)| device).collect())
    }
}
