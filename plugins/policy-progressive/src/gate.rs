//! Whether a cohort has done well enough for the next one to open.

use windlass_sdk::{CohortView, FailureKind};

use crate::plan::Gate;
use crate::share::Share;

/// How the gate of a cohort stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    Met,
    /// Devices still run or are still to start.
    Working,
    /// Only deferred devices are left, and they could still make it.
    Waiting,
    /// Too few succeeded, whatever becomes of the rest.
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
    /// Succeeded, or failed by the device's or the network's doing: failures of
    /// ours, and devices that were skipped or cancelled, say nothing.
    pub(crate) judged: u64,
}

impl Tally {
    pub(crate) fn of(cohort: &CohortView) -> Self {
        let failed: u64 = cohort
            .failures
            .iter()
            .filter(|failure| !is_ours(failure.kind))
            .map(|failure| failure.count)
            .sum();
        Self {
            size: cohort.size,
            ended: cohort.ended,
            deferred: cohort.states.deferred,
            succeeded: cohort.states.succeeded,
            judged: cohort.states.succeeded.saturating_add(failed),
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
        if tally.working() > 0 {
            return Standing::Working;
        }
        let missing = self
            .success_rate
            .map_or(Some(0), |rate| rate.missing(tally.succeeded, tally.judged));
        let reachable = missing.is_some_and(|missing| missing <= tally.deferred);
        match (reachable, tally.deferred) {
            (false, _) => Standing::NotMet,
            (true, 0) => Standing::Inconclusive,
            (true, _) => Standing::Waiting,
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

/// Whether the engine or a plugin is to blame.
pub(crate) fn is_ours(kind: FailureKind) -> bool {
    match kind {
        FailureKind::Plugin | FailureKind::Source | FailureKind::Shutdown => true,
        FailureKind::Unreachable
        | FailureKind::TimedOut
        | FailureKind::Rejected
        | FailureKind::Unauthorized
        | FailureKind::Incompatible
        | FailureKind::Corrupt
        | FailureKind::Busy
        | FailureKind::DeviceError
        | FailureKind::Interrupted
        | FailureKind::Silent
        | FailureKind::Regressed
        | FailureKind::Other => false,
    }
}

/// Whether the network is to blame.
pub(crate) fn is_network(kind: FailureKind) -> bool {
    matches!(
        kind,
        FailureKind::Unreachable | FailureKind::TimedOut | FailureKind::Interrupted
    )
}
