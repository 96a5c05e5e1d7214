//! What a device writes down of each push.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use windlass_model::{AttemptId, Sha256, Timestamp};

/// Records kept per device: far more than a rollout makes.
const MOST_RECORDS: usize = 64;

/// A push, as the device saw it: one request with bytes of a release. An upload that was
/// cut and gone on with has several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PushRecord {
    /// Its number among the device's pushes, from 0.
    pub nth: u64,
    /// Its `X-Attempt-Id`.
    pub attempt: Option<AttemptId>,
    /// The release's `X-Release-Version`.
    pub version: Option<String>,
    /// Where in the release its body began: 0, unless it went on with an upload.
    pub offset: u64,
    /// Bytes of its body that came; 0 while it is under way.
    pub bytes: u64,
    /// Of the release, once it was whole and if it was hashed.
    pub sha256: Option<Sha256>,
    /// Whether the release was installed, at once or later.
    pub installed: bool,
    /// When its head was read.
    pub began: Timestamp,
    /// When its body ended.
    pub ended: Option<Timestamp>,
    /// How.
    pub end: PushEnd,
}

/// How a push ended, in the device's eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PushEnd {
    /// It has not.
    UnderWay,
    /// With the last byte of the release.
    Completed,
    /// With the last byte of a part of an upload.
    Part,
    /// The sender stopped in the middle.
    Aborted,
    /// The device closed the connection by a fault of its own.
    Cut,
}

/// The last records of a device.
#[derive(Default)]
pub(crate) struct Records(VecDeque<PushRecord>);

impl Records {
    /// The oldest goes for the newest, but for those that installed something: what must
    /// not happen twice is not forgotten because of what failed often.
    pub(crate) fn open(&mut self, record: PushRecord) {
        if self.0.len() == MOST_RECORDS {
            let idle = self.0.iter().position(|record| !record.installed);
            self.0.remove(idle.unwrap_or_default());
        }
        self.0.push_back(record);
    }

    pub(crate) fn amend(&mut self, nth: u64, change: impl FnOnce(&mut PushRecord)) {
        if let Some(record) = self.0.iter_mut().rev().find(|record| record.nth == nth) {
            change(record);
        }
    }

    pub(crate) fn to_vec(&self) -> Vec<PushRecord> {
        self.0.iter().cloned().collect()
    }
}
