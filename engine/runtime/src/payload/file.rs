use std::path::Path;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use windlass_host::{PayloadSource, SourceError};
use windlass_model::Sha256;

use super::{PayloadError, blocks::Blocks, contents::Contents};

/// A file whose every block was hashed when it was opened. A block that reads differently
/// later fails instead of reaching a device. Not mapped into memory: a truncated mapping
/// would kill the engine.
pub struct PinnedFile {
    blocks: Blocks,
    media_type: String,
}

impl PinnedFile {
    /// Reads the whole file once, checks it against `expected` and keeps a hash per block.
    /// Blocks the thread for as long as the disk takes.
    ///
    /// # Errors
    /// If it is missing, no regular file, empty, unreadable, or has another digest.
    pub fn open(
        path: &Path,
        expected: Option<Sha256>,
        media_type: &str,
    ) -> Result<Self, PayloadError> {
        Ok(Self {
            blocks: Blocks::of(Contents::open(path, expected)?),
            media_type: media_type.to_owned(),
        })
    }

    /// The file that is read.
    pub fn path(&self) -> &Path {
        self.blocks.contents().path()
    }
}

impl PayloadSource for PinnedFile {
    fn size(&self) -> u64 {
        self.blocks.contents().size()
    }

    fn sha256(&self) -> Sha256 {
        self.blocks.contents().sha256()
    }

    fn media_type(&self) -> &str {
        &self.media_type
    }

    fn cached(&self, block: u64) -> Option<Bytes> {
        self.blocks.cached(block)
    }

    fn read_ahead(&self, block: u64) {
        self.blocks.read_ahead(block);
    }

    fn load(&self, block: u64) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        Box::pin(self.blocks.load(block))
    }
}
