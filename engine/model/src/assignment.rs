use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    AssignmentId, AttemptId, CohortIndex, DeviceId, DeviceKey, Failure, FailureKind, Reason,
    Timestamp,
};

/// Where one device of one rollout stands. Exactly one state at a time; the rules of
/// movement are in `windlass-core`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AssignmentState {
    /// Not looked at yet.
    Pending,
    /// Looked at and put off.
    Deferred(Deferral),
    /// May start; waits for a transfer slot.
    Admitted,
    /// A push is under way.
    Transferring(AttemptId),
    /// The device will fetch the release itself, until the deadline.
    Offered {
        /// The attempt that made the offer.
        attempt: AttemptId,
        /// When silence becomes a failure.
        deadline: Timestamp,
    },
    /// The device took all bytes and is asked what it runs.
    Verifying(AttemptId),
    /// The attempt's outcome was lost; nothing is pushed until the device tells.
    Settling(AttemptId),
    /// An attempt failed; the next may start then.
    Waiting {
        /// When.
        retry_at: Timestamp,
    },
    /// The attempt is being stopped.
    Cancelling(AttemptId),
    /// Runs the release.
    Succeeded,
    /// Ended by a failure that no retry mends.
    Failed(FailureKind),
    /// The device refused the release.
    Rejected,
    /// Rightly left alone.
    Skipped(SkipReason),
    /// Ended by an abort or a person.
    Cancelled,
    /// A newer rollout took the device over.
    Superseded,
    /// Its attempts are used up; waits for a person.
    DeadLettered(FailureKind),
}

/// What a deferred device waits for. Both may be set: then both must be fulfilled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deferral {
    /// Not before this instant; for a device that must connect, when it is probed next.
    pub until: Timestamp,
    /// Only when the device is known to be connected.
    pub needs_connection: bool,
}

/// Why a device was rightly left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SkipReason {
    /// It runs the release already.
    AlreadyCurrent,
    /// It no longer matches the filter.
    NoLongerMatches,
    /// It runs a newer version, and the rollout does not allow downgrades.
    WouldDowngrade,
    /// It is offline, and the rollout skips such devices.
    Offline,
    /// A policy said never.
    Policy,
    /// A person excluded it.
    Excluded,
}

/// [`AssignmentState`] without its data: the 16 words that counts, tables and queries use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
#[expect(missing_docs, reason = "documented at AssignmentState")]
pub enum StateKind {
    Pending,
    Deferred,
    Admitted,
    Transferring,
    Offered,
    Verifying,
    Settling,
    Waiting,
    Cancelling,
    Succeeded,
    Failed,
    Rejected,
    Skipped,
    Cancelled,
    Superseded,
    DeadLettered,
}

impl StateKind {
    /// Every kind, in declaration order.
    pub const ALL: [Self; 16] = [
        Self::Pending,
        Self::Deferred,
        Self::Admitted,
        Self::Transferring,
        Self::Offered,
        Self::Verifying,
        Self::Settling,
        Self::Waiting,
        Self::Cancelling,
        Self::Succeeded,
        Self::Failed,
        Self::Rejected,
        Self::Skipped,
        Self::Cancelled,
        Self::Superseded,
        Self::DeadLettered,
    ];

    /// Its word in logs, tables and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Deferred => "deferred",
            Self::Admitted => "admitted",
            Self::Transferring => "transferring",
            Self::Offered => "offered",
            Self::Verifying => "verifying",
            Self::Settling => "settling",
            Self::Waiting => "waiting",
            Self::Cancelling => "cancelling",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Rejected => "rejected",
            Self::Skipped => "skipped",
            Self::Cancelled => "cancelled",
            Self::Superseded => "superseded",
            Self::DeadLettered => "dead-lettered",
        }
    }

    /// Whether it is final.
    pub fn is_ended(self) -> bool {
        self >= Self::Succeeded
    }

    /// Whether it counts against [`Ceiling::in_progress`](crate::Ceiling::in_progress), as the
    /// table of `windlass-core` has it too.
    pub fn counts_in_progress(self) -> bool {
        Self::Transferring <= self && self <= Self::Cancelling
    }

    /// The failure that an assignment in this state counts for, by that of its last attempt.
    pub fn failed_by(self, last: Option<FailureKind>) -> Option<FailureKind> {
        match self {
            Self::Failed | Self::Rejected | Self::DeadLettered => {
                Some(last.unwrap_or(FailureKind::Other))
            }
            Self::Pending
            | Self::Deferred
            | Self::Admitted
            | Self::Transferring
            | Self::Offered
            | Self::Verifying
            | Self::Settling
            | Self::Waiting
            | Self::Cancelling
            | Self::Succeeded
            | Self::Skipped
            | Self::Cancelled
            | Self::Superseded => None,
        }
    }
}

impl AssignmentState {
    /// The state without its data.
    pub fn kind(&self) -> StateKind {
        match self {
            Self::Pending => StateKind::Pending,
            Self::Deferred(_) => StateKind::Deferred,
            Self::Admitted => StateKind::Admitted,
            Self::Transferring(_) => StateKind::Transferring,
            Self::Offered { .. } => StateKind::Offered,
            Self::Verifying(_) => StateKind::Verifying,
            Self::Settling(_) => StateKind::Settling,
            Self::Waiting { .. } => StateKind::Waiting,
            Self::Cancelling(_) => StateKind::Cancelling,
            Self::Succeeded => StateKind::Succeeded,
            Self::Failed(_) => StateKind::Failed,
            Self::Rejected => StateKind::Rejected,
            Self::Skipped(_) => StateKind::Skipped,
            Self::Cancelled => StateKind::Cancelled,
            Self::Superseded => StateKind::Superseded,
            Self::DeadLettered(_) => StateKind::DeadLettered,
        }
    }
}

/// One device in one rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct Assignment {
    /// Its row; ascending ids of a rollout are ascending ranks.
    pub id: AssignmentId,
    /// Its device's row.
    pub device: DeviceKey,
    /// Its device's name, for events.
    pub device_id: DeviceId,
    /// Its cohort; never changes.
    pub cohort: CohortIndex,
    /// Where it stands.
    pub state: AssignmentState,
    /// Attempts that were started, including those that ended through our own fault.
    pub started_attempts: u32,
    /// Attempts that count against `retry.attempts`: started ones less those that ended
    /// through our own fault, and tries that ended before a push because a device that
    /// had taken the release was silent.
    pub counted_attempts: u32,
    /// The kind of failure of the first counted attempt, if that failed.
    pub first_failure: Option<FailureKind>,
    /// The newest failure and when it was.
    pub last_failure: Option<(FailureKind, Timestamp)>,
    /// When the attempt in hand was started; its deadline is counted from here.
    pub attempt_started: Option<Timestamp>,
    /// A person excluded it while its attempt was under way: if that fails, there is none
    /// after it.
    pub excluded: bool,
    /// Why it was put off, if it is deferred, or waits longer than its failure asks for. Of
    /// other states it is not kept.
    pub blocker: Option<Box<Reason>>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AttemptOutcome {
    /// The device took all bytes.
    Delivered,
    /// The device will fetch by itself; the text names the offer in its protocol.
    Offered(String),
    /// It failed.
    Failed(Failure),
    /// It was stopped on purpose.
    Cancelled,
}

/// What a device said of the version it runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// The release.
    RunsRelease,
    /// This other version.
    RunsOther(String),
    /// Installing or rebooting; ask again.
    Busy,
    /// It never tells.
    CannotTell,
}

/// How an assignment is retried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetrySettings {
    /// Tries in total, at least 1.
    pub attempts: u32,
    /// Upper bound of the first wait; each further one doubles. The wait is drawn
    /// evenly between zero and the bound (full jitter).
    pub backoff: Duration,
    /// No bound grows beyond this.
    pub max_backoff: Duration,
}
