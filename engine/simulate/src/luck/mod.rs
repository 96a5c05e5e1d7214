//! What happens to devices: as drawn, or as badly for an abort as can be.
//!
//! - `drawn`: by the seed.
//! - `worst`: the worst case, of `odds` that make it all but certain.

mod drawn;
mod odds;
mod worst;

use std::time::Duration;

use windlass_model::{CohortIndex, FailureKind, Timestamp};

use crate::{fleet::Fleet, placing::Targets, scenario::Scenario};

use worst::Worst;

/// How an attempt goes on a device that stays connected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Course {
    /// For how long it transfers.
    pub(crate) transfer: Duration,
    /// So long after the start the device has it, and is harmed if it is broken by it.
    pub(crate) installs: Duration,
    /// What comes of it.
    pub(crate) turn: Turn,
}

/// What comes of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Turn {
    /// The device runs the release so long after the attempt's start.
    Well(Duration),
    /// The device is broken by it, and its transfer says so.
    BreaksLoudly,
    /// The device is broken by it, and says so when it is asked so long after the start.
    BreaksSilently(Duration),
    /// It fails before the device has it all.
    Fails(FailureKind),
}

impl Turn {
    pub(crate) fn breaks(self) -> bool {
        match self {
            Self::BreaksLoudly | Self::BreaksSilently(_) => true,
            Self::Well(_) | Self::Fails(_) => false,
        }
    }
}

/// Who decides over devices.
#[derive(Debug)]
pub(crate) enum Luck {
    /// The seed.
    Drawn,
    /// Whatever lets an abort come late.
    Worst(Box<Worst>),
}

impl Luck {
    pub(crate) fn worst(scenario: &Scenario, targets: &Targets) -> Self {
        Self::Worst(Box::new(Worst::new(scenario, targets)))
    }

    /// How the attempt goes that begins now.
    pub(crate) fn course(
        &mut self,
        scenario: &Scenario,
        cohort: CohortIndex,
        device: u64,
        number: u32,
    ) -> Course {
        match self {
            Self::Drawn => drawn::course(scenario, device, number),
            Self::Worst(worst) => worst.course(scenario, cohort, device, number),
        }
    }

    /// When a device tells what it runs that is asked in turns of `every` from `from` on;
    /// `limit`: not before it.
    pub(crate) fn answers(
        &self,
        fleet: &Fleet,
        device: u64,
        from: Timestamp,
        every: Duration,
        limit: Timestamp,
    ) -> Timestamp {
        match self {
            Self::Drawn => fleet.met(device, from, every, limit),
            // A broken one that its push does not tell of is away until nobody waits for it.
            Self::Worst(worst) if worst.is_away(device) => limit,
            Self::Worst(_) => from,
        }
    }

    /// How long after it began to run the release a device runs again what it ran before; none:
    /// it goes on running it. In the worst case none does that: a device that fell back only ever
    /// makes an abort come sooner.
    pub(crate) fn falls_back(&self, scenario: &Scenario, device: u64) -> Option<Duration> {
        match self {
            Self::Drawn => drawn::falls_back(scenario, device),
            Self::Worst(_) => None,
        }
    }

    /// Until when a device is connected that is at `now`; none: it is not.
    pub(crate) fn connected(
        &self,
        fleet: &Fleet,
        device: u64,
        now: Timestamp,
    ) -> Option<Timestamp> {
        match self {
            Self::Drawn => {
                let spell = fleet.spell(device, now);
                spell.online.then_some(spell.until)
            }
            Self::Worst(_) => Some(Timestamp(u64::MAX)),
        }
    }
}
