use std::{collections::BTreeMap, ops::Range};

use rusqlite::{Connection, Row, Rows, params};
use windlass_model::RolloutKey;

use super::{
    AFTER,
    packed::{Parts, unpacked_size},
    pattern,
    row::{DecisionRow, Form, Head},
};
use crate::{Store, StoreError};

/// The beginning of each query that [`DecisionRows::read`] reads; `$of` says more of decisions.
macro_rules! decisions {
    ($of:literal) => {
        concat!(
            "SELECT id, repeats, repeated_at, shadow, record, memo_before, memo, \
             packed.pattern, packed.bytes FROM decision ",
            $of,
            " LEFT JOIN packed ON packed.decision = decision.id "
        )
    };
}
pub(super) use decisions;

/// Decisions one after the other, in one piece of memory, with what they are packed with.
#[derive(Debug, Default)]
pub struct DecisionRows {
    bytes: Vec<u8>,
    rows: Vec<Place>,
    patterns: BTreeMap<i64, Option<Range<usize>>>,
    /// Bytes of what the decisions say, were none of them packed.
    unpacked: usize,
}

/// Where in the bytes a row's parts are.
#[derive(Debug)]
struct Place {
    head: Head,
    form: PlacedForm,
}

/// As of [`Form`].
#[derive(Debug)]
enum PlacedForm {
    Plain {
        record: Range<usize>,
        memo_before: Range<usize>,
        memo: Range<usize>,
    },
    Packed {
        packed: Range<usize>,
        pattern: i64,
    },
}

/// At how many decisions no more is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Enough {
    Decisions(usize),
    /// So many that they say as much, packed or not: it is unpacked that they take memory.
    Bytes(usize),
}

impl Store {
    /// Decisions of a rollout after the one of id `after`, in order, until they say `bytes`,
    /// packed or not: at least one, if there is one.
    ///
    /// # Errors
    ///
    /// If the database fails.
    pub fn decision_rows(
        &self,
        rollout: RolloutKey,
        after: i64,
        bytes: usize,
    ) -> Result<DecisionRows, StoreError> {
        let mut statement = self.connection.prepare_cached(AFTER)?;
        let found = statement.query(params![rollout.0, after])?;
        DecisionRows::read(&self.connection, found, Enough::Bytes(bytes))
    }
}

impl DecisionRows {
    /// Reads what a query of [`decisions`] found, until it is `enough`.
    pub(super) fn read(
        connection: &Connection,
        mut found: Rows<'_>,
        enough: Enough,
    ) -> Result<Self, StoreError> {
        let mut rows = Self::default();
        while !rows.are(enough)
            && let Some(row) = found.next()?
        {
            rows.push(connection, row)?;
        }
        Ok(rows)
    }

    /// The row at `index`, from 0; none after the last.
    pub fn get(&self, index: usize) -> Option<DecisionRow<'_>> {
        let place = self.rows.get(index)?;
        let form = match &place.form {
            PlacedForm::Plain {
                record,
                memo_before,
                memo,
            } => Form::Plain(Parts {
                record: &self.bytes[record.clone()],
                memo_before: &self.bytes[memo_before.clone()],
                memo: &self.bytes[memo.clone()],
            }),
            PlacedForm::Packed { packed, pattern } => Form::Packed {
                packed: &self.bytes[packed.clone()],
                pattern: *pattern,
                bytes: match self.patterns.get(pattern) {
                    Some(Some(bytes)) => Some(&self.bytes[bytes.clone()]),
                    Some(None) | None => None,
                },
            },
        };
        Some(DecisionRow {
            head: place.head,
            form,
        })
    }

    /// The last one; none if there are none.
    pub fn last(&self) -> Option<DecisionRow<'_>> {
        self.get(self.rows.len().checked_sub(1)?)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = DecisionRow<'_>> {
        (0..self.rows.len()).map_while(|index| self.get(index))
    }

    fn are(&self, enough: Enough) -> bool {
        match enough {
            Enough::Decisions(count) => self.rows.len() >= count,
            Enough::Bytes(bytes) => self.unpacked >= bytes && !self.rows.is_empty(),
        }
    }

    fn push(&mut self, connection: &Connection, row: &Row<'_>) -> Result<(), StoreError> {
        let head = Head::of(row)?;
        let form = match row
            .get_ref(8)?
            .as_blob_or_null()
            .map_err(rusqlite::Error::from)?
        {
            Some(packed) => {
                let pattern = row.get(7)?;
                self.know(connection, pattern)?;
                self.unpacked = self.unpacked.saturating_add(unpacked_size(packed));
                PlacedForm::Packed {
                    packed: self.append(packed),
                    pattern,
                }
            }
            None => {
                let before = self.bytes.len();
                let form = PlacedForm::Plain {
                    record: self.append(bytes(row, 4)?),
                    memo_before: self.append(bytes(row, 5)?),
                    memo: self.append(bytes(row, 6)?),
                };
                self.unpacked = self.unpacked.saturating_add(self.bytes.len() - before);
                form
            }
        };
        self.rows.push(Place { head, form });
        Ok(())
    }

    /// Reads a pattern, once.
    fn know(&mut self, connection: &Connection, pattern: i64) -> Result<(), StoreError> {
        if !self.patterns.contains_key(&pattern) {
            let bytes = pattern::read(connection, pattern)?;
            let place = bytes.map(|bytes| self.append(&bytes));
            self.patterns.insert(pattern, place);
        }
        Ok(())
    }

    fn append(&mut self, part: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(part);
        start..self.bytes.len()
    }
}

fn bytes<'a>(row: &'a Row<'_>, column: usize) -> Result<&'a [u8], StoreError> {
    let value = row.get_ref(column)?;
    Ok(value.as_bytes().map_err(rusqlite::Error::from)?)
}
