//! What the policy goes by, once the settings are found sound.

use jiff::tz::TimeZone;
use windlass_sdk::Milliseconds;

use crate::{moment::Moment, span::Window};

#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) zone: Zone,
    /// Empty for all time.
    pub(crate) windows: Vec<Window>,
    /// Less than any window lasts.
    pub(crate) last_start: Milliseconds,
    pub(crate) not_before: Option<Moment>,
    pub(crate) not_after: Option<Moment>,
    pub(crate) freezes: Vec<Freeze>,
    pub(crate) rest: Rest,
}

/// Whose wall clock counts.
#[derive(Clone, Debug)]
pub(crate) enum Zone {
    /// The operator's.
    Of(TimeZone),
    /// Each device's own.
    Device {
        /// What devices without one are taken to be in; none if they are skipped.
        without: Option<TimeZone>,
    },
}

#[derive(Clone, Debug)]
pub(crate) struct Freeze {
    pub(crate) from: Moment,
    pub(crate) to: Moment,
    pub(crate) reason: Option<String>,
    /// None for the zone that windows are read in.
    pub(crate) zone: Option<TimeZone>,
}

/// What becomes of devices that are left when a window ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    /// They wait for the next.
    NextWindow,
    /// After so many windows they are skipped.
    Stop { windows: u32 },
    /// After so many windows they start whenever they are connected.
    OnConnect { windows: u32 },
}

impl Rest {
    /// After how many windows the schedule is over.
    pub(crate) fn windows(self) -> Option<u32> {
        match self {
            Self::NextWindow => None,
            Self::Stop { windows } | Self::OnConnect { windows } => Some(windows),
        }
    }
}
