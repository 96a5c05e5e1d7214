use rusqlite::{OptionalExtension as _, Row};
use windlass_model::{DeviceKey, ObservationSource, Timestamp};

use crate::{
    Store, StoreError,
    codes::{Code as _, timestamp},
};

/// Where the observed fields of a device come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance {
    /// Of the version.
    pub version: ObservedAt,
    /// Of the status.
    pub status: ObservedAt,
    /// Of the time it was last seen; its own time is that value, or the epoch.
    pub last_seen: ObservedAt,
}

/// Source and time of one field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ObservedAt {
    /// Who saw it.
    pub source: ObservationSource,
    /// When.
    pub at: Timestamp,
}

/// What [`provenance`] reads.
pub(super) const PROVENANCE_COLUMNS: &str = "d.version_source, d.version_at, \
     d.status_source, d.status_at, d.last_seen_source, coalesce(d.last_seen, 0)";

/// The provenance whose columns begin at `first`.
pub(super) fn provenance(row: &Row<'_>, first: usize) -> Result<Provenance, StoreError> {
    let field = |at: usize| {
        Ok::<_, StoreError>(ObservedAt {
            source: ObservationSource::from_code(row.get(at)?)?,
            at: timestamp(row.get(at + 1)?),
        })
    };
    Ok(Provenance {
        version: field(first)?,
        status: field(first + 2)?,
        last_seen: field(first + 4)?,
    })
}

impl Store {
    /// Where the observed fields of a device come from, if there is such a row.
    pub fn provenance(&self, key: DeviceKey) -> Result<Option<Provenance>, StoreError> {
        let sql = format!("SELECT {PROVENANCE_COLUMNS} FROM device AS d WHERE d.key = ?1");
        self.connection
            .prepare_cached(&sql)?
            .query_row([key.0], |row| Ok(provenance(row, 0)))
            .optional()?
            .transpose()
    }
}
