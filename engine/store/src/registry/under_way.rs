//! Transfers to the members of a group.

use rusqlite::params;
use windlass_model::{GroupField, RolloutKey};

use super::{DEVICE_COLUMNS, down::Members, stored_device};
use crate::{Store, StoreError, codes::unsigned};

/// The transfers of one rollout. The index knows no more than that an assignment is live.
const TRANSFERS: &str = "assignment AS a INDEXED BY assignment_live";
const OF_ROLLOUT: &str = "a.rollout = ?1 AND a.state BETWEEN 2 AND 8 AND a.state = 3";

impl Store {
    /// Transfers under way in a rollout to devices of a group.
    pub fn transfers_in(
        &self,
        rollout: RolloutKey,
        field: &GroupField,
        value: &str,
    ) -> Result<u64, StoreError> {
        let labels = match self.members(field, value)? {
            Members::Column(column, value) => {
                let count = self
                    .connection
                    .prepare_cached(&by_column(column))?
                    .query_row(params![rollout.0, value], |row| row.get(0))?;
                return Ok(unsigned(count));
            }
            Members::Labels(labels) => labels,
            Members::Anywhere => return self.seen_in(&anywhere(), rollout, None, (field, value)),
        };
        let mut all = 0;
        for label in labels {
            all += match label.exact {
                true => {
                    let count = self
                        .connection
                        .prepare_cached(&by_label())?
                        .query_row([rollout.0, label.id], |row| row.get(0))?;
                    unsigned(count)
                }
                false => self.seen_in(&of_label(), rollout, Some(label.id), (field, value))?,
            };
        }
        Ok(all)
    }

    /// How many of the devices that a query finds are of the group.
    fn seen_in(
        &self,
        sql: &str,
        rollout: RolloutKey,
        label: Option<i64>,
        (field, value): (&GroupField, &str),
    ) -> Result<u64, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(params![rollout.0, label])?;
        let mut all = 0;
        while let Some(row) = rows.next()? {
            let device = stored_device(row, 0)?.device;
            all += u64::from(field.of(&device).as_deref() == Some(value));
        }
        Ok(all)
    }
}

pub(crate) fn by_column(column: &str) -> String {
    format!(
        "SELECT count(*) FROM {TRANSFERS} CROSS JOIN device AS d ON d.key = a.device \
         WHERE {OF_ROLLOUT} AND d.{column} = ?2"
    )
}

pub(crate) fn by_label() -> String {
    format!(
        "SELECT count(*) FROM {TRANSFERS} \
         CROSS JOIN device_label AS l ON l.label = ?2 AND l.device = a.device WHERE {OF_ROLLOUT}"
    )
}

pub(crate) fn of_label() -> String {
    format!(
        "SELECT {DEVICE_COLUMNS} FROM {TRANSFERS} \
         CROSS JOIN device_label AS l ON l.label = ?2 AND l.device = a.device \
         CROSS JOIN device AS d ON d.key = a.device WHERE {OF_ROLLOUT}"
    )
}

fn anywhere() -> String {
    format!(
        "SELECT {DEVICE_COLUMNS} FROM {TRANSFERS} CROSS JOIN device AS d ON d.key = a.device \
         WHERE {OF_ROLLOUT} AND ?2 IS NULL"
    )
}
