use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What ended an attempt without success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The address refused the connection or was not reached.
    Unreachable,
    /// Nothing moved within the idle time-out, or the attempt's limit passed.
    TimedOut,
    /// The device said no to this release for good.
    Rejected,
    /// It did not accept our credentials.
    Unauthorized,
    /// The release is not for this kind of device.
    Incompatible,
    /// What arrived was not what was sent.
    Corrupt,
    /// Busy with something else.
    Busy,
    /// It reported an error of its own, or ran another version after taking the release.
    DeviceError,
    /// The connection broke in the middle.
    Interrupted,
    /// The delivery plugin trapped, timed out or broke its contract.
    Plugin,
    /// The payload could not be read or had changed.
    Source,
    /// The engine stopped.
    Shutdown,
    /// Nothing was heard before the deadline.
    Silent,
    /// It ran the release and fell back.
    Regressed,
    /// Anything else the delivery reported.
    Other,
}

/// Whose trouble a failure is (design §7.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureClass {
    /// The device's: it counts in gates and abort thresholds.
    Device,
    /// The network's: it counts only where a policy asks for it.
    Network,
    /// Ours: it never uses up an attempt.
    Ours,
}

impl FailureKind {
    /// Every kind, in declaration order.
    pub const ALL: [Self; 15] = [
        Self::Unreachable,
        Self::TimedOut,
        Self::Rejected,
        Self::Unauthorized,
        Self::Incompatible,
        Self::Corrupt,
        Self::Busy,
        Self::DeviceError,
        Self::Interrupted,
        Self::Plugin,
        Self::Source,
        Self::Shutdown,
        Self::Silent,
        Self::Regressed,
        Self::Other,
    ];

    /// Whose trouble it is.
    pub fn class(self) -> FailureClass {
        match self {
            Self::Unreachable | Self::TimedOut | Self::Interrupted => FailureClass::Network,
            Self::Plugin | Self::Source | Self::Shutdown => FailureClass::Ours,
            Self::Rejected
            | Self::Unauthorized
            | Self::Incompatible
            | Self::Corrupt
            | Self::Busy
            | Self::DeviceError
            | Self::Silent
            | Self::Regressed
            | Self::Other => FailureClass::Device,
        }
    }

    /// Whether another attempt may succeed.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::Unreachable
            | Self::TimedOut
            | Self::Corrupt
            | Self::Busy
            | Self::DeviceError
            | Self::Interrupted
            | Self::Plugin
            | Self::Source
            | Self::Shutdown
            | Self::Silent => true,
            Self::Rejected
            | Self::Unauthorized
            | Self::Incompatible
            | Self::Regressed
            | Self::Other => false,
        }
    }

    /// Its word in logs, tables and the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed-out",
            Self::Rejected => "rejected",
            Self::Unauthorized => "unauthorized",
            Self::Incompatible => "incompatible",
            Self::Corrupt => "corrupt",
            Self::Busy => "busy",
            Self::DeviceError => "device-error",
            Self::Interrupted => "interrupted",
            Self::Plugin => "plugin",
            Self::Source => "source",
            Self::Shutdown => "shutdown",
            Self::Silent => "silent",
            Self::Regressed => "regressed",
            Self::Other => "other",
        }
    }
}

/// One failure with what was said about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// Its kind.
    pub kind: FailureKind,
    /// For people; cut at [`Failure::MAX_MESSAGE_BYTES`].
    pub message: String,
    /// The device asked not to be tried again sooner.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// Longest message kept: a device's error page must not fill the database.
    pub const MAX_MESSAGE_BYTES: usize = 512;

    /// A failure of `kind` with a message cut to what is kept.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > Self::MAX_MESSAGE_BYTES {
            let end = message.floor_char_boundary(Self::MAX_MESSAGE_BYTES);
            message.truncate(end);
        }
        Self {
            kind,
            message,
            retry_after: None,
        }
    }
}
