//! Sessions as whoever simulates sees them: real `core`, policies in plain Rust, fleets that are
//! made up.

mod canary;
mod falls;
mod golden;
mod past;
mod profiles;
mod radius;
mod scenes;
mod sessions;
mod signals;
mod verified;

use proptest::test_runner::Config as ProptestConfig;

/// A case is a whole rollout, lived through twice: a quarter of the cases that others have.
fn whole_rollouts() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig {
        cases: config.cases.div_ceil(4),
        ..config
    }
}
