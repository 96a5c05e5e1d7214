use std::{
    fs::File,
    io::ErrorKind,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use bytes::{Bytes, BytesMut};
use sha2::{Digest, Sha256 as Hasher};
use windlass_host::{BLOCK_SIZE, SourceError};
use windlass_model::Sha256;

use super::PayloadError;

/// A file on disk with a hash of each of its blocks, as they were when it was opened.
pub(super) struct Contents {
    file: File,
    path: PathBuf,
    size: u64,
    sha256: Sha256,
    pins: Vec<[u8; 32]>,
}

impl Contents {
    /// Reads the whole file once, checks it against `expected` and keeps a hash per block.
    pub(super) fn open(path: &Path, expected: Option<Sha256>) -> Result<Self, PayloadError> {
        let unreadable = |cause| PayloadError::Unreadable {
            path: path.to_owned(),
            cause,
        };
        let missing = || PayloadError::Missing {
            path: path.to_owned(),
        };
        // Before it is opened: opening a named pipe waits for a writer.
        let metadata = std::fs::metadata(path).map_err(|cause| match cause.kind() {
            ErrorKind::NotFound => missing(),
            _ => unreadable(cause),
        })?;
        if !metadata.is_file() {
            return Err(PayloadError::NotAFile {
                path: path.to_owned(),
            });
        }
        let file = File::open(path).map_err(unreadable)?;
        let size = metadata.len();
        if size == 0 {
            return Err(PayloadError::Empty {
                path: path.to_owned(),
            });
        }
        let mut whole = Hasher::new();
        let mut pins = Vec::with_capacity(usize::try_from(size.div_ceil(BLOCK_SIZE)).unwrap_or(0));
        let mut buffer = vec![0; usize::try_from(BLOCK_SIZE.min(size)).unwrap_or(0)];
        let mut offset = 0;
        while offset < size {
            let length = usize::try_from(BLOCK_SIZE.min(size - offset)).unwrap_or(buffer.len());
            let block = &mut buffer[..length];
            file.read_exact_at(block, offset).map_err(unreadable)?;
            whole.update(&*block);
            pins.push(Hasher::digest(&*block).into());
            offset += length as u64;
        }
        let sha256 = Sha256(whole.finalize().into());
        if let Some(expected) = expected
            && expected != sha256
        {
            return Err(PayloadError::OtherDigest {
                expected,
                found: sha256,
            });
        }
        Ok(Self {
            file,
            path: path.to_owned(),
            size,
            sha256,
            pins,
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn sha256(&self) -> Sha256 {
        self.sha256
    }

    /// Block `block`, checked, in the memory of `buffer`.
    pub(super) fn read(&self, block: u64, mut buffer: BytesMut) -> Result<Bytes, SourceError> {
        let changed = |what: &str| SourceError::Changed(format!("{} {what}", self.path.display()));
        let offset = block.saturating_mul(BLOCK_SIZE);
        let pin = usize::try_from(block)
            .ok()
            .and_then(|index| self.pins.get(index));
        let pin = pin.ok_or_else(|| changed("was read beyond its end"))?;
        let length = BLOCK_SIZE.min(self.size - offset);
        buffer.resize(usize::try_from(length).unwrap_or(0), 0);
        self.file
            .read_exact_at(&mut buffer, offset)
            .map_err(|cause| match cause.kind() {
                ErrorKind::UnexpectedEof => changed("was truncated during the rollout"),
                _ => SourceError::Unavailable(format!(
                    "{} at byte {offset}: {cause}",
                    self.path.display()
                )),
            })?;
        if Hasher::digest(&buffer).as_slice() != pin {
            return Err(changed("was edited during the rollout"));
        }
        Ok(buffer.freeze())
    }
}
