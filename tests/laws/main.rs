//! The laws of every built-in policy through its compiled component (issue 4).
//!
//! They are the policies' own: the same `laws.rs` that `cargo test -p windlass-policy-rate` runs
//! natively is compiled here against a policy that asks the component, in an instance that is
//! kept, or in a fresh one where a law opens the policy anew. [`composed`] puts several policies
//! together as the core does.
//!
//! `PROPTEST_CASES` says how often laws are tried natively, 256 times without it; here every
//! [`SHARE`]th of that, as a call into a component costs a hundred native ones.

mod compiled;
mod composed;
mod convert;
mod progressive;
mod rate;
mod window;

use proptest::test_runner::Config;

/// The share of a native law's cases that it is tried with here.
const SHARE: u32 = 8;

/// How often each law is tried.
fn cases() -> Config {
    let native = Config::default();
    Config {
        cases: native.cases.div_ceil(SHARE),
        ..native
    }
}
