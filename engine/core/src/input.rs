use windlass_model::{
    Assignment, AssignmentId, AttemptId, AttemptOutcome, CohortIndex, Decision, Failure, Reason,
    SkipReason, Timestamp, Verification,
};

/// Something that happened, for [`Rollout::handle`](crate::Rollout::handle).
#[derive(Clone, Debug)]
pub enum Input {
    /// The first input after a load: the rollout starts, or is taken up again.
    Begin,
    /// The answer to [`Effect::Page`](crate::Effect::Page).
    Page {
        /// The cohort asked for.
        cohort: CohortIndex,
        /// Pending assignments in rank order, each with its gate.
        candidates: Vec<Candidate>,
        /// The cohort has no pending assignment beyond these.
        exhausted: bool,
    },
    /// The answer to [`Effect::PageDeferred`](crate::Effect::PageDeferred).
    Deferred {
        /// Deferred assignments that are due, each with its new gate.
        candidates: Vec<Candidate>,
        /// When the first of those that are not due yet is due.
        next_due: Option<Timestamp>,
    },
    /// A push returned.
    AttemptEnded {
        /// Of this assignment.
        assignment: AssignmentId,
        /// The attempt that was started; fences late results.
        attempt: AttemptId,
        /// What came of it.
        outcome: AttemptOutcome,
        /// Payload bytes that left for the device.
        bytes: u64,
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
    /// The answer to [`Effect::Decide`](crate::Effect::Decide): one per policy, in
    /// configured order. An `Err` holds the rollout with that message.
    Decided {
        /// What they said.
        answers: Vec<Result<Decision, String>>,
    },
    /// A person's wish.
    Command(Command),
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
        /// Why, if a policy said.
        reason: Option<Reason>,
    },
}

/// A person's wish. One that does not fit the rollout's state changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Start nothing until resumed.
    Pause {
        /// Who.
        actor: String,
        /// Why; may be empty.
        reason: String,
    },
    /// Go on after a pause. Pause reasons that a policy gave and still gives are taken
    /// as overruled.
    Resume {
        /// Who.
        actor: String,
    },
    /// End the rollout; devices in flight finish.
    Abort {
        /// Who.
        actor: String,
        /// Why; may be empty.
        reason: String,
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
