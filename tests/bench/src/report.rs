//! The table.

use std::fmt;

/// One figure.
pub(crate) struct Row {
    /// What was measured.
    pub(crate) what: String,
    /// What came out.
    pub(crate) measured: String,
    /// What it is to be.
    pub(crate) bound: Bound,
}

/// What a figure is to be, and whether it is.
pub(crate) enum Bound {
    /// Nothing was promised.
    Reported,
    /// The promise, and whether it was kept.
    Promised {
        /// In words.
        text: String,
        /// Whether it was kept.
        met: bool,
    },
}

impl Bound {
    /// `value` is to be at least `least`; `unit` follows the number.
    pub(crate) fn at_least(value: f64, least: f64, unit: &str) -> Self {
        Self::Promised {
            text: format!("≥ {least}{unit}"),
            met: value >= least,
        }
    }

    /// `value` is to be at most `most`; `unit` follows the number.
    pub(crate) fn at_most(value: f64, most: f64, unit: &str) -> Self {
        Self::Promised {
            text: format!("≤ {most}{unit}"),
            met: value <= most,
        }
    }
}

impl Bound {
    /// Whether it was promised and not kept.
    pub(crate) fn is_broken(&self) -> bool {
        matches!(self, Self::Promised { met: false, .. })
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reported => f.write_str("reported |"),
            Self::Promised { text, met: true } => write!(f, "{text} | met"),
            Self::Promised { text, met: false } => write!(f, "{text} | **not met**"),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "| {} | {} | {} |", self.what, self.measured, self.bound)
    }
}

/// Begins the table.
pub(crate) const HEAD: &str = "| what | measured | bound | |\n|---|---|---|---|";

/// A figure of several rounds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rounds(Vec<f64>);

impl Rounds {
    /// Takes one round's figure.
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The one in the middle, or between the two in the middle.
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let half = sorted.len() / 2;
        match sorted.len() {
            0 => f64::NAN,
            odd if odd % 2 == 1 => sorted[half],
            _ => f64::midpoint(sorted[half - 1], sorted[half]),
        }
    }

    /// The largest.
    pub(crate) fn max(&self) -> f64 {
        self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max)
    }

    /// The smallest.
    pub(crate) fn min(&self) -> f64 {
        self.0.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

impl fmt::Display for Rounds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:.2} ({:.2}–{:.2})",
            self.median(),
            self.min(),
            self.max()
        )
    }
}

/// A rate in thousands a second.
pub(crate) fn thousands(rate: f64) -> String {
    if rate >= 10_000.0 {
        format!("{:.0} k/s", rate / 1000.0)
    } else if rate >= 1000.0 {
        format!("{:.1} k/s", rate / 1000.0)
    } else {
        format!("{rate:.1} /s")
    }
}
