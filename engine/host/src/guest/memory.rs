use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use wasmtime::ResourceLimiter;

use crate::limits::{CORE_INSTANCES, MEMORIES, TABLE_ELEMENT_BYTES, TABLE_ELEMENTS, TABLES};

/// The memory that all guests of a host share.
pub(crate) struct MemoryPool {
    total: usize,
    used: AtomicUsize,
}

impl MemoryPool {
    pub(crate) fn new(total: usize) -> Arc<Self> {
        Arc::new(Self {
            total,
            used: AtomicUsize::new(0),
        })
    }

    fn take(&self, bytes: usize) -> bool {
        self.used
            .try_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|sum| *sum <= self.total)
            })
            .is_ok()
    }

    fn give_back(&self, bytes: usize) {
        self.used.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Which bound denied a guest more memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryBound {
    /// One instance may not have more than this many bytes.
    Instance(usize),
    /// All instances together may not have more than this many bytes.
    Host(usize),
    /// A table may not have more than this many elements.
    Table(usize),
}

impl fmt::Display for MemoryBound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Instance(bytes) => write!(f, "it may have {} MiB", bytes >> 20),
            Self::Host(bytes) => write!(
                f,
                "the {} MiB that all plugins share are in use",
                bytes >> 20
            ),
            Self::Table(elements) => write!(f, "a table may have {elements} elements"),
        }
    }
}

/// Sums the memories and tables of one store and draws them from the host's pool. Limits
/// per memory alone would let a component with many memories multiply them.
pub(crate) struct MemoryAccount {
    pool: Arc<MemoryPool>,
    limit: usize,
    used: usize,
    denied: Option<MemoryBound>,
}

impl MemoryAccount {
    pub(crate) fn new(pool: Arc<MemoryPool>, limit: usize) -> Self {
        Self {
            pool,
            limit,
            used: 0,
            denied: None,
        }
    }

    /// Bytes in use. Memories never shrink, so it is the peak, too.
    pub(crate) fn used(&self) -> usize {
        self.used
    }

    /// The bound that last denied growth.
    pub(crate) fn denied(&self) -> Option<MemoryBound> {
        self.denied
    }

    fn grow(&mut self, bytes: usize) -> bool {
        let allowed = self
            .used
            .checked_add(bytes)
            .is_some_and(|sum| sum <= self.limit);
        if !allowed {
            self.denied = Some(MemoryBound::Instance(self.limit));
        } else if !self.pool.take(bytes) {
            self.denied = Some(MemoryBound::Host(self.pool.total));
            return false;
        } else {
            self.used += bytes;
        }
        allowed
    }
}

impl Drop for MemoryAccount {
    fn drop(&mut self) {
        self.pool.give_back(self.used);
    }
}

impl ResourceLimiter for MemoryAccount {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.grow(desired.saturating_sub(current)))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if desired > TABLE_ELEMENTS {
            self.denied = Some(MemoryBound::Table(TABLE_ELEMENTS));
            return Ok(false);
        }
        Ok(self.grow(
            desired
                .saturating_sub(current)
                .saturating_mul(TABLE_ELEMENT_BYTES),
        ))
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        TABLES as usize
    }

    fn memories(&self) -> usize {
        MEMORIES as usize
    }
}
