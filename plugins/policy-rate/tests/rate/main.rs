//! The policy through its public surface, as the host uses it.

mod aborts;
mod clocks;
mod cohorts;
mod fallen;
mod fleet;
mod laws;
mod ramps;
mod refusals;

use proptest::test_runner::Config;
use windlass_policy_rate::Rate;

/// How often each law is tried: `PROPTEST_CASES` times.
fn cases() -> Config {
    Config::default()
}
