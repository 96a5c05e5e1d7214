//! The schema's versions, and how to tell our databases from other files.

use std::{
    fs::File,
    io::{self, Read as _},
    path::Path,
};

use rusqlite::{Connection, TransactionBehavior};

use crate::{OpenError, StoreError};

/// Marks a SQLite file as ours, at a fixed place of its header: "Wind".
const APPLICATION_ID: i32 = 0x5769_6E64;

/// Number `n` (from 1) brings a database from version `n - 1` to `n`. Never edited once
/// released: a change is a further file.
const MIGRATIONS: [&str; 6] = [
    include_str!("../migrations/0001_initial.sql"),
    include_str!("../migrations/0002_steering.sql"),
    include_str!("../migrations/0003_explained.sql"),
    include_str!("../migrations/0004_watched.sql"),
    include_str!("../migrations/0005_ranked.sql"),
    include_str!("../migrations/0006_packed.sql"),
];

/// The version that this program reads and writes.
pub(crate) const VERSION: u32 = MIGRATIONS.len() as u32;

/// What is found at a database's path, without SQLite and without touching it.
pub(crate) enum Found {
    /// No file, or an empty one.
    Nothing,
    /// One of ours.
    Database,
}

/// Looks at the header only: opening a foreign database through SQLite could change it.
pub(crate) fn inspect(path: &Path) -> Result<Found, OpenError> {
    const HEADER: usize = 100;
    const MAGIC: &[u8] = b"SQLite format 3\0";
    let failed = |source| OpenError::Io {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let mut header = Vec::with_capacity(HEADER);
    match File::open(path) {
        Ok(file) => file
            .take(HEADER as u64)
            .read_to_end(&mut header)
            .map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => return Err(failed(error)),
    };
    if header.is_empty() {
        return Ok(Found::Nothing);
    }
    let ours = header.len() == HEADER
        && header.starts_with(MAGIC)
        && header[68..72] == APPLICATION_ID.to_be_bytes();
    if !ours {
        return Err(OpenError::NotADatabase {
            path: path.to_owned(),
        });
    }
    let version = u32::from_be_bytes([header[60], header[61], header[62], header[63]]);
    refuse_newer(path, version)?;
    Ok(Found::Database)
}

/// Fails for a version that this program does not know.
pub(crate) fn refuse_newer(path: &Path, found: u32) -> Result<(), OpenError> {
    if found > VERSION {
        return Err(OpenError::NewerSchema {
            path: path.to_owned(),
            found,
            known: VERSION,
        });
    }
    Ok(())
}

/// The version of an open database.
pub(crate) fn version(connection: &Connection) -> Result<u32, StoreError> {
    Ok(connection.pragma_query_value(None, "user_version", |row| row.get(0))?)
}

/// Marks an empty database as ours and gives it the newest schema.
pub(crate) fn create(connection: &mut Connection) -> Result<(), StoreError> {
    connection.pragma_update(None, "application_id", APPLICATION_ID)?;
    migrate(connection)
}

/// Brings an open database to the newest version, one transaction a step.
pub(crate) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let found = version(connection)?;
    for (number, migration) in (1u32..).zip(MIGRATIONS) {
        if number > found {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute_batch(migration)?;
            transaction.pragma_update(None, "user_version", number)?;
            transaction.commit()?;
        }
    }
    if found < VERSION {
        // `inspect` reads the version from the file, not from the write-ahead log.
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    }
    Ok(())
}
