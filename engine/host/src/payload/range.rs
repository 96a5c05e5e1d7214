use std::{
    mem,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Instant,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::time::Sleep;

use super::{BLOCK_SIZE, PayloadSource, SourceError, throttle};
use crate::lease::{Lease, SourceWait, Throttled};

/// A range that does not lie within the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("offset {offset} and length {length} do not lie within the payload's {size} bytes")]
pub struct OutOfRange {
    /// First byte asked for.
    pub offset: u64,
    /// Number of bytes asked for.
    pub length: u64,
    /// Size of the payload.
    pub size: u64,
}

/// Reads a range of a payload block by block, and has the source read ahead of it. What it
/// returns are views of the source's blocks; it holds none that it has returned whole.
pub(super) struct RangeReader {
    source: Arc<dyn PayloadSource>,
    lease: Arc<Lease>,
    position: u64,
    end: u64,
    /// The block that holds `position`, once a part of it was returned.
    current: Option<(u64, Bytes)>,
    next: Next,
    /// Held while a reader waits for `next`.
    wait: Option<SourceWait>,
    /// What the operator's bounds on bandwidth let pass.
    allowance: Allowance,
}

/// How much of the range may be taken.
enum Allowance {
    /// Nothing bounds it, or the bound has let so much pass.
    Bytes(u64),
    /// So much, from an instant on.
    Later {
        bytes: u64,
        sleep: Pin<Box<Sleep>>,
        /// Held meanwhile, so that the wait is nobody's stall.
        _throttled: Throttled,
    },
}

/// The block that is waited for.
enum Next {
    Nothing,
    Loading(u64, BoxFuture<'static, Result<Bytes, SourceError>>),
    Loaded(u64, Result<Bytes, SourceError>),
}

impl RangeReader {
    pub(super) fn new(
        source: Arc<dyn PayloadSource>,
        lease: Arc<Lease>,
        offset: u64,
        length: u64,
    ) -> Result<Self, OutOfRange> {
        let size = source.size();
        let end = offset
            .checked_add(length)
            .filter(|end| *end <= size)
            .ok_or(OutOfRange {
                offset,
                length,
                size,
            })?;
        lease.opened(offset);
        Ok(Self {
            source,
            lease,
            position: offset,
            end,
            current: None,
            next: Next::Nothing,
            wait: None,
            allowance: Allowance::Bytes(0),
        })
    }

    pub(super) fn lease(&self) -> &Lease {
        &self.lease
    }

    /// Bytes not returned yet.
    pub(super) fn remaining(&self) -> u64 {
        self.end - self.position
    }

    /// Waits until [`take`](Self::take) returns something: bytes, the end or an error.
    pub(super) fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.remaining() == 0 {
            return Poll::Ready(());
        }
        let wanted = self.position / BLOCK_SIZE;
        if !self.holds(wanted) && !matches!(self.next, Next::Loaded(block, _) if block == wanted) {
            match self.source.cached(wanted) {
                Some(bytes) => self.next = Next::Loaded(wanted, Ok(bytes)),
                None => {
                    self.start(wanted);
                    if self.poll_next(context).is_pending() {
                        if self.wait.is_none() {
                            self.wait = Some(self.lease.wait_for_source());
                        }
                        return Poll::Pending;
                    }
                }
            }
        }
        self.wait = None;
        self.poll_allowance(context)
    }

    /// The next at most `limit` bytes, as far as they are at hand: `None` if
    /// [`poll_ready`](Self::poll_ready) has to be asked first, or at the end of the range.
    pub(super) fn take(&mut self, limit: usize) -> Option<Result<Bytes, SourceError>> {
        if self.remaining() == 0 {
            return None;
        }
        let wanted = self.position / BLOCK_SIZE;
        if !self.holds(wanted) {
            let bytes = match mem::replace(&mut self.next, Next::Nothing) {
                Next::Loaded(block, result) if block == wanted => result,
                other @ (Next::Nothing | Next::Loading(..) | Next::Loaded(..)) => {
                    self.next = other;
                    Ok(self.source.cached(wanted)?)
                }
            };
            match bytes.and_then(|bytes| self.checked(wanted, bytes)) {
                Ok(bytes) => self.current = Some((wanted, bytes)),
                Err(error) => {
                    // Kept, so that a reader that asks again never gets past it.
                    self.next = Next::Loaded(wanted, Err(error.clone()));
                    self.lease.source_failed(error.clone());
                    return Some(Err(error));
                }
            }
            self.read_ahead(wanted + 1);
        }
        let (_, block) = self.current.as_ref()?;
        let start = (self.position % BLOCK_SIZE) as usize;
        let most = self.remaining().min(self.allowed()?);
        let length = (block.len() - start)
            .min(limit)
            .min(usize::try_from(most).unwrap_or(usize::MAX));
        let bytes = block.slice(start..start + length);
        self.position += length as u64;
        if !self.holds(self.position / BLOCK_SIZE) || self.remaining() == 0 {
            self.current = None;
        }
        if let Allowance::Bytes(allowed) = &mut self.allowance {
            *allowed = allowed.saturating_sub(length as u64);
        }
        self.lease.took(length);
        Some(Ok(bytes))
    }

    /// What may be taken now; none if the bounds have to be asked first.
    fn allowed(&self) -> Option<u64> {
        match &self.allowance {
            _ if self.lease.terms().throttles.is_empty() => Some(u64::MAX),
            Allowance::Bytes(0) | Allowance::Later { .. } => None,
            Allowance::Bytes(bytes) => Some(*bytes),
        }
    }

    fn poll_allowance(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Allowance::Bytes(0) = self.allowance
            && let Some((bytes, from, timers)) =
                throttle::reserve(&self.lease.terms().throttles, self.end - self.position)
        {
            if from <= Instant::now() {
                self.allowance = Allowance::Bytes(bytes);
                return Poll::Ready(());
            }
            let _on_timers = timers.enter();
            let sleep = Box::pin(tokio::time::sleep_until(from.into()));
            self.allowance = Allowance::Later {
                bytes,
                sleep,
                _throttled: self.lease.throttled(),
            };
        }
        if let Allowance::Later { bytes, sleep, .. } = &mut self.allowance {
            let bytes = *bytes;
            ready!(sleep.as_mut().poll(context));
            self.allowance = Allowance::Bytes(bytes);
        }
        Poll::Ready(())
    }

    fn holds(&self, block: u64) -> bool {
        matches!(self.current, Some((held, _)) if held == block)
    }

    fn read_ahead(&self, block: u64) {
        if block * BLOCK_SIZE < self.end {
            self.source.read_ahead(block);
        }
    }

    fn start(&mut self, block: u64) {
        if matches!(self.next, Next::Loading(loading, _) if loading == block) {
            return;
        }
        let source = Arc::clone(&self.source);
        self.next = Next::Loading(block, Box::pin(async move { source.load(block).await }));
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Next::Loading(block, load) = &mut self.next {
            let block = *block;
            let result = ready!(load.as_mut().poll(context));
            self.next = Next::Loaded(block, result);
        }
        Poll::Ready(())
    }

    /// A block of another length than its place demands would shift everything after it.
    fn checked(&self, block: u64, bytes: Bytes) -> Result<Bytes, SourceError> {
        let length = (self.source.size() - block * BLOCK_SIZE).min(BLOCK_SIZE);
        if bytes.len() as u64 == length {
            Ok(bytes)
        } else {
            Err(SourceError::Unavailable(format!(
                "block {block} has {} bytes instead of {length}",
                bytes.len()
            )))
        }
    }
}
