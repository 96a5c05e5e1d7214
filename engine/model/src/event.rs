use serde::{Deserialize, Serialize};

use crate::{
    AttemptId, Cohort, DeviceId, Failure, FailureKind, Hold, HoldSubject, Outcome, PluginName,
    PluginPin, Reason, RolloutKey, RolloutName, Sequence, ShadowEnd, SignalName, SignalStatus,
    SkipReason, StateCounts, Steering, Timestamp, Verdict,
};

/// An immutable fact. The store gives it its [`Sequence`] when it is committed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub at: Timestamp,
    /// Of which rollout, if of one.
    pub rollout: Option<RolloutKey>,
    /// What.
    pub kind: EventKind,
}

/// An event with its place in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoggedEvent {
    /// Its place.
    pub seq: Sequence,
    /// The event.
    pub event: Event,
}

/// What happened. Serialized with a `type` in kebab-case; fields are only ever added.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
#[expect(missing_docs, reason = "fields are named for what they hold")]
pub enum EventKind {
    /// The first start of a rollout: its targets are fixed.
    RolloutStarted { targets: u64, unselected: u64 },
    /// A later process took the rollout up again.
    RolloutContinued { settling: u64 },
    /// The first device of a cohort may start.
    CohortStarted { cohort: String, size: u64 },
    /// Every device of a cohort ended.
    CohortEnded {
        cohort: String,
        succeeded: u64,
        failed: u64,
    },
    /// An attempt began.
    AttemptStarted {
        device: DeviceId,
        attempt: AttemptId,
        number: u32,
    },
    /// The device took all bytes; it is asked what it runs, unless that is off.
    AttemptDelivered {
        device: DeviceId,
        attempt: AttemptId,
    },
    /// The device will fetch by itself.
    AttemptOffered {
        device: DeviceId,
        attempt: AttemptId,
        offer: String,
    },
    /// An attempt failed. `retry_at` is absent if it was the last.
    AttemptFailed {
        device: DeviceId,
        attempt: AttemptId,
        failure: Failure,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        retry_at: Option<Timestamp>,
    },
    /// An attempt was stopped on purpose.
    AttemptCancelled {
        device: DeviceId,
        attempt: AttemptId,
    },
    /// A result of an attempt that is no longer in hand; recorded, without effect.
    AttemptResultLate {
        device: DeviceId,
        attempt: AttemptId,
    },
    /// It is being found out what a device runs after a lost answer.
    DeviceSettling {
        device: DeviceId,
        attempt: AttemptId,
    },
    /// Put off.
    DeviceDeferred {
        device: DeviceId,
        until: Timestamp,
        needs_connection: bool,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        reason: Option<Reason>,
    },
    /// Runs the release.
    DeviceSucceeded { device: DeviceId },
    /// Ended by a failure that no retry mends.
    DeviceFailed { device: DeviceId, kind: FailureKind },
    /// Refused the release.
    DeviceRejected { device: DeviceId },
    /// Rightly left alone.
    DeviceSkipped {
        device: DeviceId,
        reason: SkipReason,
    },
    /// Ended by an abort or a person.
    DeviceCancelled { device: DeviceId },
    /// Its attempts are used up.
    DeviceDeadLettered { device: DeviceId, kind: FailureKind },
    /// It had succeeded, and was found to run another version.
    DeviceRegressed { device: DeviceId, version: String },
    /// The succeeded devices of a cohort are verified again.
    RecheckStarted { cohort: String, devices: u64 },
    /// They were.
    RecheckEnded {
        cohort: String,
        confirmed: u64,
        regressed: u64,
        unconfirmed: u64,
    },
    /// A policy's answer differs from its last.
    DecisionTaken {
        policy: PluginName,
        verdict: Verdict,
        reasons: Vec<Reason>,
    },
    /// A policy could not answer: the rollout holds.
    DecisionFailed { policy: PluginName, message: String },
    /// Nothing starts for now.
    RolloutHolding { reasons: Vec<Reason> },
    /// A hold was lifted.
    RolloutReleased,
    /// Nothing starts until a person resumes.
    RolloutPaused { reasons: Vec<Reason> },
    /// A pause was lifted.
    RolloutResumed { actor: String },
    /// Nothing starts any more.
    RolloutAborting { reasons: Vec<Reason> },
    /// A person gave an order, and it was carried out.
    OrderGiven {
        actor: String,
        #[serde(skip_serializing_if = "String::is_empty", default)]
        reason: String,
        order: Steering,
    },
    /// A person put other policies in force. Targets were placed anew: `moved` of them are in
    /// another cohort.
    PoliciesSwapped {
        actor: String,
        #[serde(skip_serializing_if = "String::is_empty", default)]
        reason: String,
        before: Vec<PluginPin>,
        after: Vec<PluginPin>,
        cohorts: Vec<Cohort>,
        moved: u64,
    },
    /// The policies that were swapped in work: those before are kept ready no longer.
    PoliciesConfirmed { policies: Vec<PluginName> },
    /// A policy failed soon after it was swapped in: those before, `policies`, are in force
    /// again.
    PoliciesTakenBack {
        policy: PluginName,
        message: String,
        policies: Vec<PluginName>,
    },
    /// A policy is asked beside those in force from now on, and never obeyed. No cohorts: it
    /// could not place the targets, `trouble` says why, and is asked to again.
    ShadowAdded {
        #[serde(skip_serializing_if = "String::is_empty", default)]
        actor: String,
        #[serde(skip_serializing_if = "String::is_empty", default)]
        reason: String,
        shadow: PluginPin,
        cohorts: Vec<Cohort>,
        #[serde(skip_serializing_if = "String::is_empty", default)]
        trouble: String,
    },
    /// A policy in shadow is asked no longer.
    ShadowRemoved {
        #[serde(skip_serializing_if = "String::is_empty", default)]
        actor: String,
        #[serde(skip_serializing_if = "String::is_empty", default)]
        reason: String,
        shadow: PluginName,
        because: ShadowEnd,
    },
    /// A policy in shadow could not answer. Nothing follows from it.
    ShadowFailed { shadow: PluginName, message: String },
    /// A dead letter got fresh attempts.
    DeviceRequeued { device: DeviceId },
    /// A dead letter was dismissed: it ends as failed.
    DeviceDismissed { device: DeviceId },
    /// A newer release reached the device by another rollout.
    DeviceSuperseded {
        device: DeviceId,
        by: RolloutKey,
        version: String,
    },
    /// A dynamic rollout found further devices.
    RolloutGrown { added: u64 },
    /// A rollout that had ended goes on, because devices were requeued or found.
    RolloutReopened,
    /// Nothing starts this release any more until a person forgives it.
    ReleaseCondemned {
        release: String,
        version: String,
        reason: String,
    },
    /// A person forgave a release.
    ReleaseForgiven {
        release: String,
        version: String,
        actor: String,
        #[serde(skip_serializing_if = "String::is_empty", default)]
        reason: String,
    },
    /// Another rollout takes this one back.
    RollbackStarted { rollout: RolloutName, targets: u64 },
    /// A device that cannot be taken back, because what it ran before is not known or not
    /// at hand.
    RollbackImpossible { device: DeviceId, reason: String },
    /// A person keeps devices out of rollouts, or on a version.
    HoldPlaced { hold: Hold },
    /// A person lifted a hold.
    HoldLifted {
        subject: HoldSubject,
        actor: String,
        #[serde(skip_serializing_if = "String::is_empty", default)]
        reason: String,
    },
    /// A signal that a policy asks for works again, or does not any more.
    SignalChanged {
        signal: SignalName,
        status: SignalStatus,
        #[serde(skip_serializing_if = "Option::is_none", default)]
        value: Option<f64>,
        #[serde(skip_serializing_if = "String::is_empty", default)]
        message: String,
    },
    /// The engine was told to stop and starts nothing more.
    RolloutStopping,
    /// The run is over. The last event of a run; counts are of all targets.
    RolloutCompleted {
        outcome: Outcome,
        counts: StateCounts,
        duration_ms: u64,
    },
}

impl EventKind {
    /// The one device that it speaks of, if it speaks of one.
    pub fn device(&self) -> Option<&DeviceId> {
        match self {
            Self::AttemptStarted { device, .. }
            | Self::AttemptDelivered { device, .. }
            | Self::AttemptOffered { device, .. }
            | Self::AttemptFailed { device, .. }
            | Self::AttemptCancelled { device, .. }
            | Self::AttemptResultLate { device, .. }
            | Self::DeviceSettling { device, .. }
            | Self::DeviceDeferred { device, .. }
            | Self::DeviceSucceeded { device }
            | Self::DeviceFailed { device, .. }
            | Self::DeviceRegressed { device, .. }
            | Self::DeviceRejected { device }
            | Self::DeviceSkipped { device, .. }
            | Self::DeviceCancelled { device }
            | Self::DeviceDeadLettered { device, .. }
            | Self::DeviceRequeued { device }
            | Self::DeviceDismissed { device }
            | Self::DeviceSuperseded { device, .. }
            | Self::RollbackImpossible { device, .. } => Some(device),
            Self::RolloutStarted { .. }
            | Self::RolloutContinued { .. }
            | Self::CohortStarted { .. }
            | Self::CohortEnded { .. }
            | Self::RecheckStarted { .. }
            | Self::RecheckEnded { .. }
            | Self::DecisionTaken { .. }
            | Self::DecisionFailed { .. }
            | Self::RolloutHolding { .. }
            | Self::RolloutReleased
            | Self::RolloutPaused { .. }
            | Self::RolloutResumed { .. }
            | Self::RolloutAborting { .. }
            | Self::OrderGiven { .. }
            | Self::PoliciesSwapped { .. }
            | Self::PoliciesConfirmed { .. }
            | Self::PoliciesTakenBack { .. }
            | Self::ShadowAdded { .. }
            | Self::ShadowRemoved { .. }
            | Self::ShadowFailed { .. }
            | Self::SignalChanged { .. }
            | Self::RolloutGrown { .. }
            | Self::RolloutReopened
            | Self::ReleaseCondemned { .. }
            | Self::ReleaseForgiven { .. }
            | Self::RollbackStarted { .. }
            | Self::HoldPlaced { .. }
            | Self::HoldLifted { .. }
            | Self::RolloutStopping
            | Self::RolloutCompleted { .. } => None,
        }
    }
}
