use windlass_core::Input;
use windlass_model::{
    AssignmentId, AttemptId, AttemptOutcome, DeviceKey, Failure, FailureKind, Verification,
};

/// Something that will be heard of a device. Small: as many wait as transfers are under way, and
/// the texts that go with them are made when they are heard.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Happening {
    pub(crate) assignment: AssignmentId,
    pub(crate) attempt: AttemptId,
    pub(crate) device: DeviceKey,
    pub(crate) what: What,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A push ended: the device took everything.
    Delivered,
    /// A push ended: the device was not there.
    Unreachable,
    /// A push ended: the device went away.
    WentAway,
    /// A push ended: it failed for another reason than the build.
    Failed(FailureKind),
    /// A push ended: the device was broken by it, and says so.
    Broken,
    /// The device has the release and is broken by it, whether or not anybody knows.
    Harmed,
    /// The device says that it runs the release.
    RunsRelease,
    /// It says that it runs what it ran before.
    RunsOld,
    /// It says nothing.
    SaysNothing,
}

impl Happening {
    /// As core hears of it, if it does. `size` is that of the payload, `old` the version before.
    pub(crate) fn input(self, size: u64, old: impl FnOnce() -> String) -> Option<Input> {
        let Self {
            assignment,
            attempt,
            device: _,
            what,
        } = self;
        let failed = |kind, text: &str| AttemptOutcome::Failed(Failure::new(kind, text));
        let ended = |outcome, reached| Input::AttemptEnded {
            assignment,
            attempt,
            outcome,
            bytes: reached,
            reached,
        };
        let answered = |answer| Input::Verified {
            assignment,
            attempt,
            answer,
        };
        let input = match what {
            What::Harmed => return None,
            What::Delivered => ended(AttemptOutcome::Delivered, size),
            What::Unreachable => ended(failed(FailureKind::Unreachable, "it is offline"), 0),
            What::WentAway => ended(failed(FailureKind::Interrupted, "it went offline"), 0),
            What::Failed(kind) => ended(failed(kind, "it was not the build"), 0),
            What::Broken => ended(
                failed(FailureKind::DeviceError, "the release broke it"),
                size,
            ),
            What::RunsRelease => answered(Ok(Verification::RunsRelease)),
            What::RunsOld => answered(Ok(Verification::RunsOther(old()))),
            What::SaysNothing => {
                answered(Err(Failure::new(FailureKind::Unreachable, "it is offline")))
            }
        };
        Some(input)
    }
}
