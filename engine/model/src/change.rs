use crate::{
    Advance, Approval, Assignment, AssignmentId, AttemptId, AttemptOutcome, CohortIndex,
    DecisionRecord, DeviceKey, Event, Observation, PluginName, Recheck, RolloutKey, RolloutState,
    ShadowChange, ShadowKey, SignalSample, StateKind, Timestamp,
};
use std::time::Duration;

/// Everything that one step of `core` decided about one rollout. It is persisted in one
/// transaction, or not at all, before any effect of the step runs.
#[derive(Clone, Debug, PartialEq)]
pub struct ChangeSet {
    /// Whose.
    pub rollout: RolloutKey,
    /// In the order in which they must be applied.
    pub changes: Vec<Change>,
    /// In the order in which they happened.
    pub events: Vec<Event>,
}

impl ChangeSet {
    /// Nothing yet.
    pub fn new(rollout: RolloutKey) -> Self {
        Self {
            rollout,
            changes: Vec::new(),
            events: Vec::new(),
        }
    }

    /// Whether there is nothing to persist.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.events.is_empty()
    }
}

/// One aggregate operation of the store.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// The rollout moved.
    Rollout {
        /// To this state.
        state: RolloutState,
        /// First start.
        started_at: Option<Timestamp>,
        /// End.
        ended_at: Option<Timestamp>,
        /// Finished pauses.
        paused_for: Duration,
        /// Pause in force.
        paused_since: Option<Timestamp>,
    },
    /// An assignment moved from a state of kind `from`, or was marked in it; if the row is
    /// elsewhere the whole set is refused.
    Assignment {
        /// The state the row must be in.
        from: StateKind,
        /// The whole row after.
        row: Box<Assignment>,
    },
    /// Every assignment of the rollout that is pending or deferred becomes cancelled: one
    /// operation, because an abort may meet a million of them.
    CancelRemaining,
    /// An attempt begins. Refused if the device has an unsettled attempt in any rollout.
    AttemptStarted {
        /// Its id.
        attempt: AttemptId,
        /// Of this assignment.
        assignment: AssignmentId,
        /// On this device.
        device: DeviceKey,
        /// 1 for the assignment's first.
        number: u32,
        /// When.
        at: Timestamp,
    },
    /// The push returned, or its loss was noticed; the device stays fenced until
    /// [`Change::AttemptSettled`].
    AttemptEnded {
        /// Its id.
        attempt: AttemptId,
        /// When.
        at: Timestamp,
        /// How.
        outcome: AttemptOutcome,
        /// Payload bytes that left for the device.
        bytes: u64,
    },
    /// It is known what became of the attempt: the device may be pushed to again.
    AttemptSettled {
        /// Its id.
        attempt: AttemptId,
        /// When.
        at: Timestamp,
    },
    /// A policy answered.
    Decision(Box<DecisionRecord>),
    /// A policy answered again what its newest recorded decision says.
    DecisionRepeated(Repetition),
    /// A person consented.
    Approved(Approval),
    /// A person ordered to go on past gates.
    Advanced(Advance),
    /// The rollout's release failed: nothing starts it again until a person forgives it.
    /// Once is enough.
    Condemned {
        /// When.
        at: Timestamp,
        /// Why.
        reason: String,
    },
    /// The rollout is to be taken back.
    RollbackWanted,
    /// The policies that were swapped in have shown that they work.
    ProbationPassed,
    /// A signal's value or status is another than at its last sample.
    Signal(SignalSample),
    /// A cohort's round of verifying again came so far. It replaces what was kept of a round.
    Recheck {
        /// Of which cohort.
        cohort: CohortIndex,
        /// What was counted; none: the round that went on was given up.
        round: Option<Recheck>,
        /// What became of the devices up to this one is counted.
        after: Option<AssignmentId>,
    },
    /// Something of a policy in shadow, which nothing else depends on.
    Shadow(ShadowKey, ShadowChange),
    /// Something was learned about a device.
    Observed(Observation),
}

/// How often a policy said again what it had said, to be added to what was counted before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// Which policy.
    pub policy: PluginName,
    /// So many times.
    pub times: u64,
    /// The last of them.
    pub last: Timestamp,
}
