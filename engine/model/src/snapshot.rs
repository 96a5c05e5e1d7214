use crate::{
    Advance, Approval, Assignment, CohortView, DecisionRecord, Probation, Rechecking,
    ShadowSnapshot, SignalSample, StoredRollout, Timestamp,
};

/// All that `core` needs to take a rollout up: counts and live assignments. Pending and
/// deferred ones are paged from the store.
#[derive(Clone, Debug, PartialEq)]
pub struct RolloutSnapshot {
    /// The rollout.
    pub rollout: StoredRollout,
    /// Counts per cohort, in order.
    pub cohorts: Vec<CohortView>,
    /// Assignments that are neither pending, deferred nor ended, by ascending id.
    pub live: Vec<Assignment>,
    /// The newest decision of each policy, in configured order; none before its first since
    /// it was swapped in.
    pub decisions: Vec<Option<DecisionRecord>>,
    /// What a swap gave to each policy that has not decided since, in the same order.
    pub memos: Vec<Option<Vec<u8>>>,
    /// The policies are on probation.
    pub probation: Option<Probation>,
    /// The policies in shadow that have cohorts, the oldest first.
    pub shadows: Vec<ShadowSnapshot>,
    /// Consents in force or lapsed, the oldest first.
    pub approvals: Vec<Approval>,
    /// Orders to go on past gates, the oldest first.
    pub advances: Vec<Advance>,
    /// The newest sample of each signal that was kept, by name.
    pub signals: Vec<SignalSample>,
    /// The round of verifying again that goes on.
    pub rechecking: Option<Rechecking>,
    /// When the first deferred assignment is due.
    pub next_deferred: Option<Timestamp>,
    /// Deferred assignments that wait for an instant, and for no connection.
    pub timed: u64,
}
