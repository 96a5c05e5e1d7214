//! What is pushed, and to how many.

use std::{
    collections::BTreeMap, fs::File, io::Write as _, num::NonZeroUsize, path::Path, sync::Arc,
};

use anyhow::{Context as _, Result};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use windlass_host::{Limits, PayloadSource as _};
use windlass_model::{Connectivity, Device, DeviceId, Release};
use windlass_runtime::payload::PinnedFile;

use crate::devices::Addressing;

/// The engine's limits for so many transfers at once, but with time for guests under valgrind,
/// where they take dozens of times as long.
pub(crate) fn limits(at_once: NonZeroUsize) -> Limits {
    let usual = Limits::for_concurrency(at_once);
    Limits {
        call_cpu: usual.call_cpu * UNDER_VALGRIND,
        call_wall: usual.call_wall * UNDER_VALGRIND,
        ..usual
    }
}

/// How much longer a guest may take than in the engine.
const UNDER_VALGRIND: u32 = 60;

/// Some bytes of a release, in a file as the engine reads it and in memory as others have it.
pub(crate) struct Payload {
    /// In memory.
    pub(crate) bytes: Bytes,
    /// As the engine opened it.
    pub(crate) source: Arc<PinnedFile>,
    /// What it is.
    pub(crate) release: Arc<Release>,
    /// Its digest as `Repr-Digest` says it.
    pub(crate) digest: String,
}

impl Payload {
    /// `size` bytes that do not compress, written to a file in `folder`.
    pub(crate) fn make(folder: &Path, size: usize) -> Result<Self> {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let bytes: Vec<u8> = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        })
        .flatten()
        .take(size)
        .collect();
        let path = folder.join(format!("payload-{size}"));
        File::create(&path)?.write_all(&bytes)?;
        Self::open(&path, bytes.into())
    }

    /// `size` zeros that are on no disk and not in memory either: for what only the engine
    /// sends.
    pub(crate) fn sparse(folder: &Path, size: u64) -> Result<Self> {
        let path = folder.join(format!("payload-{size}"));
        File::create(&path)?.set_len(size)?;
        Self::open(&path, Bytes::new())
    }

    /// A file that is there; it is not in memory.
    pub(crate) fn of_file(path: &Path) -> Result<Self> {
        Self::open(path, Bytes::new())
    }

    fn open(path: &Path, bytes: Bytes) -> Result<Self> {
        let source = PinnedFile::open(path, None, "application/octet-stream")
            .context("the payload cannot be opened")?;
        let release = Release {
            name: "app".to_owned(),
            version: "2.0.0".to_owned(),
            size: source.size(),
            sha256: source.sha256(),
            media_type: source.media_type().to_owned(),
        };
        Ok(Self {
            bytes,
            digest: format!("sha-256=:{}:", STANDARD.encode(release.sha256.0)),
            release: Arc::new(release),
            source: Arc::new(source),
        })
    }
}

/// Selects one device in a hundred, by an index.
pub(crate) const ONE_IN_A_HUNDRED: &str = "'ring-7' in device.tags";

/// Device `index` of a fleet.
pub(crate) fn device(index: u64, addressing: Addressing, port: u16) -> Device {
    Device {
        id: DeviceId::new(format!("device-{index:07}")),
        name: format!("Device {index}"),
        address: format!("http://{}", addressing.of(index, port)),
        kind: Some(format!("kind-{}", index % 7)),
        version: Some("1.0.0".to_owned()),
        status: Connectivity::Online,
        location: Some(format!("site-{}", index % 1000)),
        timezone: None,
        tags: vec![format!("ring-{}", index % 100)],
        attributes: BTreeMap::new(),
        last_seen: None,
    }
}
