//! Which failures a criterion counts.

use windlass_sdk::{FailureCount, FailureKind};

use crate::settings::{CountedKind, FailureGroup};

/// The device tried and failed.
const FAILED: [FailureKind; 5] = [
    FailureKind::Corrupt,
    FailureKind::Busy,
    FailureKind::DeviceError,
    FailureKind::Regressed,
    FailureKind::Other,
];

/// The device said no, and asking again changes nothing.
const REJECTED: [FailureKind; 3] = [
    FailureKind::Rejected,
    FailureKind::Unauthorized,
    FailureKind::Incompatible,
];

/// The device was there and then was not heard from.
const TIMED_OUT: [FailureKind; 2] = [FailureKind::TimedOut, FailureKind::Silent];

/// A set of failure kinds and what the operator called it.
#[derive(Clone, Debug)]
pub(crate) struct Kinds {
    name: String,
    members: Vec<FailureKind>,
}

impl Kinds {
    pub(crate) fn of_group(group: FailureGroup) -> Self {
        let (name, members) = match group {
            FailureGroup::Failed => ("failed", FAILED.to_vec()),
            FailureGroup::Rejected => ("rejected", REJECTED.to_vec()),
            FailureGroup::TimedOut => ("timed-out", TIMED_OUT.to_vec()),
            FailureGroup::All => ("all", [FAILED.as_slice(), &REJECTED, &TIMED_OUT].concat()),
        };
        Self {
            name: name.to_owned(),
            members,
        }
    }

    /// None of these is the engine's own.
    pub(crate) fn of_kinds(kinds: &[FailureKind]) -> Self {
        let names: Vec<&str> = kinds.iter().map(|kind| name(*kind)).collect();
        Self {
            name: names.join(", "),
            members: kinds.to_vec(),
        }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn count(&self, failures: &[FailureCount]) -> u64 {
        self.count_where(failures, |_| true)
    }

    /// Of devices that fell back, if these count.
    pub(crate) fn count_regressed(&self, failures: &[FailureCount]) -> u64 {
        self.count_where(failures, |kind| kind == FailureKind::Regressed)
    }

    fn count_where(&self, failures: &[FailureCount], counts: impl Fn(FailureKind) -> bool) -> u64 {
        failures
            .iter()
            .filter(|failure| counts(failure.kind) && self.members.contains(&failure.kind))
            .map(|failure| failure.count)
            .fold(0, u64::saturating_add)
    }
}

/// The contract's kind, or none for those that say nothing about a release.
pub(crate) fn countable(kind: CountedKind) -> Option<FailureKind> {
    Some(match kind {
        CountedKind::Unreachable => FailureKind::Unreachable,
        CountedKind::TimedOut => FailureKind::TimedOut,
        CountedKind::Rejected => FailureKind::Rejected,
        CountedKind::Unauthorized => FailureKind::Unauthorized,
        CountedKind::Incompatible => FailureKind::Incompatible,
        CountedKind::Corrupt => FailureKind::Corrupt,
        CountedKind::Busy => FailureKind::Busy,
        CountedKind::DeviceError => FailureKind::DeviceError,
        CountedKind::Interrupted => FailureKind::Interrupted,
        CountedKind::Silent => FailureKind::Silent,
        CountedKind::Regressed => FailureKind::Regressed,
        CountedKind::Other => FailureKind::Other,
        CountedKind::Plugin | CountedKind::Source | CountedKind::Shutdown => return None,
    })
}

fn name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Unreachable => "unreachable",
        FailureKind::TimedOut => "timed-out",
        FailureKind::Rejected => "rejected",
        FailureKind::Unauthorized => "unauthorized",
        FailureKind::Incompatible => "incompatible",
        FailureKind::Corrupt => "corrupt",
        FailureKind::Busy => "busy",
        FailureKind::DeviceError => "device-error",
        FailureKind::Interrupted => "interrupted",
        FailureKind::Plugin => "plugin",
        FailureKind::Source => "source",
        FailureKind::Shutdown => "shutdown",
        FailureKind::Silent => "silent",
        FailureKind::Regressed => "regressed",
        FailureKind::Other => "other",
    }
}
