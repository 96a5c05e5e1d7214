//! Makes what a delivery keeps for its next attempt durable.

use std::{
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use windlass_host::JobObserver;
use windlass_model::{AssignmentId, AttemptId};
use windlass_store::StoreHandle;

use crate::progress::Transfer;

/// A delivery may keep something with every chunk; the disk is asked at most this often per
/// transfer. So much may be lost by a crash, and is sent again.
const KEEP_EVERY: Duration = Duration::from_secs(1);

/// Hears a running job.
pub(super) struct Listener {
    transfer: Option<Arc<Transfer>>,
    latest: Mutex<Option<Vec<u8>>>,
}

impl Listener {
    pub(super) fn new(transfer: Option<Arc<Transfer>>) -> Arc<Self> {
        Arc::new(Self {
            transfer,
            latest: Mutex::new(None),
        })
    }

    fn take(&self) -> Option<Vec<u8>> {
        self.latest
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl JobObserver for Listener {
    fn progress(&self, bytes: u64) {
        if let Some(transfer) = &self.transfer {
            transfer.sent(bytes);
        }
    }

    fn checkpoint(&self, data: Vec<u8>) {
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(data);
    }
}

/// Where checkpoints are kept.
pub(super) struct Checkpoints(pub(super) StoreHandle);

impl Checkpoints {
    /// What the last attempt kept. One that cannot be read is as good as none: the transfer
    /// begins anew.
    pub(super) async fn read(&self, assignment: AssignmentId) -> Option<Vec<u8>> {
        let read = self.0.run(move |store| store.checkpoint(assignment)).await;
        read.ok().and_then(Result::ok).flatten()
    }

    /// Awaits `push` and keeps what it leaves meanwhile, the last of it before this returns.
    pub(super) async fn keep_during<T>(
        &self,
        push: impl Future<Output = T>,
        listener: &Listener,
        (assignment, attempt): (AssignmentId, AttemptId),
    ) -> T {
        let mut push = pin!(push);
        loop {
            let ended = tokio::time::timeout(KEEP_EVERY, push.as_mut()).await;
            if let Some(data) = listener.take() {
                self.keep(assignment, attempt, data).await;
            }
            if let Ok(end) = ended {
                return end;
            }
        }
    }

    async fn keep(&self, assignment: AssignmentId, attempt: AttemptId, data: Vec<u8>) {
        let kept = self
            .0
            .run(move |store| store.put_checkpoint(assignment, attempt, &data))
            .await;
        if !matches!(kept, Ok(Ok(()))) {
            // The next commit meets the same disk and says so; this loses only progress.
            tracing::warn!(%attempt, "a checkpoint could not be kept");
        }
    }
}
