//! What is old is dropped from the state file while somebody owns it.

use std::time::Duration;

use tokio::{
    sync::oneshot::{self, error::TryRecvError},
    task::JoinHandle,
};
use windlass_runtime::clock::{Clock as _, SystemClock};
use windlass_store::{Pruned, Retention, StoreError, StoreHandle};

/// Rows of a kind and rollout in one transaction, which those of the engine wait behind.
const ROWS_AT_ONCE: u32 = 2_000;
/// How often it is looked after: what is kept for days need not go by the minute.
const EVERY: Duration = Duration::from_secs(6 * 60 * 60);

/// The task that drops what is old.
pub(super) struct Upkeep {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Upkeep {
    /// Drops what is older than `retention` says, now and every few hours. Trouble is told and
    /// tried again: a file that is not tidied serves as well.
    pub(super) fn start(store: StoreHandle, clock: SystemClock, retention: Retention) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            loop {
                if let Err(error) = tidy(&store, &clock, retention, &mut stopped).await {
                    tracing::warn!(%error, "what is old could not be dropped");
                }
                tokio::select! {
                    _ = &mut stopped => return,
                    () = tokio::time::sleep(EVERY) => {}
                }
            }
        });
        Self { stop, task }
    }

    /// Waits for what is being dropped now. Even a short run drops a little, so that many of
    /// them keep a file small.
    pub(super) async fn end(self) {
        drop(self.stop);
        if let Err(error) = self.task.await {
            std::panic::resume_unwind(error.into_panic());
        }
    }
}

async fn tidy(
    store: &StoreHandle,
    clock: &SystemClock,
    retention: Retention,
    stopped: &mut oneshot::Receiver<()>,
) -> Result<(), StoreError> {
    let mut all = Pruned::default();
    loop {
        let now = clock.now().wall;
        let pruned = store
            .run(move |store| store.prune(&retention, now, ROWS_AT_ONCE))
            .await??;
        all.add(pruned);
        if pruned.is_nothing() || stopped.try_recv() != Err(TryRecvError::Empty) {
            break;
        }
    }
    all.unfinished = false;
    if !all.is_nothing() {
        tracing::info!(
            decisions = all.decisions,
            events = all.events,
            attempts = all.attempts,
            components = all.components,
            reasons = all.reasons,
            "what was older than [retention] keeps was dropped"
        );
    }
    Ok(())
}
