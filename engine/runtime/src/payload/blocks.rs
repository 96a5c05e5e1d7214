use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::sync::OnceCell;
use windlass_host::{BLOCK_SIZE, SourceError};

/// Memory for blocks shared by all devices that read one payload. Devices of one wave move
/// together, so a window of this size serves them from one read of the disk; a straggler
/// outside it costs one read a block, not memory.
const CACHE_BYTES: u64 = 24 * 1024 * 1024;

/// The most recently used blocks of one payload; each is read once however many devices
/// wait for it.
pub(super) struct BlockCache {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    clock: u64,
    blocks: BTreeMap<u64, Entry>,
}

struct Entry {
    used: u64,
    bytes: Arc<OnceCell<Bytes>>,
}

impl BlockCache {
    pub(super) fn new() -> Self {
        Self { state: Mutex::new(State::default()) }
    }

    pub(super) fn get(&self, block: u64) -> Option<Bytes> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.clock += 1;
        let used = state.clock;
        let entry = state.blocks.get_mut(&block)?;
        entry.used = used;
        entry.bytes.get().cloned()
    }

    /// A failed load is not kept: the next caller reads again.
    pub(super) async fn get_or_load<F>(
        &self,
        block: u64,
        load: impl FnOnce() -> F,
    ) -> Result<Bytes, SourceError>
    where
        F: Future<Output = Result<Bytes, SourceError>>,
    {
        let cell = self.entry(block);
        cell.get_or_try_init(load).await.cloned()
    }

    fn entry(&self, block: u64) -> Arc<OnceCell<Bytes>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.clock += 1;
        let used = state.clock;
        let entry = state.blocks.entry(block).or_insert_with(|| Entry { used, bytes: Arc::default() });
        entry.used = used;
        let cell = Arc::clone(&entry.bytes);
        state.evict();
        cell
    }
}

impl State {
    /// Linear, over a few dozen entries, and only when a block is read from disk.
    fn evict(&mut self) {
        while self.blocks.len() as u64 * BLOCK_SIZE > CACHE_BYTES {
            let oldest = self.blocks.iter().min_by_key(|(_, entry)| entry.used);
            let Some((&block, _)) = oldest else { return };
            self.blocks.remove(&block);
        }
    }
}
