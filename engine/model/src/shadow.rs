use serde::{Deserialize, Serialize};

use crate::{
    AssignmentId, Cohort, CohortIndex, CohortView, Comparison, DecisionRecord, FailureKind,
    PluginPin, StateKind, Timestamp,
};

/// Policies in shadow that one rollout may have. Each costs a call whenever the policies in
/// force are asked, and two bytes a target in memory.
pub const SHADOWS_MAX: usize = 4;

/// In which cohort of a shadow each assignment of a rollout is: two bytes each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    /// The assignment of the first rank.
    pub first: AssignmentId,
    /// The cohort of each, by rank; those of later ranks joined since, and are in the last.
    pub cohorts: Vec<u16>,
    /// The last cohort.
    pub last: CohortIndex,
}

impl Members {
    /// The cohort of an assignment.
    pub fn cohort(&self, assignment: AssignmentId) -> CohortIndex {
        usize::try_from(assignment.0 - self.first.0)
            .ok()
            .and_then(|rank| self.cohorts.get(rank))
            .map_or(self.last, |cohort| CohortIndex(u32::from(*cohort)))
    }
}

/// Who wanted a policy in shadow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShadowOrigin {
    /// The configuration lists it.
    Configuration,
    /// A person, by command.
    Person,
}

/// Why a policy is in shadow no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShadowEnd {
    /// A person removed it.
    Person,
    /// The configuration lists it no longer, or with another component or other settings.
    Configuration,
    /// It is in force now.
    InForce,
}

/// A policy to be put in shadow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewShadow {
    /// Its identity.
    pub pin: PluginPin,
    /// Who wanted it.
    pub origin: ShadowOrigin,
    /// Where the targets are by its cohorts, or why it could not place them.
    pub placed: Result<ShadowPlaces, String>,
}

/// Where the targets of a rollout are by the cohorts of a shadow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShadowPlaces {
    /// The cohorts; their sizes add up to the targets placed.
    pub cohorts: Vec<Cohort>,
    /// The cohort of each target, by rank.
    pub members: Vec<u16>,
}

/// Which assignments the counts of a shadow's cohorts cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covered {
    /// All of them.
    All,
    /// Those before this one. The rest is still to be read.
    Before(AssignmentId),
}

impl Covered {
    /// Whether this assignment is among them.
    pub fn covers(self, assignment: AssignmentId) -> bool {
        match self {
            Self::All => true,
            Self::Before(bound) => assignment < bound,
        }
    }
}

/// What of an assignment counts in a cohort.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tallied {
    /// Its state.
    pub state: StateKind,
    /// Whether its first attempt was started.
    pub started: bool,
    /// How its first attempt failed, if it did.
    pub first_failure: Option<FailureKind>,
    /// How the last one that failed did.
    pub last_failure: Option<FailureKind>,
}

/// An assignment that a new shadow is to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TalliedTarget {
    /// Which.
    pub id: AssignmentId,
    /// What counts of it.
    pub tallied: Tallied,
    /// When its first attempt was started, if one was.
    pub first_started: Option<Timestamp>,
    /// When it ended, if it has. Of one that ended without an attempt it is only known that it
    /// did so before the last end in its rollout.
    pub ended: Option<Timestamp>,
}

/// A policy in shadow as `core` takes it up.
#[derive(Clone, Debug, PartialEq)]
pub struct ShadowSnapshot {
    /// Its row.
    pub key: crate::ShadowKey,
    /// Its identity.
    pub pin: PluginPin,
    /// Counts by its own cohorts, in order.
    pub cohorts: Vec<CohortView>,
    /// What they cover.
    pub covered: Covered,
    /// In which of them each assignment is.
    pub members: Members,
    /// Its newest decision, if it took one.
    pub decision: Option<DecisionRecord>,
    /// How it compared so far.
    pub comparison: Comparison,
}

/// Something to be kept of a policy in shadow.
#[derive(Clone, Debug, PartialEq)]
pub enum ShadowChange {
    /// It answered.
    Decided(Box<DecisionRecord>),
    /// It answered again what its newest recorded decision says.
    Repeated {
        /// So many times.
        times: u64,
        /// The last of them.
        last: Timestamp,
    },
    /// How it compares by now.
    Compared(Box<Comparison>),
    /// When one of its cohorts first started and last ended a device.
    Times {
        /// Which.
        cohort: CohortIndex,
        /// First start.
        first_started: Option<Timestamp>,
        /// Last end.
        last_ended: Option<Timestamp>,
    },
}
