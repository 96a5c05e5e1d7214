use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;
use windlass_host::SourceError;

/// How a read ended; nothing while it goes on.
pub(super) type Loaded = Option<Result<Bytes, SourceError>>;

/// The blocks of one payload that are in memory, whether only kept here or on their way to
/// devices too. As what devices hold stays here, no block is in memory twice, and what is
/// here is all there is.
pub(super) struct Window {
    /// So many blocks, unless devices hold more.
    most: usize,
    clock: u64,
    blocks: BTreeMap<u64, Place>,
    /// How many of `blocks` have memory: what was read, and what is being read.
    buffers: usize,
}

enum Place {
    /// Asked for; who waits for it listens here. Nobody does for what is read ahead.
    Asked(Option<watch::Sender<Loaded>>),
    Read {
        bytes: Bytes,
        used: u64,
        /// Whether a device took it. What is read ahead waits for its first.
        taken: bool,
    },
}

/// What is there of a block that somebody needs now.
pub(super) enum Found {
    Read(Bytes),
    /// Asked for before.
    Asked(watch::Receiver<Loaded>),
    /// Asked for herewith: it has to be read.
    New(watch::Receiver<Loaded>),
}

/// Where a block can be read to.
pub(super) enum Room {
    Buffer(BytesMut),
    /// It was asked for ahead only, and would displace what was read ahead for others.
    None,
}

impl Window {
    pub(super) fn of(most: usize) -> Self {
        Self {
            most,
            clock: 0,
            blocks: BTreeMap::new(),
            buffers: 0,
        }
    }

    /// Block `block` if it is here, for a device.
    pub(super) fn take(&mut self, block: u64) -> Option<Bytes> {
        self.clock += 1;
        match self.blocks.get_mut(&block)? {
            Place::Read { bytes, used, taken } => {
                *used = self.clock;
                *taken = true;
                Some(bytes.clone())
            }
            Place::Asked(_) => None,
        }
    }

    /// Block `block`, or where to wait for it.
    pub(super) fn find(&mut self, block: u64) -> Found {
        if let Some(bytes) = self.take(block) {
            return Found::Read(bytes);
        }
        if let Some(Place::Asked(Some(waited))) = self.blocks.get(&block) {
            return Found::Asked(waited.subscribe());
        }
        let (sender, loaded) = watch::channel(None);
        match self.blocks.insert(block, Place::Asked(Some(sender))) {
            Some(_) => Found::Asked(loaded),
            None => Found::New(loaded),
        }
    }

    /// Keeps block `block` for a device that will need it soon; true if it has to be read.
    pub(super) fn expect(&mut self, block: u64) -> bool {
        self.clock += 1;
        match self.blocks.get_mut(&block) {
            Some(Place::Read { used, .. }) => {
                *used = self.clock;
                false
            }
            Some(Place::Asked(_)) => false,
            None => {
                self.blocks.insert(block, Place::Asked(None));
                true
            }
        }
    }

    /// Memory for block `block`, which was asked for: of blocks that no device holds, those
    /// that were not used for the longest time make room. Beyond the bound there is memory
    /// only for what a device waits for.
    pub(super) fn make_room(&mut self, block: u64) -> Room {
        let mut buffer = None;
        while self.buffers >= self.most {
            let Some((oldest, taken)) = self.oldest() else {
                break;
            };
            if !taken && self.is_only_ahead(block) {
                break;
            }
            self.buffers -= 1;
            if let Some(Place::Read { bytes, .. }) = self.blocks.remove(&oldest) {
                // Kept instead of allocated: fresh memory costs a fault a page.
                buffer = bytes.try_into_mut().ok();
            }
        }
        if self.buffers >= self.most && self.is_only_ahead(block) {
            self.forget(block);
            return Room::None;
        }
        self.buffers += 1;
        Room::Buffer(buffer.unwrap_or_default())
    }

    /// Takes in what was read of block `block`, and tells who waits. A failure is not kept:
    /// whoever asks next has it read again.
    pub(super) fn put(&mut self, block: u64, result: Result<Bytes, SourceError>) {
        let waited = match self.blocks.remove(&block) {
            Some(Place::Asked(waited)) => waited,
            Some(Place::Read { .. }) | None => None,
        };
        match &result {
            Ok(bytes) => {
                let read = Place::Read {
                    bytes: bytes.clone(),
                    used: self.clock,
                    taken: waited.is_some(),
                };
                self.blocks.insert(block, read);
            }
            Err(_) => self.buffers -= 1,
        }
        if let Some(waited) = waited {
            // Nobody may be left to hear it.
            waited.send_replace(Some(result));
        }
    }

    /// Forgets that block `block` was asked for; who waits hears that it was given up.
    pub(super) fn forget(&mut self, block: u64) {
        self.blocks.remove(&block);
    }

    /// The same for a block that had room made for it.
    pub(super) fn give_up(&mut self, block: u64) {
        self.forget(block);
        self.buffers -= 1;
    }

    /// The block that no device holds and that was not used for the longest time, and
    /// whether one took it. Linear, over some hundred entries, and only when a block is
    /// read from disk.
    fn oldest(&self) -> Option<(u64, bool)> {
        let unheld = self.blocks.iter().filter_map(|(block, place)| match place {
            Place::Read { bytes, used, taken } if bytes.is_unique() => Some((used, block, taken)),
            Place::Read { .. } | Place::Asked(_) => None,
        });
        let (_, block, taken) = unheld.min()?;
        Some((*block, *taken))
    }

    fn is_only_ahead(&self, block: u64) -> bool {
        matches!(self.blocks.get(&block), Some(Place::Asked(None)))
    }
}
