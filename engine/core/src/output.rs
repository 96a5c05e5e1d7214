use std::{collections::BTreeSet, fmt, time::Duration};

use windlass_model::{
    Assignment, AssignmentId, AttemptId, ChangeSet, CohortIndex, DeviceKey, Outcome, PluginName,
    PluginPin, Reason, RolloutKey, ShadowKey, Timestamp, View,
};

/// What [`Rollout::poll_output`](crate::Rollout::poll_output) drains.
#[derive(Clone, Debug)]
pub struct Output {
    /// To be persisted in one transaction before any effect runs.
    pub changes: ChangeSet,
    /// To be run after that, in any order.
    pub effects: Vec<Effect>,
}

/// Something the driver is asked to do.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Read pending assignments of a cohort in rank order, gate them, and answer with
    /// [`Input::Page`](crate::Input::Page). At most one per cohort is outstanding.
    Page {
        /// Which cohort.
        cohort: CohortIndex,
        /// Only those of a higher rank.
        after: Option<AssignmentId>,
        /// At most so many.
        limit: usize,
    },
    /// Read deferred assignments that are due, gate them (probing those that must
    /// connect), and answer with [`Input::Deferred`](crate::Input::Deferred). At most
    /// one is outstanding.
    PageDeferred {
        /// Those that are due at this instant or before it; it may be later than now.
        by: Timestamp,
        /// At most so many.
        limit: usize,
    },
    /// Gate devices again, before another try or because the look at them is old, and
    /// answer with [`Input::Reconsidered`](crate::Input::Reconsidered). At most one is
    /// outstanding.
    Reconsider {
        /// They wait or are admitted; 512 at most.
        rows: Vec<Assignment>,
    },
    /// Push; answered by [`Input::AttemptEnded`](crate::Input::AttemptEnded).
    Start {
        /// Whose.
        assignment: AssignmentId,
        /// Its device.
        device: DeviceKey,
        /// The attempt's id.
        attempt: AttemptId,
        /// 1 for the assignment's first.
        number: u32,
    },
    /// Ask the device what it runs, once; answered by
    /// [`Input::Verified`](crate::Input::Verified). Asked again after a while if the
    /// answer leaves it open. At most one per assignment is outstanding.
    Verify {
        /// Whose.
        assignment: AssignmentId,
        /// Its device.
        device: DeviceKey,
        /// The attempt in question.
        attempt: AttemptId,
    },
    /// Read succeeded assignments of a cohort in rank order, and answer with
    /// [`Input::Succeeded`](crate::Input::Succeeded). At most one is outstanding.
    PageSucceeded {
        /// Which cohort.
        cohort: CohortIndex,
        /// Only those of a higher rank.
        after: Option<AssignmentId>,
        /// At most so many.
        limit: usize,
    },
    /// Ask a device that has succeeded what it runs, once; answered by
    /// [`Input::Rechecked`](crate::Input::Rechecked). At most one per assignment is
    /// outstanding.
    Recheck {
        /// Whose.
        assignment: AssignmentId,
        /// Its device.
        device: DeviceKey,
        /// The attempt that brought the release.
        attempt: AttemptId,
    },
    /// Cancel a push; it still answers by
    /// [`Input::AttemptEnded`](crate::Input::AttemptEnded).
    Cancel {
        /// Whose.
        assignment: AssignmentId,
        /// The attempt.
        attempt: AttemptId,
    },
    /// Ask every policy; answered by [`Input::Decided`](crate::Input::Decided). At most
    /// one is outstanding.
    Decide {
        /// One per policy, in configured order.
        requests: Vec<DecideRequest>,
    },
    /// Ask policies in shadow; each request may be answered by
    /// [`Input::ShadowAnswered`](crate::Input::ShadowAnswered). Nothing waits for them, and of
    /// each at most one is outstanding.
    AskShadows {
        /// What they are asked.
        requests: Vec<ShadowRequest>,
    },
    /// A policy on probation failed: put the policies before it in force again, and answer with
    /// [`Input::Replanned`](crate::Input::Replanned).
    TakePoliciesBack {
        /// Which.
        policy: PluginName,
        /// How.
        message: String,
    },
    /// Refill the attempt ids, then call
    /// [`Rollout::dispatch`](crate::Rollout::dispatch).
    NeedAttemptIds,
    /// The run is over; no output follows.
    Finished(Outcome),
}

/// A question to one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct DecideRequest {
    /// Its position in the configured order.
    pub policy: usize,
    /// What it may know, with the signals that it asked for
    /// ([`Rollout::watch`](crate::Rollout::watch)).
    pub view: View,
    /// Of its last decision; empty at first.
    pub memo: Vec<u8>,
}

/// A question to one policy in shadow.
#[derive(Clone, Debug, PartialEq)]
pub struct ShadowRequest {
    /// Whose answer it is.
    pub shadow: ShadowKey,
    /// Which policy.
    pub pin: PluginPin,
    /// What it may know: what the policies in force may, counted by its own cohorts.
    pub view: View,
    /// Of its last decision; empty at first.
    pub memo: Vec<u8>,
}

/// What a rollout's next timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerReason {
    /// The policies are asked.
    Decide,
    /// A retry is due.
    Retry,
    /// A device is asked again what it runs, or an offer lapses.
    Ask,
    /// A deferred device is due.
    Deferred,
    /// The break after faults of ours is over.
    Breaker,
    /// Devices are shown again to plugins that could not judge them.
    Trouble,
    /// The budget of retries allows one more.
    RetryBudget,
    /// Devices that wait for room in their group are looked at again.
    Group,
    /// Devices that succeeded are verified again.
    Recheck,
}

/// What a rollout is doing; see [`Rollout::standing`](crate::Rollout::standing).
#[derive(Clone, Debug, PartialEq)]
pub enum Standing {
    /// Something is under way.
    Working,
    /// It goes on by itself at this instant.
    WaitingUntil(Timestamp, WaitingFor),
    /// It goes on when other rollouts of the engine have: [`stuck`](crate::stuck) says whether
    /// these do.
    Behind(Behind),
    /// It goes on when a person, a gate or a device lets it; never empty.
    Blocked(Vec<Reason>),
    /// The run is over.
    Ended(Outcome),
}

/// A rollout that waits for others.
#[derive(Clone, Debug, PartialEq)]
pub struct Behind {
    /// Those that come first for some of its devices.
    pub rollouts: BTreeSet<RolloutKey>,
    /// They did at this instant of the monotonic clock, and may have made way since.
    pub as_of: Duration,
    /// All that it waits for; never empty.
    pub reasons: Vec<Reason>,
}

/// What a waiting rollout waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitingFor {
    /// A policy wants to be asked then, such as at the end of a soak.
    Policy,
    /// A retry is due then.
    Retry,
    /// Deferred devices may start then.
    Window,
    /// A break after faults of ours.
    Breaker,
    /// The end of a person's hold on devices.
    Hold,
}

impl fmt::Display for WaitingFor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "a policy's clock",
            Self::Retry => "the next retry",
            Self::Window => "devices that may start later",
            Self::Breaker => "a break after faults of the delivery",
            Self::Hold => "the end of a hold",
        })
    }
}
