//! What the policy sees, over the course of a rollout.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use windlass_model::{CohortView, FailureKind, StateCounts, StateKind, Timestamp, View};

/// Devices in each of the three cohorts.
const SIZE: u64 = 1_000_000;
/// When it began.
pub(crate) const START: Timestamp = Timestamp(1_700_000_000_000);

/// With everything that costs time at each decision.
pub(crate) fn settings() -> Value {
    json!({
        "cohorts": [
            { "name": "cohort-0", "percent": 33, "success_rate": 0.9, "soak": "1h" },
            { "name": "cohort-1", "percent": 66, "success_rate": 0.9 },
            { "name": "cohort-2" },
        ],
        "abort": { "rate": 0.2 },
    })
}

/// After `decided` of `count` decisions.
pub(crate) fn view(decided: u64, count: u64) -> View {
    let all = 3 * SIZE * decided / count.max(1);
    let now = START.plus(Duration::from_secs(decided));
    let cohort = |index: u64| {
        let ended = all.saturating_sub(index * SIZE).min(SIZE);
        let failed = ended / 50;
        let at_work = (SIZE - ended).min(if ended > 0 { 500 } else { 0 });
        let mut states = StateCounts::default();
        *states.get_mut(StateKind::Pending) = SIZE - ended - at_work;
        *states.get_mut(StateKind::Transferring) = at_work;
        *states.get_mut(StateKind::Succeeded) = ended - failed;
        *states.get_mut(StateKind::DeadLettered) = failed;
        let failures = BTreeMap::from([
            (FailureKind::DeviceError, failed / 2),
            (FailureKind::Unreachable, failed - failed / 2),
        ]);
        CohortView {
            name: format!("cohort-{index}"),
            size: SIZE,
            states,
            started: ended + at_work,
            in_progress: at_work,
            ended,
            first_failures: failures.clone(),
            failures,
            first_started: (ended > 0).then_some(START),
            last_ended: (ended > 0).then_some(now),
            recheck: None,
        }
    };
    View {
        now,
        started_at: START,
        paused_for: Duration::ZERO,
        cohorts: (0..3).map(cohort).collect(),
        starts_last_minute: 40,
        approvals: Vec::new(),
        advances: Vec::new(),
        signals: Vec::new(),
    }
}
