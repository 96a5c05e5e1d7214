//! What a policy sees of a rollout that has just begun.

use crate::{CohortView, StateCounts, Timestamp, View};

/// A rollout that starts `now` with these cohorts, of which nothing has happened.
pub fn view<'a>(now: Timestamp, cohorts: impl IntoIterator<Item = (&'a str, u64)>) -> View {
    View {
        now,
        started_at: now,
        paused_for: 0,
        cohorts: cohorts
            .into_iter()
            .map(|(name, size)| cohort(name, size))
            .collect(),
        starts_last_minute: 0,
        approvals: Vec::new(),
        advances: Vec::new(),
        signals: Vec::new(),
    }
}

/// A cohort of pending devices.
pub fn cohort(name: &str, size: u64) -> CohortView {
    CohortView {
        name: name.to_owned(),
        size,
        states: states(|states| states.pending = size),
        started: 0,
        in_progress: 0,
        ended: 0,
        first_failures: Vec::new(),
        failures: Vec::new(),
        first_started: None,
        last_ended: None,
        recheck: None,
    }
}

/// Counts that are 0 but for what `fill` says.
pub fn states(fill: impl FnOnce(&mut StateCounts)) -> StateCounts {
    let mut states = StateCounts {
        pending: 0,
        deferred: 0,
        admitted: 0,
        transferring: 0,
        offered: 0,
        verifying: 0,
        settling: 0,
        waiting: 0,
        cancelling: 0,
        succeeded: 0,
        failed: 0,
        rejected: 0,
        skipped: 0,
        cancelled: 0,
        superseded: 0,
        dead_lettered: 0,
    };
    fill(&mut states);
    states
}
