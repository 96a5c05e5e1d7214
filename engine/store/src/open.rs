use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, backup::Backup, config::DbConfig};

use crate::{
    Location, OpenError, StoreError,
    decision::Patterns,
    lock::OwnerLock,
    schema::{self, Found},
};

/// How long a reader's lock may hold a write up, and a write a reader's: the moment in
/// which the write-ahead log is reset.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a copy waits for a writer before it tries again.
const BACKUP_PAUSE: Duration = Duration::from_millis(5);

/// Above the number of statements that a running engine repeats.
const CACHED_STATEMENTS: usize = 128;

/// 8 MiB, in SQLite's unit of negative KiB: what a rollout under way comes back to. SQLite looks
/// at all that it has cached when a transaction ends that has split pages of an index, so more
/// would cost each commit of a large fleet, and the system has the pages in memory all the same.
const CACHE_SIZE: i32 = -8_192;

/// 64 MiB: the indexes of a million devices stay in memory while they are written.
const LARGE_CACHE_SIZE: i32 = -65_536;

/// One connection to a state database.
#[derive(Debug)]
pub struct Store {
    pub(crate) connection: Connection,
    /// The number of the next event.
    pub(crate) next_event: u64,
    pub(crate) patterns: Patterns,
    // Declared last, so that it is released after the connection is closed.
    _lock: Option<OwnerLock>,
}

impl Store {
    /// Opens the database for ownership: creates or migrates it as needed.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; where the reason is the file itself or its owner, nothing was
    /// created or changed.
    pub fn open(location: &Location) -> Result<Self, OpenError> {
        match location {
            Location::File(path) => Self::open_file(path),
            Location::Memory => {
                let path = Path::new(Location::MEMORY);
                let mut connection = Connection::open_in_memory().at(path)?;
                configure(&connection).at(path)?;
                schema::create(&mut connection).at(path)?;
                Self::new(connection, None).at(path)
            }
        }
    }

    /// Opens an existing database for reading, also while another process owns it. What
    /// that process commits is seen by the next call.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]; the schema must be this program's own.
    pub fn open_read_only(path: &Path) -> Result<Self, OpenError> {
        let connection = open_to_read(path)?;
        let found = schema::version(&connection).at(path)?;
        if found < schema::VERSION {
            return Err(OpenError::OlderSchema {
                path: path.to_owned(),
                found,
                known: schema::VERSION,
            });
        }
        Self::new(connection, None).at(path)
    }

    /// The database file, absolute; none if it is in memory.
    pub fn path(&self) -> Option<&Path> {
        let path = self.connection.path().filter(|path| !path.is_empty());
        path.map(Path::new)
    }

    /// Whether [`Store::open`] would find the file usable and free now. Creates nothing.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn probe(path: &Path) -> Result<(), OpenError> {
        match schema::inspect(path)? {
            Found::Nothing => Ok(()),
            Found::Database => OwnerLock::probe(&resolve(path)?),
        }
    }

    /// Copies an existing database into memory, and migrates the copy if it must: to try
    /// out what shall change nothing. Another process may own the file.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub fn open_copy(path: &Path) -> Result<Self, OpenError> {
        let source = open_to_read(path)?;
        let mut copy = Connection::open_in_memory().at(path)?;
        Backup::new(&source, &mut copy)
            .and_then(|backup| backup.run_to_completion(i32::MAX, BACKUP_PAUSE, None))
            .at(path)?;
        configure(&copy).at(path)?;
        schema::migrate(&mut copy).at(path)?;
        Self::new(copy, None).at(path)
    }

    /// Runs `read` on the database as it is at one instant, whoever writes meanwhile. It also
    /// spares each statement the lock that it would otherwise take and release.
    ///
    /// # Errors
    ///
    /// Those of `read`, and if the database cannot be read.
    pub fn at_one_instant<T>(
        &self,
        read: impl FnOnce(&Self) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let transaction = self.connection.unchecked_transaction()?;
        let found = read(self)?;
        transaction.commit()?;
        Ok(found)
    }

    /// Does `work`, which writes much of a large table at once, with a cache for that.
    pub(crate) fn at_large<T, E: From<rusqlite::Error>>(
        &mut self,
        work: impl FnOnce(&mut Connection) -> Result<T, E>,
    ) -> Result<T, E> {
        self.connection
            .pragma_update(None, "cache_size", LARGE_CACHE_SIZE)?;
        let done = work(&mut self.connection);
        self.connection
            .pragma_update(None, "cache_size", CACHE_SIZE)?;
        done
    }

    fn open_file(path: &Path) -> Result<Self, OpenError> {
        schema::inspect(path)?;
        let path = &resolve(path)?;
        let lock = OwnerLock::acquire(path)?;
        // Again, now that no other owner can change the answer.
        if let Found::Nothing = schema::inspect(path)? {
            create_file(path)?;
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).at(path)?;
        // SQLite opens a file that it may not write for reading, without a word.
        if connection.is_readonly(rusqlite::MAIN_DB).at(path)? {
            return Err(OpenError::Io {
                action: "write to",
                path: path.to_owned(),
                source: io::ErrorKind::PermissionDenied.into(),
            });
        }
        let found = schema::version(&connection).at(path)?;
        schema::refuse_newer(path, found)?;
        configure(&connection).at(path)?;
        let mode: String = connection
            .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
            .at(path)?;
        if mode != "wal" {
            tracing::warn!(
                mode,
                "the file system allows no write-ahead log: readers wait"
            );
        }
        schema::migrate(&mut connection).at(path)?;
        Self::new(connection, Some(lock)).at(path)
    }

    fn new(connection: Connection, lock: Option<OwnerLock>) -> Result<Self, StoreError> {
        let next_event = crate::log::next_event(&connection)?;
        Ok(Self {
            connection,
            next_event,
            patterns: Patterns::default(),
            _lock: lock,
        })
    }
}

fn open_to_read(path: &Path) -> Result<Connection, OpenError> {
    if let Found::Nothing = schema::inspect(path)? {
        return Err(OpenError::NotFound {
            path: path.to_owned(),
        });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).at(path)?;
    configure(&connection).at(path)?;
    schema::refuse_newer(path, schema::version(&connection).at(path)?)?;
    Ok(connection)
}

/// Settings of a connection, not of the file: each connection needs them.
fn configure(connection: &Connection) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // A plan is made once. Without this a statement is prepared anew whenever the value of a
    // bound changes, in case that another plan is better then.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", CACHE_SIZE)
}

/// The one path of the file, whatever links lead to it: its lock is named after it. Creates
/// the directory.
fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    let failed = |action, at: &Path, source| OpenError::Io {
        action,
        path: at.to_owned(),
        source,
    };
    match fs::canonicalize(path) {
        Ok(resolved) => return Ok(resolved),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed("open", path, error)),
    }
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    fs::create_dir_all(directory).map_err(|error| failed("create", directory, error))?;
    let directory =
        fs::canonicalize(directory).map_err(|error| failed("open", directory, error))?;
    let name = path.file_name().ok_or_else(|| {
        failed(
            "create",
            path,
            io::Error::from(io::ErrorKind::InvalidFilename),
        )
    })?;
    Ok(directory.join(name))
}

/// Writes a complete empty database beside the path and moves it there, so that a crash
/// never leaves half of one.
fn create_file(path: &Path) -> Result<(), OpenError> {
    let mut unfinished = OsString::from(path);
    unfinished.push(".new");
    let unfinished = PathBuf::from(unfinished);
    let failed = |action, source| OpenError::Io {
        action,
        path: path.to_owned(),
        source,
    };
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(failed("create", error));
        }
        _ => {}
    }
    let mut connection = Connection::open(&unfinished).at(&unfinished)?;
    schema::create(&mut connection).at(&unfinished)?;
    connection
        .close()
        .map_err(|(_, error)| error)
        .at(&unfinished)?;
    fs::rename(&unfinished, path).map_err(|error| failed("create", error))?;
    if let Some(directory) = path.parent() {
        sync_directory(directory).map_err(|error| failed("create", error))?;
    }
    Ok(())
}

#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}

/// Elsewhere a directory is no file that could be synced.
#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

trait AtPath<T> {
    fn at(self, path: &Path) -> Result<T, OpenError>;
}

impl<T, E: Into<StoreError>> AtPath<T> for Result<T, E> {
    fn at(self, path: &Path) -> Result<T, OpenError> {
        self.map_err(|error| OpenError::Database {
            path: path.to_owned(),
            source: error.into(),
        })
    }
}
