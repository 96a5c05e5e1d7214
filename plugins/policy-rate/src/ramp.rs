//! What rate holds at a point of a rollout.

use std::num::NonZeroU64;

use windlass_sdk::View;

/// Parts of a device in which a growing rate is reckoned, so that rounding
/// down at each step is never seen in whole devices.
const PARTS: u128 = 1_000_000;

/// Devices a minute.
pub(crate) type PerMinute = NonZeroU64;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ramp {
    Constant(PerMinute),
    Exponential(Exponential),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Exponential {
    pub(crate) base: PerMinute,
    pub(crate) factor: Factor,
    pub(crate) step: Step,
    pub(crate) maximum: PerMinute,
}

/// What the rate grows by, in tenths: 1.1 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Factor(u64);

/// How many devices it takes for the rate to grow once.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Notified(NonZeroU64),
    Succeeded(NonZeroU64),
}

/// Why a number is no [`Factor`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoFactor {
    OutOfRange,
    TooFine,
}

impl Factor {
    pub(crate) fn of(factor: f64) -> Result<Self, NoFactor> {
        if !(1.1..=5.0).contains(&factor) {
            return Err(NoFactor::OutOfRange);
        }
        let tenths = factor * 10.0;
        // Binary fractions cannot write 1.1; a second decimal is far coarser.
        if (tenths - tenths.round()).abs() > 1e-6 {
            return Err(NoFactor::TooFine);
        }
        Ok(Self(tenths.round() as u64))
    }
}

impl Ramp {
    pub(crate) fn at(&self, view: &View) -> PerMinute {
        match self {
            Self::Constant(rate) => *rate,
            Self::Exponential(ramp) => ramp.after(ramp.step.taken(view)),
        }
    }
}

impl Step {
    fn taken(self, view: &View) -> u64 {
        let cohorts = view.cohorts.iter();
        let (sum, every) = match self {
            Self::Notified(every) => (cohorts.map(|cohort| cohort.started).sum::<u64>(), every),
            Self::Succeeded(every) => (cohorts.map(|cohort| cohort.states.succeeded).sum(), every),
        };
        sum / every
    }
}

impl Exponential {
    fn after(&self, steps: u64) -> PerMinute {
        let maximum = u128::from(self.maximum.get()) * PARTS;
        let mut rate = u128::from(self.base.get()) * PARTS;
        // A factor of 1.1 takes some 150 steps from the least base to the most
        // that a maximum may be.
        for _ in 0..steps {
            if rate >= maximum {
                break;
            }
            rate = rate * u128::from(self.factor.0) / 10;
        }
        let whole = u64::try_from(rate.min(maximum) / PARTS).ok();
        whole.and_then(NonZeroU64::new).unwrap_or(self.maximum)
    }
}
