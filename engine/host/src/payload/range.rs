use std::{
    mem,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use futures_util::future::BoxFuture;

use super::{BLOCK_SIZE, PayloadSource, SourceError};
use crate::lease::{Lease, SourceWait};

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

/// Reads a range of a payload block by block, with one block of read-ahead. What it
/// returns are views of the source's blocks.
pub(super) struct RangeReader {
    source: Arc<dyn PayloadSource>,
    lease: Arc<Lease>,
    position: u64,
    end: u64,
    /// The block that holds `position`, once it was needed.
    current: Option<(u64, Bytes)>,
    next: Next,
    /// Held while a reader waits for `next`.
    wait: Option<SourceWait>,
}

/// The block that is being fetched, ahead of need or because of it.
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
        // Progress of the read-ahead only; whether it is done matters at the next block.
        let _ = self.poll_next(context);
        Poll::Ready(())
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
        let length = (block.len() - start)
            .min(limit)
            .min(usize::try_from(self.remaining()).unwrap_or(usize::MAX));
        let bytes = block.slice(start..start + length);
        self.position += length as u64;
        self.lease.took(length);
        Some(Ok(bytes))
    }

    fn holds(&self, block: u64) -> bool {
        matches!(self.current, Some((held, _)) if held == block)
    }

    fn read_ahead(&mut self, block: u64) {
        if block * BLOCK_SIZE < self.end && self.source.cached(block).is_none() {
            self.start(block);
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
