//! Whether too many devices failed, at their first attempt or by falling back after it.

use windlass_sdk::View;

use crate::kinds::Kinds;
use crate::memo::Stopped;
use crate::percent::Percent;
use crate::settings::Action;

#[derive(Clone, Debug)]
pub(crate) struct Criterion {
    pub(crate) kinds: Kinds,
    pub(crate) threshold: Percent,
    pub(crate) min_executed: u64,
    pub(crate) action: Action,
}

/// What a criterion counts, over all cohorts: a bad build is bad wherever it is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    /// Devices whose first attempt failed in a way that counts, or that fell back after it.
    pub(crate) failed: u64,
    /// Those of them that fell back.
    pub(crate) fell_back: u64,
    /// Devices that were started.
    pub(crate) executed: u64,
}

impl Criterion {
    pub(crate) fn tally(&self, view: &View) -> Tally {
        let none = Tally {
            failed: 0,
            fell_back: 0,
            executed: 0,
        };
        view.cohorts.iter().fold(none, |tally, cohort| Tally {
            failed: tally.failed + self.kinds.count(&cohort.first_failures),
            fell_back: tally.fell_back + self.kinds.count_regressed(&cohort.first_failures),
            executed: tally.executed + cohort.started,
        })
    }

    /// Holds at the threshold and above it.
    pub(crate) fn reached(&self, view: &View) -> Option<Stopped> {
        let Tally {
            failed,
            fell_back,
            executed,
        } = self.tally(view);
        let reached = executed >= self.min_executed && failed >= self.threshold.least(executed);
        reached.then(|| Stopped {
            action: self.action,
            failures: self.kinds.name().to_owned(),
            failed,
            fell_back,
            executed,
            threshold: self.threshold,
        })
    }
}

/// What the criteria say together: the most severe action, of the first that
/// asks for it.
pub(crate) fn judge(criteria: &[Criterion], view: &View) -> Option<Stopped> {
    criteria
        .iter()
        .filter_map(|criterion| criterion.reached(view))
        .reduce(|one, next| if next.action > one.action { next } else { one })
}
