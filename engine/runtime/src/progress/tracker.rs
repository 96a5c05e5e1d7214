use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use windlass_model::AttemptId;

/// Bytes of running and finished transfers. Cheap to clone; all clones are one tracker.
#[derive(Clone, Default)]
pub struct Tracker(Arc<Shared>);

#[derive(Default)]
struct Shared {
    finished: AtomicU64,
    running: Mutex<BTreeMap<AttemptId, Arc<AtomicU64>>>,
}

/// One running transfer; dropping it moves its bytes to the finished ones.
pub struct Transfer {
    attempt: AttemptId,
    sent: Arc<AtomicU64>,
    tracker: Tracker,
}

impl Tracker {
    /// Begins a transfer.
    pub fn begin(&self, attempt: AttemptId) -> Transfer {
        let sent = Arc::new(AtomicU64::new(0));
        self.running().insert(attempt, Arc::clone(&sent));
        Transfer {
            attempt,
            sent,
            tracker: self.clone(),
        }
    }

    /// Bytes sent by all transfers so far.
    pub fn bytes_sent(&self) -> u64 {
        let running = self.running();
        let in_flight: u64 = running.values().map(|sent| sent.load(Relaxed)).sum();
        self.0.finished.load(Relaxed) + in_flight
    }

    /// Each running transfer's bytes.
    pub fn running_bytes(&self) -> Vec<u64> {
        self.running()
            .values()
            .map(|sent| sent.load(Relaxed))
            .collect()
    }

    fn running(&self) -> std::sync::MutexGuard<'_, BTreeMap<AttemptId, Arc<AtomicU64>>> {
        self.0
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transfer {
    /// The device has been sent `bytes` in total; a lower number than before is ignored.
    pub fn sent(&self, bytes: u64) {
        self.sent.fetch_max(bytes, Relaxed);
    }
}

impl Drop for Transfer {
    fn drop(&mut self) {
        let mut running = self.tracker.running();
        running.remove(&self.attempt);
        self.tracker
            .0
            .finished
            .fetch_add(self.sent.load(Relaxed), Relaxed);
    }
}
