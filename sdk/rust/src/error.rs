//! Why a delivery failed, and so what the host does next.

use std::time::Duration;

pub use crate::bindings::delivery::exports::windlass::plugin::protocol::DeliveryError;

/// One constructor a case. `message` is one sentence without a full stop; it is kept
/// with the attempt and shown to operators, so it holds no secret.
impl DeliveryError {
    /// No connection. Retried.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::Unreachable(message.into())
    }

    /// The device stopped answering. Retried.
    pub fn timed_out(message: impl Into<String>) -> Self {
        Self::TimedOut(message.into())
    }

    /// The connection broke after it was made. Retried.
    pub fn interrupted(message: impl Into<String>) -> Self {
        Self::Interrupted(message.into())
    }

    /// The device will not take this release. Not retried.
    pub fn rejected(message: impl Into<String>) -> Self {
        Self::Rejected(message.into())
    }

    /// The device does not accept our credentials. Not retried.
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self::Unauthorized(message.into())
    }

    /// The release is not for this device. Not retried.
    pub fn incompatible(message: impl Into<String>) -> Self {
        Self::Incompatible(message.into())
    }

    /// What arrived is not what was sent. Retried.
    pub fn corrupt(message: impl Into<String>) -> Self {
        Self::Corrupt(message.into())
    }

    /// Not now. Retried, not before `after` has passed if the device said so.
    pub fn busy(after: Option<Duration>, message: impl Into<String>) -> Self {
        let millis = |after: Duration| u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
        Self::Busy((after.map(millis), message.into()))
    }

    /// The device reported an error of its own. Retried.
    pub fn device_error(message: impl Into<String>) -> Self {
        Self::DeviceError(message.into())
    }

    /// The payload could not be read. Holds the rollout; the device is not blamed.
    pub fn source(message: impl Into<String>) -> Self {
        Self::Source(message.into())
    }

    /// Anything else. Not retried.
    pub fn other(message: impl Into<String>) -> Self {
        Self::Other(message.into())
    }
}
