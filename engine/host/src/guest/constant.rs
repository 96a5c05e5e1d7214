//! The world as filters and policies see it: always the same instant, always the same
//! random numbers. Their answers depend on their arguments alone.

use std::time::Duration;

use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtxBuilder, random::Deterministic};

/// What random numbers are made of; any constant does. Hash tables are seeded with it.
const SEED: u128 = 0x57494e_444c415353;

struct Stopped;

impl HostWallClock for Stopped {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl HostMonotonicClock for Stopped {
    fn resolution(&self) -> u64 {
        1
    }

    fn now(&self) -> u64 {
        0
    }
}

/// Takes clocks and chance out of `builder`.
pub(super) fn make_constant(builder: &mut WasiCtxBuilder) {
    let seed = SEED.to_le_bytes().to_vec();
    builder
        .wall_clock(Stopped)
        .monotonic_clock(Stopped)
        .secure_random(Deterministic::new(seed.clone()))
        .insecure_random(Deterministic::new(seed))
        .insecure_random_seed(SEED);
}
