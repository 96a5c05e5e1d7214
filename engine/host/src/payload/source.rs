use bytes::Bytes;
use futures_util::future::BoxFuture;
use windlass_model::Sha256;

/// How payloads are cut for checking and sharing: block `i` holds the bytes from
/// `i * BLOCK_SIZE`, and every block but the last is exactly this long.
///
/// A device holds the block that it is sent, so a hundred at a hundred places hold 25 MiB.
/// Smaller blocks would be more reads; with these, 1 GiB has 128 KiB of hashes.
pub const BLOCK_SIZE: u64 = 256 * 1024;

/// Where a release's bytes come from.
///
/// One source serves many devices at once. Its blocks were checked against the
/// payload's pinned hashes before they are returned, so whoever holds one may send it.
pub trait PayloadSource: Send + Sync + 'static {
    /// Size of the whole payload in bytes.
    fn size(&self) -> u64;

    /// Digest of the whole payload.
    fn sha256(&self) -> Sha256;

    /// Media type, such as `application/octet-stream`.
    fn media_type(&self) -> &str;

    /// Block `block` if it is in memory. Called often; must neither block nor read.
    fn cached(&self, block: u64) -> Option<Bytes>;

    /// Block `block` is needed soon. Begins to read it if that pays; must not block. It is
    /// called where [`load`](Self::load) is polled. A source in memory has nothing to do.
    fn read_ahead(&self, block: u64) {
        let _ = block;
    }

    /// Reads and checks block `block`, sharing the work with whoever asks for it at the
    /// same time. Must be safe to drop at any await. It is polled from other runtimes than
    /// the one the source lives on, so it must not rely on an ambient one.
    fn load(&self, block: u64) -> BoxFuture<'_, Result<Bytes, SourceError>>;
}

/// Why a payload's bytes cannot be had. Never the device's fault.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// What was read is not what was pinned when the release was registered.
    #[error("the payload changed while it was being delivered: {0}")]
    Changed(String),
    /// It could not be read.
    #[error("the payload cannot be read: {0}")]
    Unavailable(String),
}
