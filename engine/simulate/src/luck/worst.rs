use std::time::Duration;

use windlass_core::admission::GATE_HOLDS;
use windlass_model::CohortIndex;

use super::{Course, Turn, odds::Odds};
use crate::{
    bits::Bits,
    placing::{Targets, number},
    scenario::Scenario,
};

/// Every device is there, and of a cohort only so many are broken as its size makes all but
/// certain, each as late as can be: an abort comes no later in any session but one in a million.
///
/// Devices of a recorded fleet differ. Which of a cohort are started first is not known before,
/// so its n-th start is taken to be the n-th quickest, the n-th most seldom to show that it is
/// broken, and, if it is, the one that takes the longest of those left.
#[derive(Debug)]
pub(crate) struct Worst {
    cohorts: Vec<Cohort>,
    /// Those that are broken.
    broken: Bits,
    /// Not every push is long enough to tell of it, so devices must be asked.
    late: bool,
}

#[derive(Debug)]
struct Cohort {
    /// The chance of each that its first attempt shows that it is broken, the least first.
    shown: Each<f64>,
    /// The chance of each that an attempt gives its slot back early, the greatest first.
    brief: Each<f64>,
    /// The shortest transfer of each, the shortest first.
    quickest: Each<Duration>,
    /// The longest time of each until it can be known what it runs, the longest first.
    latest: Each<Duration>,
    started: usize,
    breaks: Odds,
    returns: Odds,
}

/// A value of each device.
#[derive(Debug)]
enum Each<T> {
    All(T),
    InOrder(Vec<T>),
}

impl<T: Copy> Each<T> {
    fn get(&self, index: usize) -> Option<T> {
        match self {
            Self::All(value) => Some(*value),
            Self::InOrder(values) => values.get(index).copied(),
        }
    }
}

/// What is reckoned with of one device.
#[derive(Clone, Copy)]
struct Reckoned {
    shown: f64,
    brief: f64,
    quickest: Duration,
    latest: Duration,
}

impl Worst {
    pub(super) fn new(scenario: &Scenario, targets: &Targets) -> Self {
        let cohorts = targets.cohorts.len();
        let (cohorts, quickest): (Vec<_>, _) = if scenario.fleet.is_alike() {
            let one = reckon(scenario, 0);
            let cohorts = (0..cohorts).map(|_| Cohort::alike(one));
            (cohorts.collect(), one.quickest)
        } else {
            let mut members = vec![Vec::new(); cohorts];
            for (device, cohort) in &targets.ranked {
                if let Some(members) = members.get_mut(cohort.0 as usize) {
                    members.push(reckon(scenario, number(*device)));
                }
            }
            let all = members.iter().flatten();
            let quickest = all.map(|device| device.quickest).min();
            let cohorts = members.into_iter().map(Cohort::of);
            (cohorts.collect(), quickest.unwrap_or_default())
        };
        Self {
            cohorts,
            broken: Bits::none(scenario.fleet.devices()),
            late: scenario.faults.known_after > quickest,
        }
    }

    pub(super) fn course(
        &mut self,
        scenario: &Scenario,
        cohort: CohortIndex,
        device: u64,
        number: u32,
    ) -> Course {
        let quickest = reckon_transfer(scenario, device);
        let Some(cohort) = self.cohorts.get_mut(cohort.0 as usize) else {
            return Course::well(quickest);
        };
        if number > 1 {
            return match self.broken.has(device) {
                true => cohort.broken(scenario, quickest),
                false => Course::well(quickest),
            };
        }
        let start = cohort.started;
        cohort.started += 1;
        let brief = cohort.brief.get(start).unwrap_or_default();
        let transfer = if cohort.returns.at_most(brief) {
            // Whoever comes next has the slot at once.
            Duration::ZERO
        } else {
            cohort.quickest.get(start).unwrap_or_default()
        };
        let shown = cohort.shown.get(start).unwrap_or_default();
        if cohort.breaks.at_least(shown) {
            self.broken.set(device);
            cohort.broken(scenario, transfer)
        } else {
            Course::well(transfer)
        }
    }

    /// Whether a device is broken and away.
    pub(super) fn is_away(&self, device: u64) -> bool {
        self.late && self.broken.has(device)
    }
}

impl Cohort {
    fn alike(device: Reckoned) -> Self {
        Self {
            shown: Each::All(device.shown),
            brief: Each::All(device.brief),
            quickest: Each::All(device.quickest),
            latest: Each::All(device.latest),
            started: 0,
            breaks: Odds::default(),
            returns: Odds::default(),
        }
    }

    fn of(devices: Vec<Reckoned>) -> Self {
        let each = |of: fn(&Reckoned) -> f64| -> Vec<f64> {
            let mut values: Vec<_> = devices.iter().map(of).collect();
            values.sort_by(f64::total_cmp);
            values
        };
        let shown = each(|device| device.shown);
        let mut brief = each(|device| device.brief);
        brief.reverse();
        let mut quickest: Vec<_> = devices.iter().map(|device| device.quickest).collect();
        quickest.sort_unstable();
        let mut latest: Vec<_> = devices.iter().map(|device| device.latest).collect();
        latest.sort_unstable_by(|one, other| other.cmp(one));
        Self {
            shown: Each::InOrder(shown),
            brief: Each::InOrder(brief),
            quickest: Each::InOrder(quickest),
            latest: Each::InOrder(latest),
            started: 0,
            breaks: Odds::default(),
            returns: Odds::default(),
        }
    }

    /// The newest that is broken. Its slot is free before that is known: the device tells when
    /// it is asked.
    fn broken(&self, scenario: &Scenario, transfer: Duration) -> Course {
        let nth = usize::try_from(self.breaks.met).unwrap_or(usize::MAX);
        let latest = self.latest.get(nth.saturating_sub(1)).unwrap_or_default();
        let known = scenario.faults.known_after.max(latest).max(transfer);
        Course {
            transfer,
            // No signal tells of it before, either.
            installs: latest,
            turn: Turn::BreaksSilently(known),
        }
    }
}

impl Course {
    fn well(transfer: Duration) -> Self {
        Self {
            transfer,
            installs: transfer,
            turn: Turn::Well(transfer),
        }
    }
}

fn reckon_transfer(scenario: &Scenario, device: u64) -> Duration {
    scenario.fleet.timing(device, &scenario.faults).quickest()
}

fn reckon(scenario: &Scenario, device: u64) -> Reckoned {
    let (fleet, faults) = (&scenario.fleet, &scenario.faults);
    let timing = fleet.timing(device, faults);
    // A first attempt that fails for another reason hides a broken device: abort thresholds
    // count first attempts only.
    let goes = fleet.breaks_within(device, GATE_HOLDS + timing.slowest());
    let fails = faults.flaky + fleet.behaviour(device).map_or(0.0, |past| past.failing);
    // That a device is gone is noticed when nothing has moved for so long.
    let idle = scenario.settings.timeouts.idle;
    let leaves_early = if idle < timing.quickest() { goes } else { 0.0 };
    Reckoned {
        shown: faults.rate() * (1.0 - goes - fails).max(0.0),
        brief: (fails + leaves_early).min(1.0),
        quickest: timing.quickest(),
        latest: timing.latest(),
    }
}
