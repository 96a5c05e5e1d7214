use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use windlass_model::{AssignmentId, AttemptId, AttemptOutcome, Device, Release, Value};

use crate::{
    lease::{DEFAULT_RESPONSE_LIMIT, JobObserver},
    payload::Throttle,
};

/// What an operator allows a delivery.
#[derive(Clone, Debug)]
pub struct DeliveryOptions {
    /// Places that it may reach besides the address of the device in hand, as URLs.
    pub grants: Vec<String>,
    /// Longest body of a device's answer, in bytes.
    pub response_limit: u64,
}

impl Default for DeliveryOptions {
    /// Nothing besides the device, and answers of 1 MiB.
    fn default() -> Self {
        Self {
            grants: Vec::new(),
            response_limit: DEFAULT_RESPONSE_LIMIT,
        }
    }
}

/// One attempt at one device.
#[derive(Clone)]
pub struct Job {
    /// The device.
    pub device: Arc<Device>,
    /// What it is to run.
    pub release: Arc<Release>,
    /// The assignment.
    pub assignment: AssignmentId,
    /// Its attempt.
    pub attempt: AttemptId,
    /// 1 for the assignment's first attempt.
    pub number: u32,
    /// What the last attempt kept.
    pub checkpoint: Option<Vec<u8>>,
    /// Longest time in which nothing moves.
    pub idle: Duration,
    /// Longest time of all, from the call.
    pub deadline: Duration,
    /// Fires when it is to stop.
    pub cancel: CancellationToken,
    /// Hears of progress and checkpoints.
    pub observer: Arc<dyn JobObserver>,
    /// Bounds on the bandwidth that it shares with other jobs.
    pub throttles: Vec<Arc<Throttle>>,
}

/// How long a probe may take.
#[derive(Clone, Copy, Debug)]
pub struct ProbeLimits {
    /// Longest time in which nothing moves.
    pub idle: Duration,
    /// Longest time of all, from the call.
    pub deadline: Duration,
}

/// How a push ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PushEnd {
    /// What came of it.
    pub outcome: AttemptOutcome,
    /// Payload bytes that left in this attempt, whether or not the device took them.
    pub bytes_sent: u64,
    /// How far into the payload it came, counted from its start: beyond `bytes_sent` if it
    /// went on where an earlier attempt had ended.
    pub reached: u64,
}

/// What a delivery can do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    /// `probe` can tell a device's state.
    pub probes: bool,
    /// `verify` can tell what a device runs.
    pub verifies: bool,
    /// Pushing a release twice does no more harm than pushing it once.
    pub idempotent_push: bool,
    /// Goes on from a checkpoint.
    pub resumes: bool,
    /// Understands messages of devices that fetch by themselves.
    pub interprets: bool,
}

/// What a probe found out.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceState {
    /// Whether it answers.
    pub reachable: bool,
    /// The version that it runs, if it told.
    pub version: Option<String>,
    /// Further facts by name.
    pub facts: BTreeMap<String, Value>,
}
