//! What one decision leaves to the next.

use serde::{Deserialize, Serialize};

use crate::bucket::Bucket;
use crate::deal::Offer;
use crate::percent::Percent;
use crate::settings::Action;

/// Raised when the bytes change their meaning.
const VERSION: u32 = 1;

/// Below 100 bytes for each of at most 100 offers, and some 400 for the rest:
/// below what a memo may hold, which is 16 KiB.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Memo {
    /// None before the first decision, and for good where no rate is set.
    pub(crate) bucket: Option<Bucket>,
    /// What cohorts were offered and have not used.
    pub(crate) offers: Vec<Offer>,
    /// Why the rollout was stopped. Stays for good.
    pub(crate) stopped: Option<Stopped>,
}

/// What made it stop, with the numbers of that moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stopped {
    pub(crate) action: Action,
    /// What the operator called the kinds that were counted.
    pub(crate) failures: String,
    pub(crate) failed: u64,
    /// Those of them that ran the release and fell back. Left out where there are none, as by
    /// versions that did not know it.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(crate) fell_back: u64,
    pub(crate) executed: u64,
    pub(crate) threshold: Percent,
}

fn is_none(count: &u64) -> bool {
    *count == 0
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
        // Numbers, texts and lists always have a JSON form.
        serde_json::to_vec(&envelope).unwrap_or_default()
    }
}
