use serde::{Deserialize, Serialize};

use crate::{CohortIndex, DeviceId, Timestamp};

/// What a person asks of a rollout, and who asks why. Every order that is carried out is
/// kept as an event, in the transaction of what it did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// Who.
    pub actor: String,
    /// Why; may be empty.
    pub reason: String,
    /// What.
    pub what: Steering,
}

/// The orders. One that does not fit the rollout's state is refused and changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Steering {
    /// Start nothing until resumed.
    Pause,
    /// Go on after a pause. Pause reasons that a policy gave and still gives are taken as
    /// overruled.
    Resume,
    /// End the rollout.
    Abort {
        /// What becomes of transfers under way.
        in_flight: InFlight,
    },
    /// Take the release back: the rollout is aborted if it has not ended, and another one
    /// brings its devices back to what they ran before.
    RollBack {
        /// What becomes of transfers under way.
        in_flight: InFlight,
    },
    /// Consent to pass a gate that a policy waits at.
    Approve {
        /// Its name.
        gate: String,
        /// When the consent lapses, if nobody passed by it before.
        expires: Option<Timestamp>,
    },
    /// Go on past the gate that the rollout stands at.
    Advance {
        /// Past every further gate too.
        full: bool,
    },
    /// Leave a device out; one in flight is left out after its attempt.
    Exclude {
        /// Which.
        device: DeviceId,
    },
    /// Try a waiting or deferred device now.
    Retry {
        /// Which.
        device: DeviceId,
    },
    /// Give dead-lettered devices fresh attempts. Reopens a rollout that has completed.
    Requeue {
        /// Which.
        devices: Vec<DeviceId>,
    },
    /// Leave dead-lettered devices as they are, for good: they end as failed.
    Dismiss {
        /// Which.
        devices: Vec<DeviceId>,
    },
}

/// What becomes of transfers under way at an abort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InFlight {
    /// They come to their end.
    #[default]
    Finish,
    /// They are cut.
    Cancel,
}

/// A person's order to go on past gates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Advance {
    /// Past the end of this cohort; none: past everything that is left.
    pub cohort: Option<CohortIndex>,
    /// Who.
    pub actor: String,
    /// When.
    pub at: Timestamp,
}

impl Steering {
    /// The devices that it names.
    pub fn devices(&self) -> Vec<DeviceId> {
        match self {
            Self::Exclude { device } | Self::Retry { device } => vec![device.clone()],
            Self::Requeue { devices } | Self::Dismiss { devices } => devices.clone(),
            Self::Pause
            | Self::Resume
            | Self::Abort { .. }
            | Self::RollBack { .. }
            | Self::Approve { .. }
            | Self::Advance { .. } => Vec::new(),
        }
    }
}
