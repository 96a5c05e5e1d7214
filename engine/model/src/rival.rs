use crate::{DeviceKey, RolloutKey, RolloutState, StateKind};

/// Another rollout's assignment of a device, as far as it matters for who comes first
/// (design §7.8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rival {
    /// The device.
    pub device: DeviceKey,
    /// The other rollout; of two, the lower key is the older.
    pub rollout: RolloutKey,
    /// Where that rollout stands.
    pub rollout_state: RolloutState,
    /// Its priority.
    pub priority: i32,
    /// Its release's name.
    pub release: String,
    /// Its release's version.
    pub version: String,
    /// Where the device stands in it.
    pub state: StateKind,
}
