//! A percentage of two decimals, without the rounding of floating point.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Hundredths of a percent in a whole.
const WHOLE: u64 = 10_000;

/// How far a number may be from two decimals: what binary fractions cannot
/// write, and far less than a third decimal.
const SLACK: f64 = 1e-6;

/// Above 0 and at most 100 percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Percent(u64);

/// Why a number is no [`Percent`].
#[derive(Clone, Copy, Debug)]
pub(crate) enum NoPercent {
    OutOfRange,
    TooFine,
}

impl Percent {
    pub(crate) fn of(percent: f64) -> Result<Self, NoPercent> {
        if !(percent > 0.0 && percent <= 100.0) {
            return Err(NoPercent::OutOfRange);
        }
        let hundredths = percent * 100.0;
        if (hundredths - hundredths.round()).abs() > SLACK {
            return Err(NoPercent::TooFine);
        }
        Ok(Self(hundredths.round() as u64))
    }

    /// The least number that is this share of `whole` or more; never 0, because
    /// 0 of 0 says nothing.
    pub(crate) fn least(self, whole: u64) -> u64 {
        let least = (u128::from(whole) * u128::from(self.0)).div_ceil(u128::from(WHOLE));
        // A share is at most the whole, which fits.
        u64::try_from(least).unwrap_or(whole).max(1)
    }

    pub(crate) fn number(self) -> f64 {
        self.0 as f64 / 100.0
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.number())
    }
}
