//! Asking succeeded devices again what they run.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use windlass_core::{GroupSeat, Input, Succeeded};
use windlass_model::{AssignmentId, CohortIndex, RolloutKey, Verification};
use windlass_store::StoreError;

use super::{
    Attempt, Engine, Executor,
    effects::{Done, Of},
};
use crate::clock::Clock;

impl<C: Clock, E: Executor> Engine<C, E> {
    pub(super) fn page_succeeded(
        &mut self,
        key: RolloutKey,
        cohort: CohortIndex,
        after: Option<AssignmentId>,
        limit: usize,
    ) {
        let store = self.store.clone();
        self.start(key, async move {
            let read = store
                .run(move |store| store.succeeded(key, cohort, after, limit))
                .await;
            match read.map_err(StoreError::from).flatten() {
                Ok(rows) => Done::Input(Input::Succeeded {
                    exhausted: rows.len() < limit,
                    rows: rows
                        .into_iter()
                        .map(|(assignment, attempt)| Succeeded {
                            assignment,
                            attempt,
                        })
                        .collect(),
                }),
                Err(error) => Done::Failed(error),
            }
        });
    }

    /// The device is none of those in hand: nothing that stops them is meant for it, and what
    /// is known of it is read now.
    pub(super) fn recheck(&mut self, of: Of) {
        let Of {
            rollout,
            assignment,
            device,
            attempt,
        } = of;
        let Some(running) = self.running.get(&rollout) else {
            return;
        };
        let executor = Arc::clone(&running.executor);
        let (store, limits) = (self.store.clone(), Arc::clone(&self.groups));
        self.start(rollout, async move {
            let read = store.run(move |store| store.device_by_key(device)).await;
            let record = match read.map_err(StoreError::from).flatten() {
                Ok(record) => Arc::new(record),
                Err(error) => return Done::Failed(error),
            };
            let groups = GroupSeat::of(&limits, &record);
            let work = Attempt {
                assignment,
                id: attempt,
                number: 0,
                device: record,
                cancel: CancellationToken::new(),
                transfer: None,
            };
            let mut answer = executor.verify(work).await;
            if let Ok(Verification::RunsOther(_)) = &answer {
                // Read after the answer: an attempt is in the store before its first byte
                // leaves.
                let read = store
                    .run(move |store| store.is_overtaken(device, attempt))
                    .await;
                match read.map_err(StoreError::from).flatten() {
                    Ok(true) => answer = Ok(Verification::CannotTell),
                    Ok(false) => {}
                    Err(error) => return Done::Failed(error),
                }
            }
            Done::Input(Input::Rechecked {
                assignment,
                attempt,
                answer,
                groups,
            })
        });
    }
}
