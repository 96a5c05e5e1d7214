use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use tokio::sync::watch;
use windlass_host::{BLOCK_SIZE, SourceError};

/// Memory for blocks shared by all devices that read one payload. Devices of one wave move
/// together, so a window of this size serves them from one read of the disk; a straggler
/// outside it costs one read a block, not memory.
const CACHE_BYTES: u64 = 24 * 1024 * 1024;

type Loaded = Option<Result<Bytes, SourceError>>;

/// The most recently used blocks of one payload; each is read once however many devices
/// wait for it. A read runs on a thread of its own to its end, whether or not whoever
/// asked first still waits: a device that stalls must not stall the others.
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
    loaded: watch::Receiver<Loaded>,
}

impl BlockCache {
    pub(super) fn new() -> Self {
        Self {
            state: Mutex::new(State::default()),
        }
    }

    pub(super) fn get(&self, block: u64) -> Option<Bytes> {
        let mut state = self.state();
        state.clock += 1;
        let used = state.clock;
        let entry = state.blocks.get_mut(&block)?;
        entry.used = used;
        match &*entry.loaded.borrow() {
            Some(Ok(bytes)) => Some(bytes.clone()),
            Some(Err(_)) | None => None,
        }
    }

    /// A failed load is not kept: the next caller reads again.
    pub(super) async fn get_or_load(
        &self,
        block: u64,
        load: impl FnOnce() -> Result<Bytes, SourceError> + Send + 'static,
    ) -> Result<Bytes, SourceError> {
        let mut loaded = self.loading(block, load);
        let result = match loaded.wait_for(Option::is_some).await {
            Ok(result) => result.clone(),
            Err(_) => None,
        };
        let result =
            result.unwrap_or_else(|| Err(SourceError::Unavailable("the read was given up".into())));
        if result.is_err() {
            self.forget(block, &loaded);
        }
        result
    }

    /// The load under way or done, started if there is none.
    fn loading(
        &self,
        block: u64,
        load: impl FnOnce() -> Result<Bytes, SourceError> + Send + 'static,
    ) -> watch::Receiver<Loaded> {
        let mut state = self.state();
        state.clock += 1;
        let used = state.clock;
        if let Some(entry) = state.blocks.get_mut(&block) {
            entry.used = used;
            return entry.loaded.clone();
        }
        let (done, loaded) = watch::channel(None);
        crate::tasks::read(move || {
            // Nobody may be left to hear it.
            done.send_replace(Some(load()));
        });
        state.blocks.insert(
            block,
            Entry {
                used,
                loaded: loaded.clone(),
            },
        );
        state.evict();
        loaded
    }

    fn forget(&self, block: u64, loaded: &watch::Receiver<Loaded>) {
        let mut state = self.state();
        if state
            .blocks
            .get(&block)
            .is_some_and(|entry| entry.loaded.same_channel(loaded))
        {
            state.blocks.remove(&block);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
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
