//! How a device behaves.

use std::{num::NonZeroU64, ops::RangeInclusive, time::Duration};

use http::StatusCode;
use windlass_model::Connectivity;

use crate::dice::{Dice, Question};

/// How a device behaves. The default is a perfect device: online, immediate, faultless.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    /// How long every answer is held back, drawn evenly from this range for each request.
    /// A push is installed before its answer is held back.
    pub latency: RangeInclusive<Duration>,
    /// Most bytes of a body that are read in a second; `None` is as fast as it goes.
    pub bandwidth: Option<NonZeroU64>,
    /// What happens between a good body and the new version.
    pub install: Install,
    /// How long a device restarts once it has installed: connections are turned away, and
    /// the new version runs only after it.
    pub reboot: Duration,
    /// What goes wrong, if anything does.
    pub failing: Option<Failing>,
    /// Set if the device starts offline: its connections are refused, or reset where many
    /// devices share a listener.
    pub offline: Option<Offline>,
    /// The status that the export gives, where it is to differ from the truth.
    pub listed_as: Option<Connectivity>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            latency: Duration::ZERO..=Duration::ZERO,
            bandwidth: None,
            install: Install::default(),
            reboot: Duration::ZERO,
            failing: None,
            offline: None,
            listed_as: None,
        }
    }
}

impl Behaviour {
    /// A perfect device but for this fault.
    pub fn failing(fault: Fault, when: When) -> Self {
        Self {
            failing: Some(Failing { fault, when }),
            ..Self::default()
        }
    }

    /// Whether the `nth` connection, from 0, is turned away.
    pub(crate) fn refuses(&self, dice: Dice, nth: u64) -> bool {
        self.failing.as_ref().is_some_and(|failing| {
            matches!(failing.fault, Fault::Refuse) && failing.when.holds(dice, nth, None)
        })
    }

    /// Whether no connection will ever be taken.
    pub(crate) fn never_listens(&self) -> bool {
        matches!(
            self.failing,
            Some(Failing {
                fault: Fault::Refuse,
                when: When::Always
            })
        )
    }

    /// What goes wrong with the `nth` push, from 0, which is one of this version.
    pub(crate) fn fault_of_push(
        &self,
        dice: Dice,
        nth: u64,
        version: Option<&str>,
    ) -> Option<&Fault> {
        self.failing
            .as_ref()
            .filter(|failing| failing.when.holds(dice, nth, version))
            .map(|failing| &failing.fault)
    }

    /// What the `nth` question for the version, from 0, is answered instead of `running`.
    pub(crate) fn mute(&self, dice: Dice, nth: u64, running: &str) -> Option<StatusCode> {
        let failing = self.failing.as_ref()?;
        match failing.fault {
            Fault::Mute { code } if failing.when.holds(dice, nth, Some(running)) => Some(code),
            _ => None,
        }
    }
}

/// What happens between a good body and the new version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Install {
    /// From the end of the body until the new version runs.
    pub takes: Duration,
    /// What is said of the version until then.
    pub meanwhile: Meanwhile,
}

/// What `GET /version` answers during an install.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Meanwhile {
    /// The version that ran before.
    #[default]
    OldVersion,
    /// 503.
    Unavailable,
}

/// A fault and when it strikes.
#[derive(Clone, Debug, PartialEq)]
pub struct Failing {
    /// What goes wrong.
    pub fault: Fault,
    /// Which pushes it strikes; for [`Fault::Refuse`], which connections, and for
    /// [`Fault::Mute`], which questions for the version.
    pub when: When,
}

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection is refused if the device has a port of its own and always refuses,
    /// else reset as soon as it is accepted.
    Refuse,
    /// The body is read, nothing is installed, and this status is the answer.
    Status {
        /// The HTTP status.
        code: StatusCode,
        /// Seconds for a `Retry-After` header.
        retry_after: Option<u32>,
    },
    /// The body is read, nothing is installed, and no answer comes.
    Hang,
    /// The body is read and installed, and no answer comes. With [`Install::takes`] it is
    /// installed later, whatever has become of its sender.
    Swallow,
    /// The body is read and installed, and the answer comes so much later.
    Late {
        /// From the end of the body, beside the device's latency.
        after: Duration,
    },
    /// The connection is closed once this many bytes of the body were read (or at its
    /// end, if it is shorter), without an answer.
    Cut {
        /// Bytes of the body.
        after: u64,
    },
    /// The release is installed and runs for so long; then the version before runs again.
    FallBack {
        /// From the moment it runs.
        after: Duration,
    },
    /// The version is not told: `GET /version` answers with this status.
    Mute {
        /// Such as 404 or 501.
        code: StatusCode,
    },
    /// The push is answered with success and the old version stays.
    KeepVersion,
    /// The release is installed, and `GET /version` answers with broken JSON until the
    /// next install.
    GarbledReport,
}

impl Fault {
    /// A failing status without `Retry-After`. A code that is no HTTP status (below 100
    /// or over 999) becomes 500.
    pub fn status(code: u16) -> Self {
        Self::Status {
            code: StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            retry_after: None,
        }
    }
}

/// Which pushes, or connections, a fault strikes.
#[derive(Clone, Debug, PartialEq)]
pub enum When {
    /// Every one.
    Always,
    /// The first so many; those after them succeed.
    First(u64),
    /// Each with this probability, 0.0 to 1.0.
    Chance(f64),
    /// Those of this version, by their `X-Release-Version`; for [`Fault::Mute`], while it
    /// runs. Others succeed, so a device may fail for a bad build and take the next one.
    Version(String),
}

impl When {
    fn holds(&self, dice: Dice, nth: u64, version: Option<&str>) -> bool {
        match self {
            Self::Always => true,
            Self::First(count) => nth < *count,
            Self::Chance(share) => dice.chance(Question::Failing, nth, *share),
            Self::Version(bad) => version == Some(bad.as_str()),
        }
    }
}

/// A device that starts offline.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offline {
    /// When it comes online by itself, from the start of the fleet; `None` leaves it to
    /// [`Fleet::connect`](crate::Fleet::connect).
    pub comes_online_after: Option<Duration>,
}
