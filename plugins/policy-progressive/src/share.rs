//! Shares of a number of devices, without the rounding of floating point.

use serde::{Deserialize, Serialize};

/// Parts of a share; a setting of six decimals is exact.
const PARTS: u64 = 1_000_000;

/// A share between 0 and 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Share(u64);

impl Share {
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const WHOLE: Self = Self(PARTS);

    /// The nearest share to `fraction`, or none if it is not within 0 and 1.
    pub(crate) fn of_fraction(fraction: f64) -> Option<Self> {
        (0.0..=1.0)
            .contains(&fraction)
            .then(|| Self((fraction * PARTS as f64).round() as u64))
    }

    /// The nearest share to `percent`, or none if it is not within 0 and 100.
    pub(crate) fn of_percent(percent: f64) -> Option<Self> {
        Self::of_fraction(percent / 100.0)
    }

    pub(crate) fn fraction(self) -> f64 {
        self.0 as f64 / PARTS as f64
    }

    /// The least number of devices that is this share of `whole` or more.
    pub(crate) fn of(self, whole: u64) -> u64 {
        let parts = (u128::from(whole) * u128::from(self.0)).div_ceil(u128::from(PARTS));
        // A share is at most the whole, which fits.
        u64::try_from(parts).unwrap_or(whole)
    }

    /// Whether `part` of `whole` is at most this share.
    pub(crate) fn covers(self, part: u64, whole: u64) -> bool {
        u128::from(part) * u128::from(PARTS) <= u128::from(self.0) * u128::from(whole)
    }

    /// How many more devices must succeed, beyond `succeeded` of `judged`, until
    /// this share has; none if no number is enough.
    pub(crate) fn missing(self, succeeded: u64, judged: u64) -> Option<u64> {
        let wanted = self.of(judged);
        if succeeded >= wanted {
            return Some(0);
        }
        // (succeeded + x) / (judged + x) >= share
        let failing = PARTS - self.0;
        let short =
            u128::from(judged) * u128::from(self.0) - u128::from(succeeded) * u128::from(PARTS);
        (failing > 0)
            .then(|| u64::try_from(short.div_ceil(u128::from(failing))).unwrap_or(u64::MAX))
    }
}
