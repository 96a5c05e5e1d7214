//! How many devices each cohort holds.

use windlass_sdk::Cohort;

use crate::plan::{Bound, Plan};

/// Cuts `total` devices. Each cohort ends where its bound says, rounded up, or
/// where the one before it ended if that is further; the last holds the rest.
pub(crate) fn cut(plan: &Plan, total: u64) -> Vec<Cohort> {
    let mut start = 0;
    let last = plan.stages.len() - 1;
    let sizes = plan.stages.iter().enumerate().map(|(index, stage)| {
        let bound = match stage.bound {
            Bound::Share(share) => share.of(total),
            Bound::Count(count) => count.min(total),
        };
        let end = if index == last {
            total
        } else {
            bound.max(start)
        };
        let size = end - start;
        start = end;
        Cohort {
            name: stage.name.clone(),
            size,
        }
    });
    sizes.collect()
}
