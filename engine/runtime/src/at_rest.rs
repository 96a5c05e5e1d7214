//! Orders to rollouts that no engine drives: the caller owns the state file, commits what the
//! order does, and leaves. Whoever runs the rollout next finds it so.

use std::{num::NonZeroUsize, sync::Arc};

use windlass_core::{DeliveryFacts, Now, Refusal, Resources, Rollout};
use windlass_model::{Order, PolicySwap, RolloutKey};
use windlass_store::{CommitError, Stopped, StoreError, StoreHandle};

use crate::engine::{ShadowError, ShadowOrder, SwapError};

/// Why an order was not carried out. Nothing changed.
#[derive(Debug, thiserror::Error)]
pub enum AtRestError {
    /// It does not fit.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The state file could not be read.
    #[error("the state file failed")]
    Store(#[from] StoreError),
    /// The state file refused it.
    #[error("the state file refused the order")]
    Commit(#[from] CommitError),
}

impl From<Stopped> for AtRestError {
    fn from(stopped: Stopped) -> Self {
        Self::Store(stopped.into())
    }
}

/// Nothing is asked of a device before an engine takes the rollout up, so nothing needs to be
/// known of its deliveries.
const NO_DELIVERY: DeliveryFacts = DeliveryFacts {
    verifies: false,
    idempotent_push: false,
};

/// Gives an order to a rollout at rest. It is durable when this returns.
///
/// # Errors
/// See [`AtRestError`].
pub async fn steer_at_rest(
    store: &StoreHandle,
    key: RolloutKey,
    order: Order,
    now: Now,
) -> Result<(), AtRestError> {
    let devices = order.what.devices();
    let (snapshot, release, rows) = store
        .run(move |store| {
            let snapshot = store.snapshot(key)?;
            let release = store.release(snapshot.rollout.plan.release)?;
            let rows = store.assignments_of(key, &devices)?;
            Ok::<_, StoreError>((snapshot, release, rows))
        })
        .await??;
    let mut rollout = Rollout::load(snapshot, &release, NO_DELIVERY, now);
    let mut resources = Resources::new(NonZeroUsize::MIN, Arc::new([]), None);
    rollout.steer(now, order, rows, &mut resources)?;
    // Effects are the next engine's: it finds what they are for in the rows.
    let output = rollout.poll_output();
    if !output.changes.is_empty() {
        store.commit(Arc::new(output.changes)).await?;
    }
    Ok(())
}

/// Puts other policies in force in a rollout at rest. It is durable when this returns.
///
/// # Errors
/// See [`SwapError`].
pub async fn swap_at_rest(
    store: &StoreHandle,
    key: RolloutKey,
    swap: Arc<PolicySwap>,
    now: Now,
) -> Result<(), SwapError> {
    let swapped = store.run(move |store| store.swap_policies(key, &swap, now.wall));
    let swapped = swapped.await.map_err(StoreError::from)?;
    Ok(swapped?)
}

/// Puts a policy in shadow of a rollout at rest, or takes it out. It is durable when this returns.
///
/// # Errors
/// See [`ShadowError`].
pub async fn shadow_at_rest(
    store: &StoreHandle,
    key: RolloutKey,
    order: Arc<ShadowOrder>,
    now: Now,
) -> Result<(), ShadowError> {
    let done = store.run(move |store| order.carry_out(store, key, now.wall));
    let done = done.await.map_err(StoreError::from)?;
    Ok(done?)
}
