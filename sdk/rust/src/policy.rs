//! Plugins that say how fast a rollout may go, and when it must stop.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::{Device, Problem, Projection, Timestamp};

pub use crate::bindings::policy::exports::windlass::plugin::policy::{
    Admission, Advance, Approval, Candidate, Ceiling, Cohort, CohortView, Decision, FailureCount,
    FailureKind, Measure, Placement, Reason, Recheck, RecheckWish, Signal, StateCounts, TierCount,
    Trigger, Verdict, View,
};

/// A policy, opened with its settings and then asked again and again.
///
/// It is pure: the same settings and arguments give the same bytes. What it wants
/// to remember goes into the memo of its decision; the instance may be another
/// one at the next call.
pub trait Policy: Sized + 'static {
    /// The settings of the operator's file.
    type Settings: DeserializeOwned + JsonSchema;

    /// Parses the settings once.
    ///
    /// # Errors
    /// Every problem it can find, not only the first.
    fn open(settings: Self::Settings) -> Result<Self, Vec<Problem>>;

    /// The device fields that [`place`](Self::place) and [`admit`](Self::admit)
    /// look at.
    fn reads(&self) -> Projection {
        Projection::nothing()
    }

    /// Names of the signals that it wants to see in every view, each once and at
    /// most 64. The operator defines them in `[signals.NAME]`.
    fn signals(&self) -> Vec<String> {
        Vec::new()
    }

    /// Whether [`admit`](Self::admit) ever says anything but "now, in any order".
    /// If not, the host does not call it.
    fn admits(&self) -> bool {
        false
    }

    /// Where a device stands when cohorts are cut. Depends on this device only.
    fn place(&self, now: Timestamp, device: &Device) -> Placement {
        let _ = (now, device);
        Placement {
            tier: 0,
            stratum: String::new(),
        }
    }

    /// Cuts the tiers (ascending, none of size 0) into cohorts whose sizes add
    /// up to the number of devices. Asked once, at the start or when the policy
    /// is swapped in: devices that a dynamic rollout finds later join the last
    /// cohort.
    ///
    /// # Errors
    /// A sentence saying why these devices cannot be cut so.
    fn cohorts(&self, tiers: &[TierCount]) -> Result<Vec<Cohort>, String>;

    /// When a device may start; a hint that is asked again at dispatch.
    fn admit(&self, now: Timestamp, candidate: &Candidate) -> Admission {
        let _ = (now, candidate);
        Admission::at_once()
    }

    /// What is allowed now. `memo` is what the last decision returned, empty at
    /// first.
    fn decide(&self, view: &View, memo: &[u8]) -> Decision;

    /// Takes over the memo of another version or component.
    ///
    /// # Errors
    /// A sentence saying why it cannot.
    fn migrate(&self, from_component: &str, memo: &[u8]) -> Result<Vec<u8>, String> {
        let _ = (from_component, memo);
        Err("this policy takes over no memo of another".to_owned())
    }
}

impl Admission {
    /// Now, in any order.
    pub fn at_once() -> Self {
        Self {
            not_before: None,
            needs_connection: false,
            never: false,
            order_key: 0,
            reason: None,
        }
    }
}

impl Ceiling {
    /// No bound at all.
    pub const UNLIMITED: Self = Self {
        started: u64::MAX,
        in_progress: u64::MAX,
    };
}

impl StateCounts {
    /// The sum over all states: the cohort's size.
    pub fn total(&self) -> u64 {
        self.unended() + self.ended()
    }

    /// Assignments that have not ended.
    pub fn unended(&self) -> u64 {
        self.pending
            + self.deferred
            + self.admitted
            + self.transferring
            + self.offered
            + self.verifying
            + self.settling
            + self.waiting
            + self.cancelling
    }

    /// Assignments that have ended, in whatever way.
    pub fn ended(&self) -> u64 {
        self.succeeded
            + self.failed
            + self.rejected
            + self.skipped
            + self.cancelled
            + self.superseded
            + self.dead_lettered
    }
}
