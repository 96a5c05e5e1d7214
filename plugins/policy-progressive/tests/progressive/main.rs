//! The policy through its public surface, as the host uses it.

mod approvals;
mod fallen;
mod fleet;
mod gates;
mod growth;
mod laws;
mod memos;
mod orders;
mod quarantine;
mod readme;
mod rechecks;
mod refusals;
mod scenarios;
mod signals;
mod sizes;
mod stops;

use proptest::test_runner::Config;
use windlass_policy_progressive::Progressive;

/// How often each law is tried: `PROPTEST_CASES` times.
fn cases() -> Config {
    Config::default()
}
