use std::{fmt, num::NonZeroU32, sync::Arc};

use serde::{Deserialize, Serialize};

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Wraps a text that was checked where it came in.
            pub fn new(text: impl Into<Arc<str>>) -> Self {
                Self(text.into())
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type! {
    /// A device's name in the fleet: unique, 1 to [`DeviceId::MAX_BYTES`] bytes, never changes.
    DeviceId
}
name_type! {
    /// The name that the operator gave a rollout; with the release's digest it is the
    /// identity of a run.
    RolloutName
}
name_type! {
    /// The name of a `[plugins.NAME]` table.
    PluginName
}

name_type! {
    /// The name of a `[signals.NAME]` table.
    SignalName
}

impl DeviceId {
    /// Longest id accepted, in bytes of UTF-8: it is put into HTTP headers and log lines.
    pub const MAX_BYTES: usize = 256;
}

macro_rules! row_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

row_id! {
    /// A device's row in the store: smaller and faster than its [`DeviceId`] where a
    /// million of them are held.
    DeviceKey
}
row_id! {
    /// A release's row in the store.
    ReleaseKey
}
row_id! {
    /// A rollout's row in the store; older rollouts have smaller keys.
    RolloutKey
}
row_id! {
    /// A shadow of a rollout in the store: a policy that is asked and never obeyed.
    ShadowKey
}
row_id! {
    /// An assignment: one device in one rollout. Within a rollout ascending keys are
    /// ascending ranks.
    AssignmentId
}

/// The position of an event in the log: 1 for the first, without gaps.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Sequence(pub u64);

/// Names an attempt on the wire: unique for a state file, 1 to 2^31 − 1, because device
/// protocols keep it in a positive 32-bit integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AttemptId(pub NonZeroU32);

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A cohort's position in its rollout, from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CohortIndex(pub u32);
