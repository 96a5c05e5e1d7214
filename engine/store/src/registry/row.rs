use rusqlite::Row;
use windlass_model::{Connectivity, Device, DeviceId, DeviceKey, StoredDevice};

use crate::{
    StoreError,
    codes::{Code as _, timestamp},
    json::parse,
};

/// What [`stored_device`] reads, of a table called `d`.
pub(crate) const DEVICE_COLUMNS: &str = "d.key, d.id, d.name, d.address, d.kind, d.location, \
     d.timezone, d.tags, d.attributes, d.version, d.status, d.last_seen";

/// How many columns that are.
pub(crate) const DEVICE_COLUMN_COUNT: usize = 12;

/// The device whose columns begin at `first`.
pub(crate) fn stored_device(row: &Row<'_>, first: usize) -> Result<StoredDevice, StoreError> {
    let id: String = row.get(first + 1)?;
    let tags: String = row.get(first + 7)?;
    let attributes: String = row.get(first + 8)?;
    let last_seen: Option<i64> = row.get(first + 11)?;
    Ok(StoredDevice {
        key: DeviceKey(row.get(first)?),
        device: Device {
            id: DeviceId::new(id),
            name: row.get(first + 2)?,
            address: row.get(first + 3)?,
            kind: row.get(first + 4)?,
            location: row.get(first + 5)?,
            timezone: row.get(first + 6)?,
            tags: parse("list of tags", &tags)?,
            attributes: parse("set of attributes", &attributes)?,
            version: row.get(first + 9)?,
            status: Connectivity::from_code(row.get(first + 10)?)?,
            last_seen: last_seen.map(timestamp),
        },
    })
}
