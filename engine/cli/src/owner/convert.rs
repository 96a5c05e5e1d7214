//! Between what the engine says of a run and what the socket carries.

use windlass_runtime::{RunEnd, WaitFor, progress::Progress};

use crate::control::{End, Sample, Wait};

impl From<Progress> for Sample {
    fn from(progress: Progress) -> Self {
        let Progress {
            state,
            waiting_for,
            cohorts,
            in_flight,
            bytes_sent,
            bytes_per_second,
            eta,
            elapsed,
        } = progress;
        Self {
            state,
            waiting_for,
            cohorts,
            in_flight,
            bytes_sent,
            bytes_per_second,
            eta,
            elapsed,
        }
    }
}

impl From<Sample> for Progress {
    fn from(sample: Sample) -> Self {
        let Sample {
            state,
            waiting_for,
            cohorts,
            in_flight,
            bytes_sent,
            bytes_per_second,
            eta,
            elapsed,
        } = sample;
        Self {
            state,
            waiting_for,
            cohorts,
            in_flight,
            bytes_sent,
            bytes_per_second,
            eta,
            elapsed,
        }
    }
}

impl From<RunEnd> for End {
    fn from(end: RunEnd) -> Self {
        let RunEnd {
            outcome,
            counts,
            bytes_sent,
            duration,
            state,
            waiting_for,
        } = end;
        Self {
            outcome,
            counts,
            bytes_sent,
            duration,
            state,
            waiting_for,
        }
    }
}

impl From<End> for RunEnd {
    fn from(end: End) -> Self {
        let End {
            outcome,
            counts,
            bytes_sent,
            duration,
            state,
            waiting_for,
        } = end;
        Self {
            outcome,
            counts,
            bytes_sent,
            duration,
            state,
            waiting_for,
        }
    }
}

impl From<WaitFor> for Wait {
    fn from(wait: WaitFor) -> Self {
        match wait {
            WaitFor::Done => Self::Done,
            WaitFor::Blocked => Self::Blocked,
            WaitFor::For(limit) => Self::For(limit),
        }
    }
}

impl From<Wait> for WaitFor {
    fn from(wait: Wait) -> Self {
        match wait {
            Wait::Done => Self::Done,
            Wait::Blocked => Self::Blocked,
            Wait::For(limit) => Self::For(limit),
        }
    }
}
