use windlass_sdk::prelude::*;

/// A kind of failure, or all kinds of a class. The engine's own failures (a plugin's
/// trap, an unreadable payload, a shutdown) are not among them: they say nothing about
/// a release or a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", rename_all = "kebab-case")]
#[schemars(crate = "windlass_sdk::schemars")]
pub enum KindSetting {
    /// Every kind that is the device's doing, `silent` included.
    Device,
    /// Every kind that is the network's doing.
    Network,
    /// Network: the device was not reached.
    Unreachable,
    /// Network: nothing moved within the idle time-out.
    TimedOut,
    /// Network: the connection broke in the middle.
    Interrupted,
    /// Device: it said no to this release for good.
    Rejected,
    /// Device: it did not accept the credentials.
    Unauthorized,
    /// Device: the release is not for this kind of device.
    Incompatible,
    /// Device: what arrived was not what was sent.
    Corrupt,
    /// Device: busy with something else.
    Busy,
    /// Device: it reported an error of its own, or went on running another version.
    DeviceError,
    /// Device: nothing was heard from it before its deadline.
    Silent,
    /// Device: it ran the release and fell back to another.
    Regressed,
    /// Device: anything else.
    Other,
}
