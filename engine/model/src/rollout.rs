use std::{collections::BTreeMap, num::NonZeroU32, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Cohort, PluginName, ReleaseKey, RetrySettings, RolloutKey, RolloutName, Sha256, Timestamp,
};

/// Where a rollout stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RolloutState {
    /// Planned, not begun.
    Draft,
    /// Starting devices.
    Running,
    /// A policy or a fault of ours starts nothing for now; it lifts by itself.
    Holding,
    /// Starts nothing until a person resumes it.
    Paused,
    /// Starts nothing any more; devices in flight finish.
    Aborting,
    /// Ended by an abort.
    Aborted,
    /// Every assignment ended.
    Completed,
}

/// What becomes of devices that are offline when their turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OfflineDevices {
    /// Put off until they connect.
    Defer,
    /// Skipped for good.
    Skip,
}

/// What to do when it cannot be found out what a device runs after a lost answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OnUncertain {
    /// Leave it to a person.
    DeadLetter,
    /// Push again; only for deliveries that declare pushes idempotent.
    PushAgain,
}

/// Whether pushed devices are asked what they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerifyMode {
    /// If the delivery can.
    WhenPossible,
    /// Never: delivered is succeeded.
    Off,
}

/// Limits on one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeouts {
    /// Longest time in which nothing moves.
    pub idle: Duration,
    /// From dispatch until the device is verified.
    pub attempt: Duration,
}

/// How the outcome of a lost attempt is found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettleSettings {
    /// How long a device that still runs another version is given the benefit of the
    /// doubt: it may be flashing or rebooting.
    pub grace: Duration,
    /// If it never tells.
    pub on_uncertain: OnUncertain,
}

/// What the rules of a rollout depend on, beside its policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutSettings {
    /// Retries per device.
    pub retry: RetrySettings,
    /// Per attempt.
    pub timeouts: Timeouts,
    /// After a lost answer.
    pub settle: SettleSettings,
    /// Devices that are not there.
    pub offline: OfflineDevices,
    /// How often a deferred device is probed, and a verifying one asked again.
    pub probe_interval: Duration,
    /// Whether devices are asked.
    pub verify: VerifyMode,
    /// Whether a device may be taken to an older version.
    pub allow_downgrade: bool,
    /// Orders devices within cohorts and draws jitter.
    pub seed: u64,
    /// Of two rollouts that want one device or one slot, the higher comes first.
    #[serde(default)]
    pub priority: i32,
    /// Transfers of this rollout at once; those of the engine if absent.
    #[serde(default)]
    pub concurrency: Option<NonZeroU32>,
    /// What is taken for a connection.
    #[serde(default)]
    pub connection: Connection,
    /// Whether devices that match later are taken too; they join the last cohort.
    #[serde(default)]
    pub dynamic: bool,
}

/// Whether a device whose connectivity is unknown may be pushed to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Connection {
    /// It may: the push finds out.
    #[default]
    Assumed,
    /// It must be known to be connected: it is probed first.
    Known,
}

/// Whether a rollout that ended is taken back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rollback {
    /// Nobody asked for it.
    #[default]
    NotWanted,
    /// A policy or a person wants it; the rollout that does it is still to be made.
    Wanted,
    /// Its rollouts are made.
    Made,
}

/// A plugin in force: what the identity of a run is compared by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginPin {
    /// Its name in the configuration.
    pub name: PluginName,
    /// Its component's bytes.
    pub component: Sha256,
    /// Its settings' canonical JSON.
    pub settings: Sha256,
}

/// A rollout as it was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RolloutPlan {
    /// Its name.
    pub name: RolloutName,
    /// Its release's row.
    pub release: ReleaseKey,
    /// Its rules.
    pub settings: RolloutSettings,
    /// In the order of the first policy's `cohorts`.
    pub cohorts: Vec<Cohort>,
    /// The filter's expression, if it takes one.
    pub filter_expression: Option<String>,
    /// The filter, if there is one.
    pub filter: Option<PluginPin>,
    /// The policies, in configured order.
    pub policies: Vec<PluginPin>,
    /// The deliveries, in configured order.
    pub deliveries: Vec<PluginPin>,
    /// Devices of the registry that the filter did not select.
    pub unselected: u64,
    /// The fleet file it was planned from, if there was one.
    pub fleet: Option<FleetPin>,
    /// The rollout that this one takes back, if it does.
    #[serde(default)]
    pub takes_back: Option<RolloutKey>,
}

/// Which devices a fleet file lists; their order and their fields do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetPin {
    /// How many.
    pub devices: u64,
    /// The bitwise exclusive or of the SHA-256 of each id.
    pub ids: Sha256,
}

/// A rollout with its row.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredRollout {
    /// Its row.
    pub key: RolloutKey,
    /// As planned.
    pub plan: RolloutPlan,
    /// Where it stands.
    pub state: RolloutState,
    /// When it was first started.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Pauses that are over, in total.
    pub paused_for: Duration,
    /// The beginning of the pause in force.
    pub paused_since: Option<Timestamp>,
    /// Whether it is to be taken back.
    pub rollback: Rollback,
}

/// How a run of a rollout came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Every assignment ended.
    Completed,
    /// A policy or person ended it.
    Aborted,
    /// It waits for a gate, a person or devices.
    Held,
    /// The engine was told to stop.
    Stopped,
}

/// Facts counted per rollout when it ends or stops.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// All assignments.
    pub targets: u64,
    /// By state word; absent means 0.
    pub states: BTreeMap<String, u64>,
}
