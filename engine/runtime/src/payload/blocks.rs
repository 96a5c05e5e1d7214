use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::{Bytes, BytesMut};
use windlass_host::{BLOCK_SIZE, SourceError};

use super::{
    contents::Contents,
    window::{Found, Room, Window},
};

/// Most bytes of a payload of which each block is read once and then kept for all devices.
const WHOLE_BYTES: u64 = 64 * 1024 * 1024;

/// Memory for blocks of a larger payload, those that devices hold included: a hundred devices
/// at a hundred places hold 25 MiB, and what is read ahead for some of them fits beside it.
/// Devices that move together share what is read; a straggler costs reads, not memory.
const WINDOW_BYTES: u64 = 40 * 1024 * 1024;

/// Reads at once: enough to keep a disk busy, few enough that what is being read is small
/// beside the window.
const READERS: usize = 8;

/// The blocks of one payload: each is read once however many devices wait for it, and kept
/// for as long as there is room. Reads run on threads of their own to their end, whether or
/// not whoever asked first still waits: a device that stalls must not stall the others.
pub(super) struct Blocks(Arc<Shared>);

struct Shared {
    contents: Contents,
    state: Mutex<State>,
}

struct State {
    window: Window,
    /// Blocks to read, first come, first served.
    wanted: VecDeque<u64>,
    readers: usize,
}

impl Blocks {
    pub(super) fn of(contents: Contents) -> Self {
        let most = match contents.size() {
            size @ ..=WHOLE_BYTES => size.div_ceil(BLOCK_SIZE),
            _ => WINDOW_BYTES / BLOCK_SIZE,
        };
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        Self(Arc::new(Shared {
            contents,
            state: Mutex::new(State {
                window: Window::of(most),
                wanted: VecDeque::new(),
                readers: 0,
            }),
        }))
    }

    pub(super) fn contents(&self) -> &Contents {
        &self.0.contents
    }

    pub(super) fn cached(&self, block: u64) -> Option<Bytes> {
        self.0.state().window.take(block)
    }

    pub(super) fn read_ahead(&self, block: u64) {
        let mut state = self.0.state();
        if state.window.expect(block) {
            self.read(state, block);
        }
    }

    pub(super) async fn load(&self, block: u64) -> Result<Bytes, SourceError> {
        let mut loaded = match self.find(block) {
            Found::Read(bytes) => return Ok(bytes),
            Found::Asked(loaded) | Found::New(loaded) => loaded,
        };
        let result = match loaded.wait_for(Option::is_some).await {
            Ok(result) => result.clone(),
            Err(_) => None,
        };
        result.unwrap_or_else(|| Err(SourceError::Unavailable("the read was given up".into())))
    }

    /// The block, or its read, which is begun if nobody did.
    fn find(&self, block: u64) -> Found {
        let mut state = self.0.state();
        let found = state.window.find(block);
        if let Found::New(_) = &found {
            self.read(state, block);
        }
        found
    }

    fn read(&self, mut state: MutexGuard<'_, State>, block: u64) {
        state.wanted.push_back(block);
        if state.readers < READERS {
            state.readers += 1;
            drop(state);
            let reader = Reader {
                shared: Arc::clone(&self.0),
                stage: Stage::Queued,
            };
            crate::tasks::read(move || reader.run());
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads what is wanted until nothing is.
struct Reader {
    shared: Arc<Shared>,
    stage: Stage,
}

enum Stage {
    Queued,
    Reads(u64),
    Done,
}

impl Reader {
    fn run(mut self) {
        while let Some((block, buffer)) = self.next() {
            let result = self.shared.contents.read(block, buffer);
            self.shared.state().window.put(block, result);
            self.stage = Stage::Queued;
        }
    }

    fn next(&mut self) -> Option<(u64, BytesMut)> {
        let mut state = self.shared.state();
        while let Some(block) = state.wanted.pop_front() {
            if let Room::Buffer(buffer) = state.window.make_room(block) {
                self.stage = Stage::Reads(block);
                return Some((block, buffer));
            }
        }
        state.readers -= 1;
        self.stage = Stage::Done;
        None
    }
}

impl Drop for Reader {
    /// A runtime that ends drops its readers before they ran; nobody may wait for them.
    fn drop(&mut self) {
        let mut state = self.shared.state();
        match self.stage {
            Stage::Queued => {}
            Stage::Reads(block) => state.window.give_up(block),
            Stage::Done => return,
        }
        state.readers -= 1;
        if state.readers == 0 {
            while let Some(block) = state.wanted.pop_front() {
                state.window.forget(block);
            }
        }
    }
}
