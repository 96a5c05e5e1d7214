//! Enumerations and instants as the numbers that the database keeps. A number, once
//! written, keeps its meaning: new variants are only ever appended.

use std::time::Duration;

use windlass_model::{
    Connectivity, FailureKind, ObservationSource, Rollback, RolloutState, ShadowEnd, ShadowOrigin,
    SignalStatus, SkipReason, StateKind, Timestamp,
};

use crate::StoreError;

const CONNECTIVITY: [Connectivity; 3] = [
    Connectivity::Online,
    Connectivity::Offline,
    Connectivity::Unknown,
];

const SOURCES: [ObservationSource; 4] = [
    ObservationSource::Import,
    ObservationSource::Probe,
    ObservationSource::Verify,
    ObservationSource::Contact,
];

const SKIP_REASONS: [SkipReason; 6] = [
    SkipReason::AlreadyCurrent,
    SkipReason::NoLongerMatches,
    SkipReason::WouldDowngrade,
    SkipReason::Offline,
    SkipReason::Policy,
    SkipReason::Excluded,
];

const ROLLOUT_STATES: [RolloutState; 7] = [
    RolloutState::Draft,
    RolloutState::Running,
    RolloutState::Holding,
    RolloutState::Paused,
    RolloutState::Aborting,
    RolloutState::Aborted,
    RolloutState::Completed,
];

const SIGNAL_STATUSES: [SignalStatus; 5] = [
    SignalStatus::Ok,
    SignalStatus::Missing,
    SignalStatus::Stale,
    SignalStatus::NotANumber,
    SignalStatus::Failed,
];

const ROLLBACKS: [Rollback; 3] = [Rollback::NotWanted, Rollback::Wanted, Rollback::Made];

const SHADOW_ORIGINS: [ShadowOrigin; 2] = [ShadowOrigin::Configuration, ShadowOrigin::Person];

const SHADOW_ENDS: [ShadowEnd; 3] = [
    ShadowEnd::Person,
    ShadowEnd::Configuration,
    ShadowEnd::InForce,
];

// The partial indexes of the schema name these numbers.
const _: () = assert!(
    StateKind::Pending as i64 == 0
        && StateKind::Deferred as i64 == 1
        && StateKind::Admitted as i64 == 2
        && StateKind::Cancelling as i64 == 8
        && StateKind::Succeeded as i64 == 9
        && StateKind::Failed as i64 == 10
        && StateKind::Rejected as i64 == 11
        && StateKind::Cancelled as i64 == 13
        && StateKind::DeadLettered as i64 == 15
);

/// An enumeration that is kept as a number.
pub(crate) trait Code: Copy + 'static {
    const WHAT: &'static str;
    const ALL: &'static [Self];

    /// The number.
    fn code(self) -> i64;

    /// What the number means.
    fn from_code(code: i64) -> Result<Self, StoreError> {
        usize::try_from(code)
            .ok()
            .and_then(|index| Self::ALL.get(index).copied())
            .ok_or(StoreError::Unreadable {
                what: Self::WHAT,
                source: None,
            })
    }
}

macro_rules! code {
    ($type:ty, $what:literal, $all:expr) => {
        impl Code for $type {
            const WHAT: &'static str = $what;
            const ALL: &'static [Self] = &$all;

            fn code(self) -> i64 {
                self as i64
            }
        }
    };
}

code!(StateKind, "state of an assignment", StateKind::ALL);
code!(FailureKind, "kind of failure", FailureKind::ALL);
code!(Connectivity, "connectivity", CONNECTIVITY);
code!(ObservationSource, "source of an observation", SOURCES);
code!(SkipReason, "reason of a skip", SKIP_REASONS);
code!(RolloutState, "state of a rollout", ROLLOUT_STATES);
code!(SignalStatus, "status of a signal", SIGNAL_STATUSES);
code!(Rollback, "rollback of a rollout", ROLLBACKS);
code!(ShadowOrigin, "origin of a shadow", SHADOW_ORIGINS);
code!(ShadowEnd, "end of a shadow", SHADOW_ENDS);

/// The instant as the database keeps it; what lies beyond the year 292 million is cut.
pub(crate) fn millis(at: Timestamp) -> i64 {
    integer(at.0)
}

pub(crate) fn timestamp(millis: i64) -> Timestamp {
    Timestamp(unsigned(millis))
}

pub(crate) fn duration_millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn duration(millis: i64) -> Duration {
    Duration::from_millis(unsigned(millis))
}

/// SQLite's integers are signed: a larger number is cut.
pub(crate) fn integer(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// No negative number is ever written where this reads.
pub(crate) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions<T: Code>() -> Vec<i64> {
        T::ALL.iter().map(|value| value.code()).collect()
    }

    fn ascending(length: usize) -> Vec<i64> {
        (0..).take(length).collect()
    }

    /// A variant inserted in the middle of an enumeration would give every database
    /// another meaning.
    #[test]
    fn numbers_keep_their_meaning() {
        assert_eq!(positions::<StateKind>(), ascending(16));
        assert_eq!(positions::<FailureKind>(), ascending(15));
        assert_eq!(positions::<Connectivity>(), ascending(3));
        assert_eq!(positions::<ObservationSource>(), ascending(4));
        assert_eq!(positions::<SkipReason>(), ascending(6));
        assert_eq!(positions::<RolloutState>(), ascending(7));
        assert_eq!(positions::<Rollback>(), ascending(3));
        assert_eq!(positions::<ShadowOrigin>(), ascending(2));
        assert_eq!(positions::<ShadowEnd>(), ascending(3));
        assert_eq!(
            StateKind::ALL.map(StateKind::as_str).join(" "),
            "pending deferred admitted transferring offered verifying settling waiting \
             cancelling succeeded failed rejected skipped cancelled superseded dead-lettered"
        );
        assert_eq!(
            FailureKind::ALL.map(FailureKind::as_str).join(" "),
            "unreachable timed-out rejected unauthorized incompatible corrupt busy device-error \
             interrupted plugin source shutdown silent regressed other"
        );
    }
}
