use std::mem;

use rusqlite::Row;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;
use windlass_model::{
    Decision, DecisionAnswer, DecisionRecord, PluginName, Sha256, ShadowKey, View,
};

use super::{
    StoredDecision,
    packed::{Parts, unpack},
};
use crate::{StoreError, UnpackError, codes::timestamp, json::parse};

/// A decision as the state file has it: read, and not yet understood.
#[derive(Clone, Copy, Debug)]
pub struct DecisionRow<'a> {
    pub(super) head: Head,
    pub(super) form: Form<'a>,
}

/// What is beside the decision itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    id: i64,
    repeats: i64,
    repeated_at: Option<i64>,
    shadow: Option<i64>,
}

/// How a decision is kept.
#[derive(Clone, Copy, Debug)]
pub(super) enum Form<'a> {
    /// As it is: it is too large to be packed, or older than schema 6.
    Plain(Parts<'a>),
    Packed {
        packed: &'a [u8],
        pattern: i64,
        /// None if it is missing.
        bytes: Option<&'a [u8]>,
    },
}

/// What a policy was asked once, and what it said.
#[derive(Debug)]
pub struct RecordedQuestion<'a> {
    /// Who was asked.
    pub policy: PluginName,
    /// As of [`DecisionRecord::component`].
    pub component: Sha256,
    /// As of [`DecisionRecord::settings`].
    pub settings: Sha256,
    /// What it saw.
    pub view: View,
    /// The memo it was given.
    pub memo: &'a [u8],
    /// What it said; none if it gave no answer.
    pub answer: Option<RecordedAnswer<'a>>,
}

/// A decision that is not taken apart: another one is written to be compared with it.
#[derive(Clone, Copy, Debug)]
pub struct RecordedAnswer<'a> {
    json: &'a str,
    memo: &'a [u8],
}

/// Of a [`DecisionRecord`] what is asked again, and the answer as it is written.
#[derive(Deserialize)]
struct Question<'a> {
    policy: PluginName,
    component: Sha256,
    settings: Sha256,
    view: View,
    #[serde(borrow)]
    answer: Answer<'a>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Answer<'a> {
    #[serde(borrow)]
    Decided(&'a RawValue),
    Failed(IgnoredAny),
}

impl Head {
    /// From the first columns of a row.
    pub(super) fn of(row: &Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.get(0)?,
            repeats: row.get(1)?,
            repeated_at: row.get(2)?,
            shadow: row.get(3)?,
        })
    }
}

impl DecisionRow<'_> {
    /// As of [`StoredDecision::id`].
    pub fn id(&self) -> i64 {
        self.head.id
    }

    /// All of it.
    ///
    /// # Errors
    ///
    /// If the row holds what no version of this program writes.
    pub fn decision(&self) -> Result<StoredDecision, StoreError> {
        let mut room = Vec::new();
        let parts = self.parts(&mut room)?;
        let mut record: DecisionRecord = parse("decision", text(parts.record))?;
        record.memo_before = parts.memo_before.to_owned();
        if let DecisionAnswer::Decided(decision) = &mut record.answer {
            decision.memo = parts.memo.to_owned();
        }
        Ok(StoredDecision {
            id: self.head.id,
            record,
            shadow: self.head.shadow.map(ShadowKey),
            repeats: u64::try_from(self.head.repeats).unwrap_or(0),
            repeated_at: self.head.repeated_at.map(timestamp),
        })
    }

    /// What was asked, and the answer as it is written. `room` is for what must be unpacked, and
    /// serves one row after the other.
    ///
    /// # Errors
    ///
    /// As [`decision`](Self::decision), but for what is wrong within the answer.
    pub fn question<'b>(
        &'b self,
        room: &'b mut Vec<u8>,
    ) -> Result<RecordedQuestion<'b>, StoreError> {
        let parts = self.parts(room)?;
        let question: Question<'b> = parse("decision", text(parts.record))?;
        Ok(RecordedQuestion {
            policy: question.policy,
            component: question.component,
            settings: question.settings,
            view: question.view,
            memo: parts.memo_before,
            answer: match question.answer {
                Answer::Decided(json) => Some(RecordedAnswer {
                    json: json.get(),
                    memo: parts.memo,
                }),
                Answer::Failed(_) => None,
            },
        })
    }

    fn parts<'b>(&'b self, room: &'b mut Vec<u8>) -> Result<Parts<'b>, StoreError> {
        match self.form {
            Form::Plain(parts) => Ok(parts),
            Form::Packed {
                packed,
                pattern,
                bytes,
            } => bytes
                .ok_or(UnpackError::NoPattern { pattern })
                .and_then(|bytes| unpack(packed, bytes, room))
                .map_err(|source| StoreError::Packed {
                    decision: self.head.id,
                    source,
                }),
        }
    }
}

/// What is no text is no JSON either.
fn text(record: &[u8]) -> &str {
    str::from_utf8(record).unwrap_or_default()
}

impl RecordedAnswer<'_> {
    /// Whether `decision` would be written to the same bytes. One that would not can still be
    /// the same, since versions of this program need not write alike. Its memo is kept beside
    /// the rest, and so it is taken out for as long as this takes. `room` is for what is written,
    /// and serves one answer after the other.
    pub fn is_written_as(&self, decision: &mut Decision, room: &mut Vec<u8>) -> bool {
        if self.memo != decision.memo {
            return false;
        }
        let memo = mem::take(&mut decision.memo);
        room.clear();
        let is_written = serde_json::to_writer(&mut *room, &*decision).is_ok();
        decision.memo = memo;
        is_written && room == self.json.as_bytes()
    }
}
