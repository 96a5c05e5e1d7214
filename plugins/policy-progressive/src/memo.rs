//! What one decision leaves to the next.

use serde::{Deserialize, Serialize};
use windlass_sdk::Timestamp;

use crate::abort::Harmed;
use crate::clock::Mark;
use crate::settings::Ending;
use crate::share::Share;

/// Raised when an older reader would take the bytes for something else.
const VERSION: u32 = 3;

/// The oldest version whose bytes still read: it knew no approvals, orders, roll-backs and
/// signals, and what it left out means that there were none.
const OLDEST: u32 = 1;

/// How far the rollout has come. About 80 bytes a cohort, of which there are at most 30, 380
/// bytes an analysis, of which there are at most 16 at once, and a reason: far below what a
/// memo may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memo {
    v: Version,
    /// The cohorts that were opened, in order; the last is the current one. None while
    /// the approval of the start is waited for.
    pub(crate) opened: Vec<Opened>,
    /// Why the rollout was ended. Stays for good.
    pub(crate) aborted: Option<Aborted>,
    /// Since when the approval that the rollout stands at is asked for without a break,
    /// in wall time, as approvals are given in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) asked: Option<Timestamp>,
    /// The measurements of the current cohort's analyses, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) measured: Vec<Measured>,
}

/// What was counted of one analysis. It changes only with a count, so that a signal that is
/// well makes no decision differ from the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) signal: String,
    /// The measurement that was counted last, by its instant.
    pub(crate) last: Option<Timestamp>,
    /// Since the gate was met; counted up to what is wanted.
    pub(crate) good: u32,
    /// Since the cohort opened; counted up to one beyond the limit.
    pub(crate) failed: u32,
    /// In a row; counted up to one beyond the limit.
    pub(crate) unclear: u32,
    /// The value that went beyond the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) value: Option<Number>,
}

/// A finite number by its bits: read back from decimals it could be another one, and a decision
/// that says the same would differ from the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Number(u64);

impl Number {
    pub(crate) fn of(number: f64) -> Self {
        Self(number.to_bits())
    }

    pub(crate) fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opened {
    pub(crate) at: Mark,
    /// Since when the gate is met without a break; of the last cohort, when it first was.
    pub(crate) met: Option<Mark>,
    /// Whether a person's order opened it.
    #[serde(default)]
    pub(crate) advanced: bool,
    /// Its devices are to be verified again at this instant or later, in wall time, as the
    /// host does it by that. None before its soak was served.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) verify: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Aborted {
    pub(crate) cohort: usize,
    pub(crate) at: Mark,
    pub(crate) cause: Cause,
    #[serde(default)]
    pub(crate) ending: Ending,
}

/// What made it end, with the numbers of that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Cause {
    Rate {
        #[serde(flatten)]
        harmed: Harmed,
        of: u64,
        rate: Share,
    },
    Count {
        #[serde(flatten)]
        harmed: Harmed,
        allowed: u64,
    },
    Gate {
        succeeded: u64,
        judged: u64,
        required: Share,
    },
    Deadline,
    Signal {
        signal: String,
        value: Number,
        /// Which values are good, in words.
        wanted: String,
    },
    NoSignal {
        signal: String,
        limit: u32,
    },
}

/// That it was read from a version that reads; it is written in this one. A field of its own
/// kind, because a struct around the others would have them parsed twice at every decision.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
struct Version;

impl From<Version> for u32 {
    fn from(_: Version) -> Self {
        VERSION
    }
}

impl TryFrom<u32> for Version {
    type Error = &'static str;

    fn try_from(version: u32) -> Result<Self, Self::Error> {
        match version {
            OLDEST..=VERSION => Ok(Self),
            _ => Err("a memo of another version"),
        }
    }
}

impl Memo {
    /// The empty memo is the first one; none if the bytes are not ours.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        serde_json::from_slice(bytes).ok()
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        // Numbers and lists always have a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }
}
