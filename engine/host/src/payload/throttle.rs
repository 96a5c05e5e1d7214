use std::{
    num::NonZeroU64,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use tokio::runtime::Handle;

/// What is reserved at a time, as a share of a second's worth: small enough that many
/// transfers under one bound flow side by side instead of in bursts.
const SHARE_OF_SECOND: u64 = 20;
/// Less costs more in timers than it smooths.
const LEAST: u64 = 4 * 1024;
/// More would be handed to a connection at once anyway.
const MOST: u64 = 256 * 1024;

/// A bound on payload bytes a second, shared by any number of transfers: a token bucket that
/// holds a twentieth of a second's worth. Who asks first goes first, so transfers under one
/// bound get equal shares.
#[derive(Debug)]
pub struct Throttle {
    bytes_per_second: NonZeroU64,
    timers: Handle,
    /// When the bytes reserved so far will have flowed.
    free_at: Mutex<Instant>,
}

impl Throttle {
    /// A bound that nobody has used yet; `timers` is a runtime with a timer.
    pub fn new(bytes_per_second: NonZeroU64, timers: Handle) -> Arc<Self> {
        Arc::new(Self {
            bytes_per_second,
            timers,
            free_at: Mutex::new(Instant::now()),
        })
    }

    /// The bound.
    pub fn bytes_per_second(&self) -> NonZeroU64 {
        self.bytes_per_second
    }

    /// How much to reserve at a time.
    fn grain(&self) -> u64 {
        (self.bytes_per_second.get() / SHARE_OF_SECOND).clamp(LEAST, MOST)
    }

    /// Reserves `bytes`; the instant from which they may flow.
    fn reserve(&self, bytes: u64) -> Instant {
        let now = Instant::now();
        let nanos = u128::from(bytes) * 1_000_000_000 / u128::from(self.bytes_per_second.get());
        let takes = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let mut free_at = self.free_at.lock().unwrap_or_else(PoisonError::into_inner);
        let from = (*free_at).max(now);
        *free_at = from + takes;
        from
    }
}

/// Reserves as much as all `throttles` grant at once, at most `wanted`: how many bytes, from
/// when on, and a timer's runtime to wait on. None without a throttle.
pub(super) fn reserve(throttles: &[Arc<Throttle>], wanted: u64) -> Option<(u64, Instant, Handle)> {
    let first = throttles.first()?;
    let grain = throttles.iter().map(|throttle| throttle.grain()).min()?;
    let bytes = wanted.min(grain);
    let from = throttles
        .iter()
        .map(|throttle| throttle.reserve(bytes))
        .max()?;
    Some((bytes, from, first.timers.clone()))
}
