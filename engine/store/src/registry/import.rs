use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use windlass_model::{Connectivity, Device, ObservationSource, StoredDevice, Timestamp};

use super::{
    DEVICE_COLUMN_COUNT, DEVICE_COLUMNS, ObservedAt, Provenance,
    decommissioned::IN_SERVICE,
    labels::Labels,
    provenance::{PROVENANCE_COLUMNS, provenance},
    stored_device,
};
use crate::{
    Store, StoreError,
    codes::{Code as _, millis, unsigned},
    json::to_json,
};

/// What an import did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// Devices that are new, or listed again.
    pub added: u64,
    /// Devices of which something changed.
    pub changed: u64,
    /// Devices of which nothing changed.
    pub unchanged: u64,
    /// Devices that the list no longer has; they are kept for the rollouts they were in.
    pub unlisted: u64,
}

impl Store {
    /// Adds devices, and changes those that are known, in one transaction.
    ///
    /// What an operator decides (name, address, tags…) is taken over. What is observed
    /// (version, status, last seen) counts as seen at the record's `last_seen`, at most
    /// `at`, or at the epoch if it has none, and never overwrites what was seen later.
    pub fn import_devices(
        &mut self,
        devices: impl IntoIterator<Item = Device>,
        at: Timestamp,
    ) -> Result<ImportReport, StoreError> {
        self.import(devices, at, Absent::Keep)
    }

    /// Like [`Store::import_devices`] with the whole fleet: devices that are not among
    /// `devices` are no longer listed.
    pub fn replace_devices(
        &mut self,
        devices: impl IntoIterator<Item = Device>,
        at: Timestamp,
    ) -> Result<ImportReport, StoreError> {
        self.import(devices, at, Absent::Unlist)
    }

    fn import(
        &mut self,
        devices: impl IntoIterator<Item = Device>,
        at: Timestamp,
        absent: Absent,
    ) -> Result<ImportReport, StoreError> {
        self.at_large(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let mut import = Import {
                connection: &transaction,
                at,
                labels: Labels::default(),
                seen: KeySet::default(),
                report: ImportReport::default(),
            };
            for device in devices {
                import.put(device)?;
            }
            if let Absent::Unlist = absent {
                import.unlist_absent()?;
            }
            let report = import.report;
            transaction.commit()?;
            Ok(report)
        })
    }
}

enum Absent {
    Keep,
    Unlist,
}

struct Import<'a> {
    connection: &'a Connection,
    at: Timestamp,
    labels: Labels,
    seen: KeySet,
    report: ImportReport,
}

impl Import<'_> {
    fn put(&mut self, mut device: Device) -> Result<(), StoreError> {
        // A clock that runs ahead would shut out every later observation.
        device.last_seen = device.last_seen.map(|seen| seen.min(self.at));
        let Some(known) = self.known(&device)? else {
            let imported = ObservedAt {
                source: ObservationSource::Import,
                at: device.last_seen.unwrap_or_default(),
            };
            let provenance = Provenance {
                version: imported,
                status: imported,
                last_seen: imported,
            };
            let key = self.insert(&device, &provenance)?;
            self.seen.insert(key);
            self.report.added += 1;
            return self.labels.replace(self.connection, key, None, &device);
        };
        let StoredDevice { key, device: old } = known.stored;
        self.seen.insert(key.0);
        let provenance = merge_observed(&old, known.provenance, &mut device);
        if !known.listed {
            self.report.added += 1;
        } else if old != device || known.provenance != provenance {
            self.report.changed += 1;
        } else {
            self.report.unchanged += 1;
            return Ok(());
        }
        self.update(&device, &provenance)?;
        self.labels
            .replace(self.connection, key.0, Some(&old), &device)
    }

    fn known(&self, device: &Device) -> Result<Option<Known>, StoreError> {
        let sql = format!(
            "SELECT {DEVICE_COLUMNS}, {PROVENANCE_COLUMNS}, d.listed OR NOT {IN_SERVICE} \
             FROM device AS d \
             WHERE d.id = ?1"
        );
        self.connection
            .prepare_cached(&sql)?
            .query_row([device.id.as_str()], |row| {
                let listed = row.get(DEVICE_COLUMN_COUNT + 6)?;
                Ok(stored_device(row, 0).and_then(|stored| {
                    Ok(Known {
                        stored,
                        provenance: provenance(row, DEVICE_COLUMN_COUNT)?,
                        listed,
                    })
                }))
            })
            .optional()?
            .transpose()
    }

    fn insert(&self, device: &Device, provenance: &Provenance) -> Result<i64, StoreError> {
        self.write(
            "INSERT INTO device (id, name, address, kind, location, timezone, tags, attributes, \
             version, version_source, version_at, status, status_source, status_at, \
             last_seen, last_seen_source, listed) VALUES \
             (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, true)",
            device,
            provenance,
        )?;
        Ok(self.connection.last_insert_rowid())
    }

    fn update(&self, device: &Device, provenance: &Provenance) -> Result<(), StoreError> {
        self.write(
            "UPDATE device AS d SET name = ?2, address = ?3, kind = ?4, location = ?5, \
             timezone = ?6, tags = ?7, attributes = ?8, version = ?9, version_source = ?10, \
             version_at = ?11, status = ?12, status_source = ?13, status_at = ?14, \
             last_seen = ?15, last_seen_source = ?16, \
             listed = NOT EXISTS (SELECT 1 FROM decommissioned WHERE device = d.key) \
             WHERE id = ?1",
            device,
            provenance,
        )
    }

    fn write(
        &self,
        sql: &'static str,
        device: &Device,
        provenance: &Provenance,
    ) -> Result<(), StoreError> {
        self.connection.prepare_cached(sql)?.execute(params![
            device.id.as_str(),
            device.name,
            device.address,
            device.kind,
            device.location,
            device.timezone,
            to_json("list of tags", &device.tags)?,
            to_json("set of attributes", &device.attributes)?,
            device.version,
            provenance.version.source.code(),
            millis(provenance.version.at),
            device.status.code(),
            provenance.status.source.code(),
            millis(provenance.status.at),
            device.last_seen.map(millis),
            provenance.last_seen.source.code(),
        ])?;
        Ok(())
    }

    fn unlist_absent(&mut self) -> Result<(), StoreError> {
        let mut statement = self
            .connection
            .prepare("SELECT key FROM device WHERE listed")?;
        let mut rows = statement.query([])?;
        let mut absent = Vec::new();
        while let Some(row) = rows.next()? {
            let key = row.get(0)?;
            if !self.seen.contains(key) {
                absent.push(key);
            }
        }
        let mut unlist = self
            .connection
            .prepare("UPDATE device SET listed = false WHERE key = ?1")?;
        for key in &absent {
            unlist.execute([key])?;
        }
        self.report.unlisted = absent.len() as u64;
        Ok(())
    }
}

struct Known {
    stored: StoredDevice,
    provenance: Provenance,
    listed: bool,
}

/// Puts into `new`, field by field, what is known if that was seen later; returns where
/// the fields come from then. A record that leaves a field out has not observed it.
fn merge_observed(old: &Device, known: Provenance, new: &mut Device) -> Provenance {
    let imported = ObservedAt {
        source: ObservationSource::Import,
        at: new.last_seen.unwrap_or_default(),
    };
    let mut merged = known;
    if takes_over(known.version, imported, new.version.is_some()) {
        merged.version = imported;
    } else {
        new.version.clone_from(&old.version);
    }
    if takes_over(known.status, imported, new.status != Connectivity::Unknown) {
        merged.status = imported;
    } else {
        new.status = old.status;
    }
    if new.last_seen > old.last_seen {
        merged.last_seen = imported;
    } else {
        new.last_seen = old.last_seen;
    }
    merged
}

/// Of two imports of one instant the later one holds: somebody corrected the list.
fn takes_over(known: ObservedAt, imported: ObservedAt, says_something: bool) -> bool {
    match known.source {
        ObservationSource::Import => imported.at >= known.at,
        ObservationSource::Probe | ObservationSource::Verify | ObservationSource::Contact => {
            says_something && imported.at > known.at
        }
    }
}

/// Rows are numbered from 1 without large holes: a bit for each is 125 KB a million.
#[derive(Default)]
struct KeySet {
    words: Vec<u64>,
}

impl KeySet {
    fn insert(&mut self, key: i64) {
        let (word, bit) = Self::place(key);
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= bit;
    }

    fn contains(&self, key: i64) -> bool {
        let (word, bit) = Self::place(key);
        self.words.get(word).is_some_and(|word| word & bit != 0)
    }

    fn place(key: i64) -> (usize, u64) {
        let key = unsigned(key);
        (
            usize::try_from(key / 64).unwrap_or(usize::MAX),
            1 << (key % 64),
        )
    }
}
