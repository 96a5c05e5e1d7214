use crate::{Device, FailureKind, Timestamp};

/// What past rollouts tell of one device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceHistory {
    /// As the registry knows it now.
    pub device: Device,
    /// Over all rollouts, in the order in which they were started.
    pub attempts: Vec<PastAttempt>,
    /// In which it was put off because it was not known to be connected, over all rollouts,
    /// in the order in which they ended.
    pub waits: Vec<PastWait>,
}

/// An attempt as it was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastAttempt {
    /// When it began.
    pub started_at: Timestamp,
    /// When the delivery had done its part, by the newest report; none: never heard of again.
    pub ended_at: Option<Timestamp>,
    /// When it was known what became of it.
    pub settled_at: Option<Timestamp>,
    /// What became of it.
    pub outcome: PastOutcome,
    /// Payload bytes that left for the device.
    pub bytes: u64,
}

/// What became of a past attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastOutcome {
    /// Not recorded.
    Unknown,
    /// The device took all bytes, and nothing bad was heard of it.
    Delivered,
    /// The device was to fetch by itself, and nothing bad was heard of it.
    Offered,
    /// It failed, at once or after the device had taken all bytes.
    Failed(FailureKind),
    /// It was stopped on purpose.
    Cancelled,
}

/// A time in which a device was put off for want of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastWait {
    /// When that was first said.
    pub since: Timestamp,
    /// When the wait ended, or the record does.
    pub until: Timestamp,
    /// Why it ended.
    pub end: WaitEnd,
}

/// Why a wait for a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitEnd {
    /// The device connected.
    Connected,
    /// Something else: the rollout gave it up, or the record ends.
    Unknown,
}
