//! Reading a body at a device's pace.

use std::num::NonZeroU64;
use std::time::Duration;

use http_body_util::BodyExt;
use hyper::body::{Body, Bytes};
use tokio::time::Instant;

/// How a body is read.
pub(crate) struct Intake {
    pub(crate) bandwidth: Option<NonZeroU64>,
    /// Stop after so many bytes.
    pub(crate) cut: Option<u64>,
}

/// How reading ended.
pub(crate) enum Ended<E> {
    /// The whole body arrived.
    Whole,
    /// The limit was reached, or the body ended before it.
    Cut,
    /// The sender stopped in the middle.
    Broken(E),
}

impl Intake {
    /// Hands every chunk to `take` as it comes in.
    pub(crate) async fn read<B>(self, mut body: B, mut take: impl FnMut(&Bytes)) -> Ended<B::Error>
    where
        B: Body<Data = Bytes> + Unpin,
    {
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
            take(chunk);
            if self.cut.is_some_and(|cut| size >= cut) {
                return Ended::Cut;
            }
            if let Some(pace) = &mut pace {
                pace.wait_for(chunk.len()).await;
            }
        }
        match self.cut {
            Some(_) => Ended::Cut,
            None => Ended::Whole,
        }
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
