use std::{
    io::{self, Write},
    mem,
};

use rusqlite::Row;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;
use windlass_model::{
    Decision, DecisionAnswer, DecisionRecord, PluginName, Sha256, ShadowKey, View,
};

use super::StoredDecision;
use crate::{StoreError, codes::timestamp, json::parse};

/// What [`DecisionRow::of`] reads, in this order.
macro_rules! columns {
    () => {
        "id, repeats, repeated_at, shadow, record, memo_before, memo"
    };
}
pub(super) use columns;

/// A decision as the state file has it: read, and not yet understood.
#[derive(Clone, Copy, Debug)]
pub struct DecisionRow<'a> {
    pub(super) head: Head,
    pub(super) record: &'a [u8],
    pub(super) memo_before: &'a [u8],
    pub(super) memo: &'a [u8],
}

/// What is beside the decision itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    id: i64,
    repeats: i64,
    repeated_at: Option<i64>,
    shadow: Option<i64>,
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

impl<'a> DecisionRow<'a> {
    pub(super) fn of(row: &'a Row<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            head: Head {
                id: row.get(0)?,
                repeats: row.get(1)?,
                repeated_at: row.get(2)?,
                shadow: row.get(3)?,
            },
            record: bytes(row, 4)?,
            memo_before: bytes(row, 5)?,
            memo: bytes(row, 6)?,
        })
    }

    /// As of [`StoredDecision::id`].
    pub fn id(&self) -> i64 {
        self.head.id
    }

    /// What is no text is no JSON either.
    fn text(&self) -> &'a str {
        str::from_utf8(self.record).unwrap_or_default()
    }

    /// All of it.
    ///
    /// # Errors
    ///
    /// If the row holds what no version of this program writes.
    pub fn decision(&self) -> Result<StoredDecision, StoreError> {
        let mut record: DecisionRecord = parse("decision", self.text())?;
        record.memo_before = self.memo_before.to_owned();
        if let DecisionAnswer::Decided(decision) = &mut record.answer {
            decision.memo = self.memo.to_owned();
        }
        Ok(StoredDecision {
            id: self.head.id,
            record,
            shadow: self.head.shadow.map(ShadowKey),
            repeats: u64::try_from(self.head.repeats).unwrap_or(0),
            repeated_at: self.head.repeated_at.map(timestamp),
        })
    }

    /// What was asked, and the answer as it is written.
    ///
    /// # Errors
    ///
    /// As [`decision`](Self::decision), but for what is wrong within the answer.
    pub fn question(&self) -> Result<RecordedQuestion<'a>, StoreError> {
        let question: Question<'a> = parse("decision", self.text())?;
        Ok(RecordedQuestion {
            policy: question.policy,
            component: question.component,
            settings: question.settings,
            view: question.view,
            memo: self.memo_before,
            answer: match question.answer {
                Answer::Decided(json) => Some(RecordedAnswer {
                    json: json.get(),
                    memo: self.memo,
                }),
                Answer::Failed(_) => None,
            },
        })
    }
}

impl RecordedAnswer<'_> {
    /// Whether `decision` would be written to the same bytes. One that would not can still be
    /// the same, since versions of this program need not write alike. Its memo is kept beside
    /// the rest, and so it is taken out for as long as this takes.
    pub fn is_written_as(&self, decision: &mut Decision) -> bool {
        if self.memo != decision.memo {
            return false;
        }
        let memo = mem::take(&mut decision.memo);
        let mut expected = Expected(self.json.as_bytes());
        let is_alike = serde_json::to_writer(&mut expected, &*decision).is_ok();
        decision.memo = memo;
        is_alike && expected.0.is_empty()
    }
}

/// Takes the bytes that it expects to be written, and refuses others.
struct Expected<'a>(&'a [u8]);

impl Write for Expected<'_> {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .strip_prefix(written)
            .ok_or(io::ErrorKind::InvalidData)?;
        Ok(written.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn bytes<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8], StoreError> {
    let value = row.get_ref(column)?;
    Ok(value.as_bytes().map_err(rusqlite::Error::from)?)
}
