//! Which kinds of failure count.

use windlass_sdk::FailureCount;
use windlass_sdk::FailureKind::{self, *};

use crate::settings::KindSetting;

/// A set of kinds, a bit each. None of them is the engine's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u32);

impl Kinds {
    /// What devices do, silence included.
    pub(crate) const DEVICE: Self = Self::of(&[
        Rejected,
        Unauthorized,
        Incompatible,
        Corrupt,
        Busy,
        DeviceError,
        Silent,
        Regressed,
        Other,
    ]);
    pub(crate) const NETWORK: Self = Self::of(&[Unreachable, TimedOut, Interrupted]);
    /// All that are not the engine's own.
    pub(crate) const DEVICE_AND_NETWORK: Self = Self::DEVICE.and(Self::NETWORK);

    /// Devices that ran the release and fell back.
    pub(crate) const REGRESSED: Self = Self::of(&[Regressed]);

    pub(crate) fn named(names: &[KindSetting]) -> Self {
        names
            .iter()
            .fold(Self(0), |kinds, name| kinds.and(Self::of_name(*name)))
    }

    pub(crate) fn contains(self, kind: FailureKind) -> bool {
        self.0 & bit(kind) != 0
    }

    /// How many of these failures count.
    pub(crate) fn count(self, failures: &[FailureCount]) -> u64 {
        failures
            .iter()
            .filter(|failure| self.contains(failure.kind))
            .map(|failure| failure.count)
            .sum()
    }

    /// Those that are among `others` too.
    pub(crate) fn and_only(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }

    const fn of(kinds: &[FailureKind]) -> Self {
        let mut bits = 0;
        let mut rest = kinds;
        while let [kind, tail @ ..] = rest {
            bits |= bit(*kind);
            rest = tail;
        }
        Self(bits)
    }

    const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn of_name(name: KindSetting) -> Self {
        let kind = match name {
            KindSetting::Device => return Self::DEVICE,
            KindSetting::Network => return Self::NETWORK,
            KindSetting::Unreachable => Unreachable,
            KindSetting::TimedOut => TimedOut,
            KindSetting::Interrupted => Interrupted,
            KindSetting::Rejected => Rejected,
            KindSetting::Unauthorized => Unauthorized,
            KindSetting::Incompatible => Incompatible,
            KindSetting::Corrupt => Corrupt,
            KindSetting::Busy => Busy,
            KindSetting::DeviceError => DeviceError,
            KindSetting::Silent => Silent,
            KindSetting::Regressed => Regressed,
            KindSetting::Other => Other,
        };
        Self::of(&[kind])
    }
}

const fn bit(kind: FailureKind) -> u32 {
    1 << kind as u32
}

/// As settings and the contract spell it.
pub(crate) fn spell(kind: FailureKind) -> &'static str {
    match kind {
        Unreachable => "unreachable",
        TimedOut => "timed-out",
        Rejected => "rejected",
        Unauthorized => "unauthorized",
        Incompatible => "incompatible",
        Corrupt => "corrupt",
        Busy => "busy",
        DeviceError => "device-error",
        Interrupted => "interrupted",
        Plugin => "plugin",
        Source => "source",
        Shutdown => "shutdown",
        Silent => "silent",
        Regressed => "regressed",
        Other => "other",
    }
}
