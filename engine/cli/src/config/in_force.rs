use super::{DEFAULT_CONCURRENCY, EngineSection};
use crate::diagnostic::Diagnostic;

impl EngineSection {
    /// What to say of another configuration's `[engine]`, whose rollout is driven by an engine
    /// that was started with this one: the keys that it sets to something else.
    pub fn not_in_force(&self, other: &Self) -> Option<Diagnostic> {
        let says = other.concurrency.get() != DEFAULT_CONCURRENCY;
        let keys: Vec<_> = [
            ("concurrency", says && other.concurrency != self.concurrency),
            (
                "retries_per_minute",
                other.retries_per_minute.is_some()
                    && other.retries_per_minute != self.retries_per_minute,
            ),
            (
                "bandwidth",
                other.bandwidth.is_some() && other.bandwidth != self.bandwidth,
            ),
            (
                "limits",
                !other.limits.is_empty() && other.limits != self.limits,
            ),
        ]
        .into_iter()
        .filter(|(_, differs)| *differs)
        .map(|(key, _)| format!("`{key}`"))
        .collect();
        if keys.is_empty() {
            return None;
        }
        let warning = format!("[engine] is not in force here: {}", keys.join(", "));
        Some(
            Diagnostic::warning(warning)
                .note("the rollout is driven by an engine that runs already, with its own limits")
                .help("to change them, stop that engine and start it with this [engine]"),
        )
    }
}
