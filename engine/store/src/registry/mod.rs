//! The devices: what the operator says of them, what was observed, and the index that
//! narrows a filter.

mod decommissioned;
mod down;
mod import;
mod labels;
mod narrow;
mod observe;
mod provenance;
mod row;
mod under_way;

use rusqlite::{OptionalExtension as _, params_from_iter};
use windlass_model::{Condition, Device, DeviceId, DeviceKey, StoredDevice};

pub use import::ImportReport;
pub use provenance::{ObservedAt, Provenance};

pub(crate) use decommissioned::IN_SERVICE;
#[cfg(test)]
pub(crate) use down::{by_column as down_by_column, by_label as down_by_label};
#[cfg(test)]
pub(crate) use narrow::query as narrowed_query;
pub(crate) use observe::observe;
pub(crate) use row::{DEVICE_COLUMN_COUNT, DEVICE_COLUMNS, stored_device};
#[cfg(test)]
pub(crate) use under_way::{
    by_column as under_way_by_column, by_label as under_way_by_label,
    of_label as under_way_of_label,
};

use crate::{Store, StoreError, codes::unsigned};

impl Store {
    /// At most `limit` listed devices after the row `after`, in the order of their rows,
    /// that may fulfil all of `narrow`.
    ///
    /// No device that fulfils them is left out. Values that are not indexed (long texts,
    /// JSON) narrow nothing, so the caller checks what it gets.
    pub fn devices(
        &self,
        after: Option<DeviceKey>,
        limit: usize,
        narrow: &[Condition],
    ) -> Result<Vec<StoredDevice>, StoreError> {
        let Some(query) = narrow::query(&self.connection, after, limit, narrow)? else {
            return Ok(Vec::new());
        };
        let mut statement = self.connection.prepare_cached(&query.sql)?;
        let mut rows = statement.query(params_from_iter(query.parameters))?;
        let mut devices = Vec::new();
        while let Some(row) = rows.next()? {
            devices.push(stored_device(row, 0)?);
        }
        Ok(devices)
    }

    /// The device of an id, listed or not.
    pub fn device(&self, id: &DeviceId) -> Result<Option<StoredDevice>, StoreError> {
        self.one_device("id", id.as_str())
    }

    /// The device of a row, listed or not.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if there is no such row.
    pub fn device_by_key(&self, key: DeviceKey) -> Result<Device, StoreError> {
        let stored = self.one_device("key", key.0)?.ok_or(StoreError::Missing {
            what: "device",
            key: key.0,
        })?;
        Ok(stored.device)
    }

    /// How many devices are listed.
    pub fn device_count(&self) -> Result<u64, StoreError> {
        let count =
            self.connection
                .query_row("SELECT count(*) FROM device WHERE listed", [], |row| {
                    row.get(0)
                })?;
        Ok(unsigned(count))
    }

    fn one_device(
        &self,
        column: &'static str,
        value: impl rusqlite::ToSql,
    ) -> Result<Option<StoredDevice>, StoreError> {
        let sql = format!("SELECT {DEVICE_COLUMNS} FROM device AS d WHERE d.{column} = ?1");
        self.connection
            .prepare_cached(&sql)?
            .query_row([value], |row| Ok(stored_device(row, 0)))
            .optional()?
            .transpose()
    }
}
