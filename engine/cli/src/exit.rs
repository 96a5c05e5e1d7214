//! What the process tells its caller.

use std::process::ExitCode;

use windlass_model::{Outcome, StateCounts, StateKind};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything that was asked for holds.
    Success,
    /// The rollout finished, and not every target succeeded or was rightly skipped; or not
    /// every device could be taken back.
    Finished,
    /// Bad usage, configuration or input; nothing was touched.
    BadInput,
    /// Stopped or held before the end; the same command goes on.
    Resumable,
    /// Whoever read the output went away before its end (`| head`). As of a process that the
    /// system ends for it, by SIGPIPE: scripts know that number.
    Unread,
}

impl Exit {
    /// How a run's outcome is told.
    pub fn of_run(outcome: Outcome, counts: &StateCounts) -> Self {
        let well = counts.get(StateKind::Succeeded) + counts.get(StateKind::Skipped);
        match outcome {
            // Although every device may have ended: the policies have the last word.
            Outcome::Held | Outcome::Stopped => Self::Resumable,
            Outcome::Completed if well == counts.total() => Self::Success,
            Outcome::Completed | Outcome::Aborted => Self::Finished,
        }
    }
}

impl Exit {
    /// Its number.
    pub fn code(self) -> i32 {
        i32::from(self.number())
    }

    fn number(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Finished => 1,
            Self::BadInput => 2,
            Self::Resumable => 3,
            Self::Unread => 141,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.number())
    }
}
