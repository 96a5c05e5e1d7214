//! Reading a body: counted, hashed, paced.

use std::num::NonZeroU64;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use sha2::{Digest, Sha256 as Hasher};
use tokio::time::Instant;
use windlass_model::Sha256;

use crate::ledger::Ledger;

/// Bytes of a body that name the version if no header does, as the de facto mock does.
const VERSION_BYTES: usize = 10;

/// How a body is read.
pub(crate) struct Intake {
    pub(crate) bandwidth: Option<NonZeroU64>,
    pub(crate) hashed: bool,
    /// Stop after so many bytes.
    pub(crate) cut: Option<u64>,
}

/// How reading ended.
pub(crate) enum Ended<E> {
    /// The whole body arrived.
    Whole(Received),
    /// The limit was reached, or the body ended before it.
    Cut,
    /// The sender stopped in the middle.
    Broken(E),
}

/// A body that arrived whole.
pub(crate) struct Received {
    pub(crate) size: u64,
    pub(crate) sha256: Option<Sha256>,
    /// Its first bytes as text, if it has more than those.
    pub(crate) opening: Option<String>,
}

impl Intake {
    pub(crate) async fn read<B>(self, mut body: B, ledger: &Ledger) -> Ended<B::Error>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let mut hasher = self.hashed.then(Hasher::new);
        let mut opening = Vec::with_capacity(VERSION_BYTES);
        let mut pace = self.bandwidth.map(Pace::new);
        let mut size = 0;
        while let Some(frame) = body.frame().await {
            let frame = match frame {
                Ok(frame) => frame,
                Err(error) => return Ended::Broken(error),
            };
            let Some(chunk) = frame.data_ref() else {
                continue;
            };
            size += chunk.len() as u64;
            ledger.add_bytes(chunk.len() as u64);
            if let Some(hasher) = &mut hasher {
                hasher.update(chunk);
            }
            let wanted = chunk.len().min(VERSION_BYTES - opening.len());
            opening.extend_from_slice(&chunk[..wanted]);
            if self.cut.is_some_and(|cut| size >= cut) {
                return Ended::Cut;
            }
            if let Some(pace) = &mut pace {
                pace.wait_for(chunk.len()).await;
            }
        }
        if self.cut.is_some() {
            return Ended::Cut;
        }
        Ended::Whole(Received {
            size,
            sha256: hasher.map(|hasher| Sha256(hasher.finalize().into())),
            opening: (size > VERSION_BYTES as u64)
                .then(|| String::from_utf8_lossy(&opening).into_owned()),
        })
    }
}

/// Shorter waits are saved up: a timer is no finer than a millisecond, and chunks are small.
const SHORTEST_WAIT: Duration = Duration::from_millis(5);

/// Spreads bytes over time. What was read too late is not caught up with by a burst.
struct Pace {
    bytes_per_second: NonZeroU64,
    free_at: Instant,
}

impl Pace {
    fn new(bytes_per_second: NonZeroU64) -> Self {
        Self {
            bytes_per_second,
            free_at: Instant::now(),
        }
    }

    async fn wait_for(&mut self, bytes: usize) {
        let takes = Duration::from_secs_f64(bytes as f64 / self.bytes_per_second.get() as f64);
        let now = Instant::now();
        self.free_at = self.free_at.max(now) + takes;
        if self.free_at - now >= SHORTEST_WAIT {
            tokio::time::sleep_until(self.free_at).await;
        }
    }
}
