use serde::{Deserialize, Serialize};

use crate::{AssignmentId, CohortIndex, Timestamp};

/// A round in which the succeeded devices of a cohort are asked again what they run
/// (design §7.12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recheck {
    /// When it began.
    pub began: Timestamp,
    /// When it was over; none while it goes on.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ended: Option<Timestamp>,
    /// Devices that run the release.
    pub confirmed: u64,
    /// Devices that ran another version, and have failed.
    pub regressed: u64,
    /// Devices of which nobody knows; they stay succeeded.
    pub unconfirmed: u64,
}

impl Recheck {
    /// One that begins now.
    pub fn begin(now: Timestamp) -> Self {
        Self {
            began: now,
            ended: None,
            confirmed: 0,
            regressed: 0,
            unconfirmed: 0,
        }
    }
}

/// A policy's wish that the succeeded devices of a cohort be verified again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecheckWish {
    /// Of which cohort.
    pub cohort: CohortIndex,
    /// In a round that begins at this instant or later.
    pub since: Timestamp,
}

/// How far a round has come that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rechecking {
    /// Of which cohort.
    pub cohort: CohortIndex,
    /// What became of the devices up to this one is counted; none: of nobody.
    pub after: Option<AssignmentId>,
}
