use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use wasmtime::Engine;

use crate::{
    contract::{DeliveryContract, FilterContract, PolicyContract},
    egress::Egress,
    engine::Ticker,
    guest::{MemoryPool, OpenedId, Slots},
    limits::Limits,
    runtimes::Runtimes,
};

/// What all plugins of a host share. It lives as long as any of them.
pub(crate) struct Shared {
    pub(crate) engine: Engine,
    pub(crate) limits: Limits,
    pub(crate) runtimes: Runtimes,
    pub(crate) egress: Arc<Egress>,
    pub(crate) memory: Arc<MemoryPool>,
    pub(crate) filters: [Arc<Slots<FilterContract>>; 1],
    pub(crate) policies: [Arc<Slots<PolicyContract>>; 1],
    /// First the places for probes and verifications, which must not wait for transfers of
    /// hours; then those for pushes, as many as the configured concurrency.
    pub(crate) deliveries: [Arc<Slots<DeliveryContract>>; 2],
    pub(crate) numbers: Numbers,
    pub(crate) _ticker: Ticker,
}

/// Numbers that are given out once in a process.
#[derive(Default)]
pub(crate) struct Numbers(AtomicU64);

impl Numbers {
    /// A name for something that was opened.
    pub(crate) fn opened(&self) -> OpenedId {
        OpenedId(self.next())
    }

    /// A generation for a lease.
    pub(crate) fn generation(&self) -> u64 {
        self.next()
    }

    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed)
    }
}
