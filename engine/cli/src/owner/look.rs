use anyhow::Context as _;
use windlass_model::{RolloutKey, StoredRollout};
use windlass_store::{Store, StoreError};

use super::{Owner, find};
use crate::command::Failure;

impl Owner {
    /// A command to type about this owner's state file.
    pub(super) async fn hint(&self, command: &'static str) -> Result<String, Failure> {
        self.run(move |store| Ok(find::hint(store, command))).await
    }

    pub(super) async fn stored(&self, key: RolloutKey) -> Result<StoredRollout, Failure> {
        let snapshot = self.run(move |store| store.snapshot(key)).await?;
        Ok(snapshot.rollout)
    }

    pub(super) async fn run<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Store) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Failure> {
        let result = self.store.run(operation).await;
        Ok(result
            .context("the state file failed")?
            .context("the state file failed")?)
    }
}
