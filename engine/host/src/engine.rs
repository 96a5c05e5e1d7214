//! The one wasmtime engine of the process, and the thread that makes its epoch advance.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

use wasmtime::{Config, Enabled, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::limits::{CORE_INSTANCES, EPOCH_TICK, Limits, MEMORIES, TABLE_ELEMENTS, TABLES};

/// Memory of a freed slot that stays resident and is cleared instead of unmapped: the
/// stack and data of a small guest, at the price of one copy.
const KEEP_RESIDENT: usize = 64 << 10;

/// The configuration that every engine of Windlass is made with: compiled artifacts are
/// valid only between equal configurations.
///
/// Threads, garbage collection and exceptions are not compiled in; what else would give
/// guests more ways to surprise is off. NaNs are canonical and relaxed SIMD is
/// deterministic, because answers of filters and policies are replayed and compared.
pub(crate) fn engine_config(limits: &Limits, instances: u32) -> Config {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES))
        .total_memories(instances.saturating_mul(MEMORIES))
        .total_tables(instances.saturating_mul(TABLES))
        .total_stacks(instances)
        .max_core_instances_per_component(CORE_INSTANCES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(TABLES)
        .max_tables_per_module(TABLES)
        .max_memories_per_module(MEMORIES)
        .table_elements(TABLE_ELEMENTS)
        .max_memory_size(limits.instance_memory)
        .linear_memory_keep_resident(KEEP_RESIDENT)
        .table_keep_resident(KEEP_RESIDENT)
        .pagemap_scan(Enabled::Auto);
    let mut config = Config::new();
    config
        .epoch_interruption(true)
        .wasm_memory64(false)
        .relaxed_simd_deterministic(true)
        .cranelift_nan_canonicalization(true)
        // Reserving 4 GiB a memory would save bounds checks, but not fit the address
        // space of small machines, nor thousands of instances.
        .memory_reservation(limits.instance_memory as u64)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    config
}

/// Advances the engine's epoch. It is a thread of its own because a spinning guest can
/// hold up every timer of the runtime it runs on.
pub(crate) struct Ticker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let engine = engine.weak();
        let thread = std::thread::Builder::new()
            .name("windlass-epoch".into())
            .spawn(move || {
                while !stopped.load(Ordering::Relaxed)
                    && let Some(engine) = engine.upgrade()
                {
                    engine.increment_epoch();
                    drop(engine);
                    std::thread::park_timeout(EPOCH_TICK);
                }
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // It holds no state that a panic could have harmed.
            let _ = thread.join();
        }
    }
}
