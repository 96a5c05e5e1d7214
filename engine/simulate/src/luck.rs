//! What happens to devices: as drawn, or as badly for an abort as can be.

use std::time::Duration;

use windlass_core::admission::GATE_HOLDS;
use windlass_model::{CohortIndex, Timestamp};

use crate::{
    bits::Bits,
    draw::{Dice, Draw},
    faults::Faults,
    fleet::Fleet,
    scenario::Scenario,
};

/// The natural logarithm of a million: what comes out worse than the worst case does so less
/// than once in so many sessions.
const LN_MILLION: f64 = 13.815_510_557_964_274;

/// How an attempt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// The device takes it all after so long, and runs it.
    Well(Duration),
    /// It takes it all after so long, and is broken by it.
    Breaks(Duration),
    /// The network fails it after so long.
    Network(Duration),
}

/// Who decides over devices.
#[derive(Debug)]
pub(crate) enum Luck {
    /// The seed.
    Drawn,
    /// Every device is there, and of a cohort only so many are broken as its size makes all
    /// but certain, each as late as can be: an abort comes no later in any session but one
    /// in a million.
    ///
    /// Each start breaks a device with the same probability. By Chernoff's bound, less than
    /// once in a million `k` or fewer of `n` starts do, if `n` times the relative entropy of
    /// `k / n` to that probability is the logarithm of a million or more.
    Worst {
        /// The share of first attempts that show a broken device.
        shown: f64,
        /// Of each cohort.
        toll: Vec<Toll>,
        /// Those that are broken.
        broken: Bits,
        /// Not every push is long enough to tell of it, so devices must be asked.
        late: bool,
    },
}

impl Luck {
    pub(crate) fn worst(scenario: &Scenario, cohorts: usize) -> Self {
        let faults = &scenario.faults;
        // A first attempt that the network fails hides a broken device: abort thresholds
        // count first attempts only.
        let exposed = GATE_HOLDS + faults.slowest();
        let hidden = faults.flaky + scenario.fleet.breaks_within(exposed);
        Self::Worst {
            shown: faults.broken.unwrap_or(1.0) * (1.0 - hidden).max(0.0),
            toll: vec![Toll::default(); cohorts],
            broken: Bits::none(scenario.fleet.devices()),
            late: faults.known_after > faults.quickest(),
        }
    }

    /// How the attempt goes that begins now.
    pub(crate) fn course(
        &mut self,
        scenario: &Scenario,
        cohort: CohortIndex,
        device: u64,
        number: u32,
    ) -> Course {
        let faults = &scenario.faults;
        match self {
            Self::Drawn => {
                let dice = Dice::new(scenario.seed);
                let length = transfer(dice, scenario, device, number);
                if dice.share(Draw::Flaky, device, number.into()) < faults.flaky {
                    let part = dice.share(Draw::Broken, device, number.into());
                    Course::Network(length.mul_f64(part))
                } else if is_bad(dice, scenario, device) {
                    Course::Breaks(length)
                } else {
                    Course::Well(length)
                }
            }
            Self::Worst {
                shown,
                toll,
                broken,
                late: _,
            } => {
                if number == 1
                    && let Some(toll) = toll.get_mut(cohort.0 as usize)
                    && toll.starts(*shown)
                {
                    broken.set(device);
                }
                // A slot that is free early lets another start early.
                if broken.has(device) {
                    Course::Breaks(faults.quickest())
                } else {
                    Course::Well(faults.quickest())
                }
            }
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
            Self::Worst { broken, late, .. } if *late && broken.has(device) => limit,
            Self::Worst { .. } => from,
        }
    }

    /// How long after the start of an attempt it can be known that it broke its device.
    pub(crate) fn known_after(&self, faults: &Faults) -> Duration {
        match self {
            Self::Drawn => faults.known_after,
            Self::Worst { .. } => faults.known_after.max(faults.slowest()),
        }
    }

    /// Whether a push that takes `length` tells itself that it broke its device.
    pub(crate) fn push_tells(&self, faults: &Faults, length: Duration) -> bool {
        match self {
            Self::Drawn => faults.known_after <= length,
            // The slot is free before: the device tells when it is asked.
            Self::Worst { .. } => false,
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
            Self::Worst { .. } => Some(Timestamp(u64::MAX)),
        }
    }
}

fn is_bad(dice: Dice, scenario: &Scenario, device: u64) -> bool {
    let broken = scenario.faults.broken.unwrap_or(0.0);
    dice.share(Draw::Bad, device, 0) < broken
}

fn transfer(dice: Dice, scenario: &Scenario, device: u64, number: u32) -> Duration {
    let faults = &scenario.faults;
    let millis = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let (low, high) = (millis(faults.quickest()), millis(faults.slowest()));
    let drawn = dice.between(Draw::Transfer, (device, number.into()), low, high + 1);
    Duration::from_millis(drawn)
}

/// How many devices of a cohort are broken, all but certainly.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Toll {
    started: u64,
    broken: u64,
}

impl Toll {
    /// One more is started; whether one more is broken, if `share` of the starts break.
    fn starts(&mut self, share: f64) -> bool {
        self.started += 1;
        let (started, broken) = (self.started as f64, self.broken as f64);
        let breaks = share >= 1.0 || started * entropy(broken / started, share) >= LN_MILLION;
        self.broken += u64::from(breaks);
        breaks
    }
}

/// The relative entropy of a share to a greater one, which is below 1; 0 if it is not greater.
fn entropy(seen: f64, expected: f64) -> f64 {
    if seen >= expected {
        return 0.0;
    }
    let part = |seen: f64, expected: f64| {
        if seen > 0.0 {
            seen * (seen / expected).ln()
        } else {
            0.0
        }
    };
    part(seen, expected) + part(1.0 - seen, 1.0 - expected)
}
