use serde::{Deserialize, Serialize};

use crate::{Reason, Timestamp, Verdict};

/// What policies would allow at one moment, told so that policies with other cohorts can be
/// compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stance {
    /// The most severe verdict.
    pub verdict: Verdict,
    /// Devices that may have been started in total, over all cohorts; under any verdict but
    /// `continue` those that were.
    pub starts: u64,
    /// Devices that may be in progress at once, over all cohorts; none under any verdict but
    /// `continue`.
    pub in_progress: u64,
    /// Why; at most [`Stance::REASONS_MAX`].
    pub reasons: Vec<Reason>,
}

impl Stance {
    /// Reasons kept of an answer: a report is read by people.
    pub const REASONS_MAX: usize = 4;
}

/// How a policy in shadow compares with the policies in force, over all moments at which both
/// answered.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Comparison {
    /// Moments compared.
    pub moments: u64,
    /// Those at which verdict, starts and devices in progress were the same.
    pub agreed: u64,
    /// Those at which the verdict was another.
    pub verdict_differed: u64,
    /// Those at which another number of starts was allowed.
    pub starts_differed: u64,
    /// Those at which another number of devices was allowed to be in progress.
    pub in_progress_differed: u64,
    /// The first moment compared.
    pub since: Option<Timestamp>,
    /// The last moment compared.
    pub until: Option<Timestamp>,
    /// Devices that had been started at the last moment.
    pub started: u64,
    /// Where the starts allowed differed most, the earliest of several.
    pub largest_starts: Option<Difference>,
    /// Where the devices in progress allowed differed most, the earliest of several.
    pub largest_in_progress: Option<Difference>,
    /// The stretches of time in which the verdicts differed, the oldest first; at most
    /// [`Comparison::STRETCHES_MAX`].
    pub stretches: Vec<Stretch>,
    /// Stretches beyond those.
    pub further_stretches: u64,
    /// The verdicts of the stretch under way, in force and of the shadow, if it is one of those.
    pub beyond: Option<(Verdict, Verdict)>,
    /// When the shadow first gave each verdict but `continue`, by rising severity.
    pub shadow_firsts: Vec<First>,
    /// The same of the policies in force.
    pub in_force_firsts: Vec<First>,
    /// Calls of the shadow that failed.
    pub failed: u64,
    /// The last of them.
    pub last_failure: Option<CallFailure>,
}

impl Comparison {
    /// Stretches kept: what a person reads, and a few kilobytes.
    pub const STRETCHES_MAX: usize = 64;
}

/// A moment at which the answers differed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// When.
    pub at: Timestamp,
    /// What the policies in force allowed.
    pub in_force: Stance,
    /// What the shadow would have allowed.
    pub shadow: Stance,
}

/// A stretch of time in which the verdicts differed in one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// The first moment.
    pub from: Timestamp,
    /// The first moment after it; none if it was the same to the last.
    pub until: Option<Timestamp>,
    /// Of the policies in force.
    pub in_force: Verdict,
    /// Of the shadow.
    pub shadow: Verdict,
}

/// The first moment of a verdict.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct First {
    /// Which.
    pub verdict: Verdict,
    /// When.
    pub at: Timestamp,
    /// Devices that had been started by then.
    pub started: u64,
    /// Why.
    pub reasons: Vec<Reason>,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallFailure {
    /// When.
    pub at: Timestamp,
    /// How.
    pub message: String,
}
