use std::{num::NonZeroUsize, path::PathBuf};

use serde::{Deserialize, Serialize};
use windlass_model::{
    DeviceId, FailureKind, Hold, HoldKind, HoldSubject, LoggedEvent, RolloutName, RolloutState,
    Steering, Timestamp,
};
use windlass_runtime::{RunEnd, WaitFor, progress::Progress};

use super::{
    shadow::{ShadowErrand, Shadowed},
    swapped::{SwapErrand, Swapped},
};

/// The version of what is said on the socket: another one for every change of what may be said,
/// also for what is only added, because the other end would take it for nonsense. Both ends are
/// usually one binary; if not, the client says so and asks nothing. What happened to a rollout is
/// the exception: a client does not ask for events that it does not know, and says so if one
/// comes.
pub const PROTOCOL: u32 = 2;

/// The server's first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// [`PROTOCOL`] of the owner.
    pub protocol: u32,
    /// The owner's version.
    pub windlass: String,
    /// Its process.
    pub pid: u32,
}

/// The client's first line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// Who asks.
    pub actor: String,
    /// Why; may be empty.
    pub reason: String,
    /// What.
    pub what: Errand,
}

/// What can be asked of the owner of a state file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Errand {
    /// Something that would be done without an owner too.
    Chore(Chore),
    /// What the owner drives.
    Status,
    /// Run a further rollout.
    Run(RunErrand),
}

/// What is done in a moment, by whoever has the state file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chore {
    /// An order to a rollout.
    Steer {
        /// Which; without a name the only one that has not ended.
        rollout: Option<RolloutName>,
        /// What.
        order: Steering,
    },
    /// Put other policies in force.
    SwapPolicies(SwapErrand),
    /// Put a policy in shadow, or take it out.
    Shadow(ShadowErrand),
    /// What becomes of dead letters; one order per rollout that has some.
    DeadLetters {
        /// Only this rollout's.
        rollout: Option<RolloutName>,
        /// Which.
        which: Which,
        /// What becomes of them.
        fate: Fate,
    },
    /// Keep devices out of rollouts, or on a version.
    PlaceHold {
        /// Which devices.
        subject: HoldSubject,
        /// What from.
        kind: HoldKind,
        /// Until when; for good without it.
        until: Option<Timestamp>,
    },
    /// Take a hold away.
    LiftHold {
        /// Whose.
        subject: HoldSubject,
    },
    /// Allow a condemned release again.
    Forgive {
        /// Its name.
        release: String,
        /// Its version.
        version: String,
    },
    /// Bring a file of devices into the registry.
    Import {
        /// An absolute path.
        file: PathBuf,
    },
    /// Take a device out of the fleet, or back.
    Decommission {
        /// Which.
        device: DeviceId,
        /// Back.
        undo: bool,
    },
}

/// A rollout to run in the owner's process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunErrand {
    /// Its configuration, an absolute path.
    pub config: PathBuf,
    /// Where the client stands: texts name paths as they look from there.
    pub directory: PathBuf,
    /// What the client says instead of `engine.state`.
    pub state: Option<PathBuf>,
    /// What the client says instead of `engine.concurrency`.
    pub concurrency: Option<NonZeroUsize>,
    /// When to come back.
    pub wait: WaitFor,
    /// Lift a pause.
    pub resume: bool,
    /// Go on although something changed.
    pub accept_changes: bool,
}

/// Which dead letters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Which {
    /// Those of these devices.
    Devices(Vec<DeviceId>),
    /// All, or all whose last failure was of a kind.
    All {
        /// The kind.
        kind: Option<FailureKind>,
    },
}

/// What becomes of a dead letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It gets fresh attempts.
    Requeue,
    /// It ends as failed.
    Dismiss,
}

/// A further line of a client that runs a rollout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Interrupt {
    /// Start nothing more, let what is in flight finish.
    Stop,
    /// End at once.
    Cut,
}

/// What the owner answers. [`Response::Done`], [`Response::Driving`], [`Response::Refused`],
/// [`Response::Failed`] and [`Response::Over`] are last lines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Response {
    /// It was done, and is durable.
    Done(Done),
    /// The request is wrong; nothing was touched.
    Refused(String),
    /// Something broke.
    Failed(String),
    /// Worth a look; the work goes on.
    Warning(String),
    /// The rollout runs.
    Entered(RolloutName),
    /// Something happened to it.
    Event {
        /// To this rollout, or one that takes it back.
        rollout: Option<RolloutName>,
        /// What.
        logged: LoggedEvent,
    },
    /// How far it is.
    Progress(Box<Progress>),
    /// Its run is over; one that takes it back may be entered next.
    Ended(RunEnd),
    /// Devices stay on a release that was to be taken back.
    LeftBehind(String),
    /// Nothing further comes of the run.
    Over,
    /// What the owner drives.
    Driving(Vec<RolloutName>),
}

/// What was done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Done {
    /// An order was carried out.
    Steered {
        /// Of which rollout.
        rollout: RolloutName,
        /// The order.
        order: Steering,
        /// Where the rollout stands now.
        state: RolloutState,
        /// Whether somebody drives it, so that the order takes effect at once.
        driven: bool,
    },
    /// Other policies are in force, or would be.
    PoliciesSwapped(Box<Swapped>),
    /// A policy is in shadow, or no longer.
    Shadowed(Shadowed),
    /// Dead letters were dealt with.
    DeadLetters {
        /// How.
        fate: Fate,
        /// How many.
        devices: u64,
        /// Of which rollouts.
        rollouts: Vec<RolloutName>,
        /// Whether all of these are driven.
        driven: bool,
    },
    /// A hold is in force.
    HoldPlaced(Hold),
    /// A hold is gone.
    HoldLifted(HoldSubject),
    /// A release may start again.
    Forgiven {
        /// Its name.
        release: String,
        /// Its version.
        version: String,
    },
    /// A file of devices was read.
    Imported(Imported),
    /// A device is no longer of the fleet.
    Decommissioned(DeviceId),
    /// A device is of the fleet again.
    Recommissioned(DeviceId),
}

/// What an import changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// New devices.
    pub added: u64,
    /// Devices with a field that differs.
    pub changed: u64,
    /// The others of the file.
    pub unchanged: u64,
}
