use std::{num::NonZeroUsize, time::Duration};

/// What guests may use. All numbers are upper bounds; the defaults are those of
/// [`Limits::default`], with their reasons.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Memories and tables of one instance together, in bytes.
    pub instance_memory: usize,
    /// Memories and tables of all instances together, in bytes.
    pub host_memory: usize,
    /// CPU time of one call, before what devices and payload add.
    pub call_cpu: Duration,
    /// CPU time that each device in a batch adds.
    pub device_cpu: Duration,
    /// CPU time that each MiB of payload adds to a push.
    pub payload_cpu: Duration,
    /// Wall time of a call that does no I/O, beyond four times its CPU time.
    pub call_wall: Duration,
    /// Jobs that one delivery instance serves before a fresh one takes its place.
    pub delivery_uses: u32,
}

impl Limits {
    /// The defaults, with memory for so many pushes at once and what goes with them: with
    /// less, a high concurrency would fail the plugins that it is meant for.
    pub fn for_concurrency(concurrency: NonZeroUsize) -> Self {
        let defaults = Self::default();
        // A push, and half a probe or verification beside it.
        let wanted = concurrency.get().saturating_mul(INSTANCE_SHARE * 3 / 2);
        Self {
            host_memory: defaults.host_memory.max(wanted),
            ..defaults
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A Rust guest needs 1 to 2 MiB, a Python or JavaScript guest 3 to 5 MiB.
            instance_memory: 64 << 20,
            // Room for all instances of a busy engine, and still a fraction of a server.
            host_memory: 1 << 30,
            // Starting an interpreter takes milliseconds; a second is a loop.
            call_cpu: Duration::from_secs(1),
            // A compiled filter takes 1 µs a device, an interpreted one 3 to 11 µs.
            device_cpu: Duration::from_micros(200),
            // 20 MiB/s, a tenth of what a slow decompressor does.
            payload_cpu: Duration::from_millis(50),
            // A crowded machine shares its cores; only a deadlock takes this long.
            call_wall: Duration::from_secs(30),
            // Bounds what a leaking guest can gather; a fresh instance costs 22 µs.
            delivery_uses: 1_000,
        }
    }
}

/// Memory that each instance may count on, in bytes.
pub(crate) const INSTANCE_SHARE: usize = 4 << 20;

/// How often the engine's epoch advances: a guest yields at least this often, and is
/// stopped at most this late.
pub(crate) const EPOCH_TICK: Duration = Duration::from_millis(5);

/// Largest component accepted, in bytes. Those with an interpreter inside have 12 to 18 MB.
pub(crate) const COMPONENT_BYTES: usize = 64 << 20;

/// Core instances within one component: an interpreter with its libraries has two dozen.
pub(crate) const CORE_INSTANCES: u32 = 64;

/// Linear memories within one component; composed ones may have one for each part.
pub(crate) const MEMORIES: u32 = 2;

/// Tables within one component: one per module and one for its adapters.
pub(crate) const TABLES: u32 = 16;

/// Elements of one table; an interpreter with its libraries has some ten thousand functions.
pub(crate) const TABLE_ELEMENTS: usize = 1 << 16;

/// What a table element counts for in the sum of a guest's memory.
pub(crate) const TABLE_ELEMENT_BYTES: usize = size_of::<usize>();

/// Bytes that one host call may copy out of a guest. A chunk of payload that a delivery
/// transformed may have 1 MiB; everything else is far smaller.
pub(crate) const HOSTCALL_BYTES: usize = 2 << 20;

/// Bytes that the host copies out of an answer: 65,536 placements with their strata, or as
/// many admissions with their reasons.
pub(crate) const ANSWER_BYTES: usize = 32 << 20;

/// Handles that a guest holds at once; a job needs about ten.
pub(crate) const HANDLES: usize = 128;

/// Random bytes that one call may ask for; a key has 32.
pub(crate) const RANDOM_BYTES: u64 = 4 << 10;

/// Size of an HTTP header block in memory; servers accept 8 to 16 KiB on the wire.
pub(crate) const HTTP_FIELD_BYTES: usize = 32 << 10;

/// What is kept of a guest's stdout and stderr: the last words explain a panic.
pub(crate) const OUTPUT_BYTES: usize = 16 << 10;

/// Longest log line of a guest; longer ones are cut.
pub(crate) const LOG_LINE_BYTES: usize = 4 << 10;

/// Log lines of one call; more are counted and dropped, as a loop writes millions.
pub(crate) const LOG_LINES: u32 = 256;

/// Size of a checkpoint, by contract.
pub(crate) const CHECKPOINT_BYTES: usize = 4 << 10;

/// Size of a policy's memo, by contract.
pub(crate) const MEMO_BYTES: usize = 16 << 10;

/// Reasons of a decision, by contract.
pub(crate) const REASONS: usize = 32;

/// Triggers of a decision, by contract.
pub(crate) const TRIGGERS: usize = 64;

/// Signals that a policy sees, by contract: all of them are in each recorded view.
pub(crate) const SIGNALS: usize = 64;

/// Bytes of a signal's name, as the configuration allows.
pub(crate) const SIGNAL_NAME_BYTES: usize = 256;

/// Cohorts of a rollout: the view holds all of them at every decision.
pub(crate) const COHORTS: usize = 256;

/// Bytes of a cohort's name, by contract.
pub(crate) const COHORT_NAME_BYTES: usize = 64;

/// Facts that a probe may return, by contract.
pub(crate) const FACTS: usize = 32;

/// Devices in one call. The contract allows 65,536; smaller batches let others have a turn,
/// and keep what is copied into a guest at a few MiB.
pub(crate) const BATCH: usize = 4_096;

/// Problems shown of settings that a plugin refused; the rest are consequences.
pub(crate) const PROBLEMS: usize = 64;

/// Parts of an expression that a filter may name when it explains itself; the rest is cut.
pub(crate) const REFUSALS: usize = 32;

/// Bytes of one text that a guest answers with and that is kept or shown.
pub(crate) const TEXT_BYTES: usize = 4 << 10;

/// Maps that a running instance needs: memory, its guards, tables and the stack.
pub(crate) const MAPS_PER_INSTANCE: u64 = 6;

/// Maps that everything else in the process needs: libraries, threads, the allocator.
pub(crate) const MAPS_RESERVE: u64 = 4_096;

/// Descriptors that a job needs: its connection, and one that is being closed.
pub(crate) const FILES_PER_JOB: u64 = 2;

/// Descriptors that everything else needs: the database, payload files, pollers.
pub(crate) const FILES_RESERVE: u64 = 256;

/// Size of the schema that a plugin describes its settings by; large ones have 20 KiB.
pub(crate) const SCHEMA_BYTES: usize = 256 << 10;
