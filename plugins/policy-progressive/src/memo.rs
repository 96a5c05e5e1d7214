//! What one decision leaves to the next.

use serde::{Deserialize, Serialize};

use crate::clock::Mark;
use crate::share::Share;

/// Raised when the bytes change their meaning.
const VERSION: u32 = 1;

/// How far the rollout has come. About 60 bytes a cohort, of which there are at
/// most 30, and a reason: far below what a memo may hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memo {
    /// The cohorts that were opened, in order; the last is the current one.
    pub(crate) opened: Vec<Opened>,
    /// Why the rollout was aborted. Stays for good.
    pub(crate) aborted: Option<Aborted>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Opened {
    pub(crate) at: Mark,
    /// Since when the gate is met without a break.
    pub(crate) met: Option<Mark>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Aborted {
    pub(crate) cohort: usize,
    pub(crate) at: Mark,
    pub(crate) cause: Cause,
}

/// What made it abort, with the numbers of that moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Cause {
    Rate { failed: u64, of: u64, rate: Share },
    Count { failed: u64, allowed: u64 },
    Deadline,
}

#[derive(Serialize, Deserialize)]
struct Envelope {
    v: u32,
    #[serde(flatten)]
    memo: Memo,
}

impl Memo {
    /// The empty memo is the first one; none if the bytes are not ours.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let envelope: Envelope = serde_json::from_slice(bytes).ok()?;
        (envelope.v == VERSION).then_some(envelope.memo)
    }

    pub(crate) fn write(&self) -> Vec<u8> {
        let envelope = Envelope {
            v: VERSION,
            memo: self.clone(),
        };
        // Numbers and lists always have a JSON form.
        serde_json::to_vec(&envelope).unwrap_or_default()
    }
}
