use std::ops::Range;

use rusqlite::params;
use windlass_model::RolloutKey;

use super::{
    AFTER,
    row::{DecisionRow, Head},
};
use crate::{Store, StoreError};

/// Decisions one after the other, in one piece of memory.
#[derive(Debug)]
pub struct DecisionRows {
    bytes: Vec<u8>,
    rows: Vec<Place>,
}

/// Where in the bytes a row's parts are.
#[derive(Debug)]
struct Place {
    head: Head,
    record: Range<usize>,
    memo_before: Range<usize>,
    memo: Range<usize>,
}

impl Store {
    /// Decisions of a rollout after the one of id `after`, in order, until they have `bytes`:
    /// at least one, if there is one.
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
        let mut found = statement.query(params![rollout.0, after])?;
        let mut rows = DecisionRows {
            bytes: Vec::with_capacity(bytes),
            rows: Vec::new(),
        };
        while let Some(row) = found.next()? {
            rows.push(&DecisionRow::of(row)?);
            if rows.bytes.len() >= bytes {
                break;
            }
        }
        Ok(rows)
    }
}

impl DecisionRows {
    /// The row at `index`, from 0; none after the last.
    pub fn get(&self, index: usize) -> Option<DecisionRow<'_>> {
        let place = self.rows.get(index)?;
        Some(DecisionRow {
            head: place.head,
            record: &self.bytes[place.record.clone()],
            memo_before: &self.bytes[place.memo_before.clone()],
            memo: &self.bytes[place.memo.clone()],
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

    fn push(&mut self, row: &DecisionRow<'_>) {
        let place = Place {
            head: row.head,
            record: self.append(row.record),
            memo_before: self.append(row.memo_before),
            memo: self.append(row.memo),
        };
        self.rows.push(place);
    }

    fn append(&mut self, part: &[u8]) -> Range<usize> {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(part);
        start..self.bytes.len()
    }
}
