//! Whether a cohort has done well enough for the next one to open.

use windlass_sdk::CohortView;

use crate::kinds::Kinds;
use crate::plan::Gate;
use crate::settings::OnFailure;
use crate::share::Share;

/// How the gate of a cohort stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Met,
    /// Devices still run or are still to start.
    Working,
    /// Only deferred devices are left, and they could still make it.
    Waiting,
    /// Too few succeeded, whatever becomes of the rest, and that has consequences now.
    NotMet,
    /// Nothing is left that could be judged, and too little was.
    Inconclusive,
}

/// What a gate counts of its cohort.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) size: u64,
    pub(crate) ended: u64,
    pub(crate) deferred: u64,
    pub(crate) succeeded: u64,
    /// Succeeded, or failed in a way that counts: failures of ours, and devices that
    /// were skipped or cancelled, say nothing.
    pub(crate) judged: u64,
    /// Failed in whatever way.
    failed: u64,
}

impl Tally {
    pub(crate) fn of(cohort: &CohortView, kinds: Kinds) -> Self {
        Self {
            size: cohort.size,
            ended: cohort.ended,
            deferred: cohort.states.deferred,
            succeeded: cohort.states.succeeded,
            judged: cohort
                .states
                .succeeded
                .saturating_add(kinds.count(&cohort.failures)),
            failed: cohort.failures.iter().map(|failure| failure.count).sum(),
        }
    }

    /// Devices that run or may start now.
    fn working(&self) -> u64 {
        self.size
            .saturating_sub(self.ended)
            .saturating_sub(self.deferred)
    }
}

impl Gate {
    pub(crate) fn standing(&self, tally: &Tally) -> Standing {
        // A cohort without devices has nothing to wait for.
        if tally.size == 0 {
            return Standing::Met;
        }
        let sampled = tally.judged >= self.sample(tally);
        let succeeding = self
            .success_rate
            .is_none_or(|rate| tally.succeeded >= rate.of(tally.judged));
        if self.settled(tally) && sampled && succeeding {
            return Standing::Met;
        }
        if tally.working() > 0 && !(self.gives_up_at_once() && self.is_out_of_reach(tally)) {
            return Standing::Working;
        }
        match (self.is_out_of_reach(tally), tally.deferred) {
            (true, _) => Standing::NotMet,
            (false, 0) => Standing::Inconclusive,
            (false, _) => Standing::Waiting,
        }
    }

    /// How many devices must have ended at the least before it can be met.
    pub(crate) fn ends_wanted(&self, tally: &Tally) -> u64 {
        let settled = match self.quorum {
            Some(quorum) => quorum.of(tally.size),
            None => tally.size.saturating_sub(tally.deferred).max(1),
        };
        let sampled = tally.ended + self.sample(tally).saturating_sub(tally.judged);
        settled.max(sampled).min(tally.size)
    }

    /// How many devices must succeed at the least before it can be met.
    pub(crate) fn successes_wanted(&self, tally: &Tally) -> Option<u64> {
        let missing = self.success_rate?.missing(tally.succeeded, tally.judged)?;
        (missing > 0).then_some(tally.succeeded + missing)
    }

    /// How many devices, of whatever kind of failure, must have failed at the least
    /// before it is given up at once.
    pub(crate) fn failures_wanted(&self, tally: &Tally) -> Option<u64> {
        let rate = self.success_rate.filter(|_| self.gives_up_at_once())?;
        let judgeable = tally
            .size
            .saturating_sub(tally.ended.saturating_sub(tally.judged));
        let allowed = judgeable.saturating_sub(rate.of(judgeable));
        let counted = tally.judged.saturating_sub(tally.succeeded);
        let more = (allowed + 1).saturating_sub(counted).max(1);
        Some(tally.failed.saturating_add(more))
    }

    /// Whether the rate is missed even if all that have not ended succeed.
    fn is_out_of_reach(&self, tally: &Tally) -> bool {
        let left = tally.size.saturating_sub(tally.ended);
        self.success_rate.is_some_and(|rate| {
            rate.missing(tally.succeeded, tally.judged)
                .is_none_or(|missing| missing > left)
        })
    }

    /// A hold is for a person to look at, so what runs is left to come to its end first.
    fn gives_up_at_once(&self) -> bool {
        match self.on_failure {
            OnFailure::Pause | OnFailure::Abort | OnFailure::RollBack => true,
            OnFailure::Hold => false,
        }
    }

    fn settled(&self, tally: &Tally) -> bool {
        match self.quorum {
            Some(quorum) => tally.ended >= quorum.of(tally.size),
            None => tally.working() == 0 && tally.ended > 0,
        }
    }

    /// Without a rate nothing is judged.
    fn sample(&self, tally: &Tally) -> u64 {
        self.success_rate
            .map_or(0, |_: Share| self.min_sample.min(tally.size))
    }
}
