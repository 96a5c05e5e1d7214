//! The counts at which a threshold could be reached.
//!
//! The host watches cohorts one by one and all kinds of failure together, while
//! a criterion counts some kinds over all cohorts. If `missing` more failures
//! are to come over `n` cohorts, one of them sees at least the `n`th part of
//! `missing`: the trigger is set there, and the decision that it calls for sets
//! it anew. So a threshold is never passed unseen.

use windlass_sdk::{CohortView, Measure, Trigger, View};

use crate::criterion::Criterion;
use crate::deal::startable;

/// Cohorts that are watched, at two triggers each of the 64 that a decision may
/// have. Where more are at work the regular decisions, one a second, do.
const MAX_WATCHED: usize = 32;

pub(crate) fn triggers(criteria: &[Criterion], view: &View) -> Vec<Trigger> {
    let moving: Vec<(u32, &CohortView)> = (0..)
        .zip(&view.cohorts)
        .filter(|(_, cohort)| cohort.in_progress > 0 || startable(cohort) > 0)
        .collect();
    if moving.is_empty() || moving.len() > MAX_WATCHED {
        return Vec::new();
    }
    let part = |missing: u64| missing.div_ceil(moving.len() as u64).max(1);
    let failures = criteria
        .iter()
        .map(|criterion| missing_failures(criterion, view))
        .min();
    let starts = criteria
        .iter()
        .filter_map(|criterion| missing_starts(criterion, view))
        .min();
    let watched = moving.iter().flat_map(|(index, cohort)| {
        let failed: u64 = cohort.first_failures.iter().map(|f| f.count).sum();
        let failures = failures.map(|missing| (Measure::FirstFailed, failed + part(missing)));
        let starts = starts.map(|missing| (Measure::Started, cohort.started + part(missing)));
        let wanted = [failures, starts].into_iter().flatten();
        wanted.map(|(measure, reaches)| Trigger {
            cohort: *index,
            measure,
            reaches,
        })
    });
    watched.collect()
}

/// How many more failures it takes at the least; what the share is of only grows.
fn missing_failures(criterion: &Criterion, view: &View) -> u64 {
    let tally = criterion.tally(view);
    let wanted = criterion
        .threshold
        .least(tally.executed.max(criterion.min_executed));
    wanted.saturating_sub(tally.failed)
}

/// How many more devices must start until enough have, if failures are waiting
/// for just that.
fn missing_starts(criterion: &Criterion, view: &View) -> Option<u64> {
    let tally = criterion.tally(view);
    let short = criterion.min_executed.saturating_sub(tally.executed);
    let enough = tally.failed >= criterion.threshold.least(criterion.min_executed);
    (short > 0 && enough).then_some(short)
}
