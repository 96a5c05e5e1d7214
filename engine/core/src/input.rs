use std::collections::BTreeMap;

use windlass_model::{
    Assignment, AssignmentId, AttemptId, AttemptOutcome, CohortIndex, Decision, Failure, Reason,
    RolloutKey, RolloutSnapshot, ShadowKey, ShadowSnapshot, SignalSample, SkipReason,
    TalliedTarget, Timestamp, Verification,
};

use crate::{GroupHealth, GroupSeat};

/// Something that happened, for [`Rollout::handle`](crate::Rollout::handle).
#[derive(Clone, Debug)]
pub enum Input {
    /// The first input after a load: the rollout starts, or is taken up again.
    Begin {
        /// The groups of the devices in [`RolloutSnapshot::live`]; empty if the engine has
        /// no group limits.
        ///
        /// [`RolloutSnapshot::live`]: windlass_model::RolloutSnapshot::live
        seats: BTreeMap<AssignmentId, Vec<GroupSeat>>,
    },
    /// The answer to [`Effect::Page`](crate::Effect::Page).
    Page {
        /// The cohort asked for.
        cohort: CohortIndex,
        /// Pending assignments in rank order, each with its gate.
        candidates: Vec<Candidate>,
        /// The cohort has no pending assignment beyond these.
        exhausted: bool,
        /// Of the candidates' groups.
        health: GroupHealth,
    },
    /// The answer to [`Effect::PageDeferred`](crate::Effect::PageDeferred).
    Deferred {
        /// Deferred assignments that are due, each with its new gate.
        candidates: Vec<Candidate>,
        /// When the first of those that were not due by the instant asked for is due.
        next_due: Option<Timestamp>,
        /// Of the candidates' groups.
        health: GroupHealth,
    },
    /// The answer to [`Effect::Reconsider`](crate::Effect::Reconsider).
    Reconsidered {
        /// The rows asked for, each with its new gate; one that is left out is asked for
        /// again.
        candidates: Vec<Candidate>,
        /// Of the candidates' groups.
        health: GroupHealth,
    },
    /// A push returned.
    AttemptEnded {
        /// Of this assignment.
        assignment: AssignmentId,
        /// The attempt that was started; fences late results.
        attempt: AttemptId,
        /// What came of it.
        outcome: AttemptOutcome,
        /// Payload bytes that left for the device in this attempt.
        bytes: u64,
        /// How far into the payload it came, counted from its start: beyond `bytes` if it
        /// went on where an earlier attempt had ended.
        reached: u64,
    },
    /// The answer to [`Effect::Verify`](crate::Effect::Verify), or an unasked report of
    /// the device.
    Verified {
        /// Of this assignment.
        assignment: AssignmentId,
        /// The attempt it was asked for; fences late answers.
        attempt: AttemptId,
        /// What the device said, or why it could not be asked.
        answer: Result<Verification, Failure>,
    },
    /// The answer to [`Effect::PageSucceeded`](crate::Effect::PageSucceeded).
    Succeeded {
        /// Succeeded assignments in rank order.
        rows: Vec<Succeeded>,
        /// The cohort has none beyond these.
        exhausted: bool,
    },
    /// The answer to [`Effect::Recheck`](crate::Effect::Recheck).
    Rechecked {
        /// Of this assignment.
        assignment: AssignmentId,
        /// The attempt it was asked for; fences late answers.
        attempt: AttemptId,
        /// What the device said, or why it could not be asked. That it runs another version
        /// only if no other rollout has begun an attempt at it since this one: otherwise that
        /// says nothing of this release, and the answer is
        /// [`CannotTell`](Verification::CannotTell).
        answer: Result<Verification, Failure>,
        /// The groups with a limit that its device belongs to. Read if it runs another version.
        groups: Vec<GroupSeat>,
    },
    /// The answer to [`Effect::Decide`](crate::Effect::Decide): one per policy, in
    /// configured order. An `Err` holds the rollout with that message.
    Decided {
        /// What they said.
        answers: Vec<Result<Decision, String>>,
    },
    /// Signals were measured, or found to be missing.
    Signals {
        /// Of each signal the newest, at most one.
        samples: Vec<SignalSample>,
    },
    /// The store put further pending devices at the end of the last cohort, and logged it.
    Grown {
        /// How many.
        added: u64,
    },
    /// The store put other policies in force and moved devices between cohorts, and logged it.
    /// Given right after the changes of this rollout were committed, and before any other.
    ///
    /// Pages, looks and decisions that were asked for are withdrawn: their answers must not
    /// come any more.
    Replanned {
        /// As the store has it now.
        snapshot: Box<RolloutSnapshot>,
    },
    /// The store put policies in shadow, or took some out. Given right after the changes of this
    /// rollout were committed, and before any other.
    Shadowed {
        /// As the store has them now. Those that it had before go on by their own counts.
        shadows: Vec<ShadowSnapshot>,
    },
    /// What counts of the next targets in the cohorts of a new shadow; see
    /// [`Rollout::to_tally`](crate::Rollout::to_tally).
    Tallied {
        /// Whose cohorts.
        shadow: ShadowKey,
        /// From the one that was asked for on, in rank order.
        targets: Vec<TalliedTarget>,
        /// Whether none is left after them.
        exhausted: bool,
    },
    /// The answer to one request of [`Effect::AskShadows`](crate::Effect::AskShadows); it may
    /// come late, or never.
    ShadowAnswered {
        /// Whose.
        shadow: ShadowKey,
        /// What it said. An `Err` is noted, and nothing follows from it.
        answer: Result<Decision, String>,
    },
    /// Holds or the registry changed: deferred devices are looked at now, those excepted
    /// whose window opens later.
    Refresh,
    /// Start nothing more, and finish when no transfer is under way.
    Stop(StopCause),
    /// Asks for [`Effect::Cancel`](crate::Effect::Cancel) for every transfer under way.
    /// Each ends by its own [`Input::AttemptEnded`] and holds its slot until then.
    CancelInFlight,
}

/// An assignment whose turn has come, with what was found about its device just now.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// As the store has it.
    pub assignment: Assignment,
    /// What may become of it; made by [`admission::gate`](crate::admission::gate).
    pub gate: Gate,
    /// The groups with a limit that its device belongs to. Read if the gate is open.
    pub groups: Vec<GroupSeat>,
}

/// A device that runs the release, as far as is known.
#[derive(Clone, Debug, PartialEq)]
pub struct Succeeded {
    /// As the store has it.
    pub assignment: Assignment,
    /// The newest attempt of it; none if it is not to be asked, because another rollout has
    /// begun an attempt at the device since, or because it is kept no longer.
    pub attempt: Option<AttemptId>,
}

/// What may become of a device whose turn has come.
#[derive(Clone, Debug, PartialEq)]
pub enum Gate {
    /// It may start; of several, lower keys go first, then lower ranks.
    Start {
        /// See [`windlass_model::Admission::order_key`].
        order_key: u64,
    },
    /// It is rightly left alone.
    Skip(SkipReason),
    /// It is put off.
    Defer {
        /// Until then.
        until: Timestamp,
        /// And until it is known to be connected.
        needs_connection: bool,
        /// Why. The codes of [`admission::code`](crate::admission::code) have a meaning.
        reason: Option<Reason>,
    },
    /// A newer release reached it by another rollout.
    Supersede {
        /// Which.
        by: RolloutKey,
        /// That release's version.
        version: String,
    },
}

/// Why a run is to stop before its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopCause {
    /// The engine was told to stop.
    Signal,
    /// The rollout waits for something that the run was not to wait for.
    Blocked,
}
