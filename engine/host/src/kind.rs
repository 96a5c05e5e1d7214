use std::fmt;

use semver::Version;

/// The version of `windlass:plugin` that this engine speaks.
pub const CONTRACT_VERSION: Version = Version::new(0, 1, 0);

/// What a plugin is: one of the worlds of the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// Says which devices are meant.
    Filter,
    /// Says how fast, and when to stop.
    Policy,
    /// Says how bytes reach a device.
    Delivery,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Filter, Self::Policy, Self::Delivery];

    /// Its word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Filter => "filter",
            Self::Policy => "policy",
            Self::Delivery => "delivery",
        }
    }

    /// Its world in the contract.
    pub fn world(self) -> &'static str {
        match self {
            Self::Filter => "device-filter",
            Self::Policy => "rollout-policy",
            Self::Delivery => "delivery",
        }
    }

    /// The interface that it exports, without version.
    pub(crate) fn interface(self) -> &'static str {
        match self {
            Self::Filter => "windlass:plugin/filter",
            Self::Policy => "windlass:plugin/policy",
            Self::Delivery => "windlass:plugin/protocol",
        }
    }

    pub(crate) fn with_article(self) -> &'static str {
        match self {
            Self::Filter => "a filter",
            Self::Policy => "a policy",
            Self::Delivery => "a delivery",
        }
    }

    pub(crate) fn import_rule(self) -> &'static str {
        match self {
            Self::Filter | Self::Policy => {
                "it is pure, so all it needs has to come in its settings and arguments"
            }
            Self::Delivery => "it reaches devices by wasi:http/outgoing-handler or wasi:sockets",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
