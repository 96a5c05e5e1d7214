//! The policy through its public surface, as the host uses it.

mod clocks;
mod decisions;
mod fleet;
mod freezes;
mod laws;
mod readme;
mod refusals;
mod rest;
mod schedules;
mod zones;

use proptest::test_runner::Config;
use windlass_policy_window::Windows;

/// How often each law is tried: `PROPTEST_CASES` times.
fn cases() -> Config {
    Config::default()
}
