//! What arrived of a release.

use hyper::body::Bytes;
use sha2::{Digest, Sha256 as Hasher};
use windlass_model::Sha256;

/// Bytes of a body that name the version if no header does, as the de facto mock does.
const VERSION_BYTES: usize = 10;

/// What arrived of a release so far: everything but the bytes.
pub(crate) struct Arrived {
    pub(crate) size: u64,
    hasher: Option<Hasher>,
    opening: Vec<u8>,
}

/// A release that arrived whole.
pub(crate) struct Received {
    pub(crate) size: u64,
    pub(crate) sha256: Option<Sha256>,
    /// Its first bytes as text, if it has more than those.
    pub(crate) opening: Option<String>,
}

impl Arrived {
    pub(crate) fn new(hashed: bool) -> Self {
        Self {
            size: 0,
            hasher: hashed.then(Hasher::new),
            opening: Vec::with_capacity(VERSION_BYTES),
        }
    }

    pub(crate) fn take(&mut self, chunk: &Bytes) {
        self.size += chunk.len() as u64;
        if let Some(hasher) = &mut self.hasher {
            hasher.update(chunk);
        }
        let wanted = chunk.len().min(VERSION_BYTES - self.opening.len());
        self.opening.extend_from_slice(&chunk[..wanted]);
    }

    pub(crate) fn whole(&self) -> Received {
        let hasher = self.hasher.clone();
        Received {
            size: self.size,
            sha256: hasher.map(|hasher| Sha256(hasher.finalize().into())),
            opening: (self.size > VERSION_BYTES as u64)
                .then(|| String::from_utf8_lossy(&self.opening).into_owned()),
        }
    }
}
