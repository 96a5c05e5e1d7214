//! One owner a state file; what is refused is left as it was.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{self, Command},
};

use rusqlite::Connection;
use tempfile::TempDir;
use windlass_model::DeviceKey;
use windlass_store::{Location, OpenError, Store, StoreError};

struct Place {
    directory: TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("state.db")
    }

    fn open(&self) -> Result<Store, OpenError> {
        Store::open(&Location::File(self.path()))
    }

    /// Every file with its bytes.
    fn contents(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(self.directory.path()).expect("a directory");
        let mut files: Vec<_> = entries
            .map(|entry| entry.expect("an entry").path())
            .map(|path| (path.clone(), fs::read(path).expect("a file")))
            .collect();
        files.sort();
        files
    }

    /// Asserts that opening fails and changes nothing; returns the reason.
    fn refused(&self) -> OpenError {
        let before = self.contents();
        let error = self.open().expect_err("the file is refused");
        assert_eq!(self.contents(), before);
        error
    }

    fn sql(&self, sql: &str) {
        let connection = Connection::open(self.path()).expect("SQLite opens the file");
        connection.execute_batch(sql).expect("the SQL is sound");
    }
}

#[test]
fn a_second_owner_is_refused_and_told_who_is_the_first() {
    let place = Place::new();
    let owner = place.open().expect("a new file opens");
    Store::open_read_only(&place.path()).expect("readers need no lock");
    let error = place.refused();
    assert!(
        matches!(error, OpenError::InUse { pid: Some(pid), .. } if pid == process::id()),
        "{error}"
    );
    let message = format!("is in use by process {}", process::id());
    assert!(error.to_string().ends_with(&message), "{error}");
    assert!(matches!(
        Store::probe(&place.path()),
        Err(OpenError::InUse { .. })
    ));

    // By another name it is the same file.
    #[cfg(unix)]
    {
        let link = place.directory.path().join("link.db");
        std::os::unix::fs::symlink(place.path(), &link).expect("a link");
        let linked = Store::open(&Location::File(link));
        assert!(matches!(linked, Err(OpenError::InUse { .. })));
    }

    drop(owner);
    Store::probe(&place.path()).expect("the file is free");
    place.open().expect("the lock went with its owner");
}

/// Not a test by itself: the process that the next test starts.
#[test]
fn owner_in_another_process() {
    let Some(path) = env::var_os("WINDLASS_TEST_OWN") else {
        return;
    };
    let _owner = Store::open(&Location::File(path.into())).expect("the file is free");
    // Without closing anything, as a crash would.
    process::abort();
}

#[test]
fn the_lock_of_a_crashed_process_is_gone() {
    let place = Place::new();
    let this = env::current_exe().expect("the test's own path");
    let status = Command::new(this)
        .args(["--exact", "owner_in_another_process"])
        .env("WINDLASS_TEST_OWN", place.path())
        .output()
        .expect("the process starts")
        .status;
    assert!(!status.success(), "it aborts");
    assert!(place.directory.path().join("state.db.lock").exists());
    Store::open_read_only(&place.path()).expect("it created the file");
    let store = place.open().expect("the lock is free");
    assert!(store.check().expect("the check runs").is_empty());
}

#[test]
fn what_is_no_state_database_is_left_alone() {
    let place = Place::new();
    fs::write(place.path(), "[engine]\nstate = \"state.db\"\n").expect("written");
    assert!(matches!(place.refused(), OpenError::NotADatabase { .. }));
    fs::remove_file(place.path()).expect("removed");

    place.sql("CREATE TABLE t (x); INSERT INTO t VALUES (1)");
    let error = place.refused();
    assert!(matches!(error, OpenError::NotADatabase { .. }));
    assert!(
        error
            .to_string()
            .ends_with("state.db is not a windlass state database")
    );
    let reader = Store::open_read_only(&place.path());
    assert!(matches!(reader, Err(OpenError::NotADatabase { .. })));
    assert!(matches!(
        Store::probe(&place.path()),
        Err(OpenError::NotADatabase { .. })
    ));
}

#[test]
fn a_newer_schema_is_refused() {
    let place = Place::new();
    drop(place.open().expect("a new file opens"));
    place.sql("PRAGMA user_version = 1000");
    let error = place.refused();
    assert!(
        matches!(
            error,
            OpenError::NewerSchema {
                found: 1000,
                known: 6,
                ..
            }
        ),
        "{error}"
    );
    let reader = Store::open_read_only(&place.path());
    assert!(matches!(reader, Err(OpenError::NewerSchema { .. })));
    let copy = Store::open_copy(&place.path());
    assert!(matches!(copy, Err(OpenError::NewerSchema { .. })));
}

/// `simulate --recorded` reads a state file and must never migrate it (issue 4, bad input).
#[test]
fn a_reader_refuses_another_schema_and_says_what_to_do() {
    let place = Place::new();
    drop(place.open().expect("a new file opens"));
    for (version, says) in [
        (
            "1",
            "has the older schema 1; the next run brings it to schema",
        ),
        (
            "1000",
            "has schema 1000, written by a newer windlass; this one knows schema",
        ),
    ] {
        place.sql(&format!("PRAGMA user_version = {version}"));
        let before = fs::read(place.path()).expect("readable");
        let error = Store::open_read_only(&place.path()).expect_err("refused");
        assert!(error.to_string().contains(says), "{error}");
        let after = fs::read(place.path()).expect("readable");
        assert!(after == before, "nothing is changed");
    }
}

#[test]
fn a_directory_that_cannot_be_made_is_named() {
    let place = Place::new();
    let file = place.directory.path().join("file");
    fs::write(&file, "").expect("written");
    let error = Store::open(&Location::File(file.join("deep/state.db"))).expect_err("refused");
    assert!(
        matches!(&error, OpenError::Io { .. }) && error.to_string().contains("file/deep"),
        "{error}"
    );
}

/// Permissions do not bind root, but the file system of the kernel's objects takes no file
/// from anybody.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_directory_is_named() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    let directory = place.directory.path();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o555)).expect("changed");
    let mut refusing = vec![Path::new("/sys")];
    if fs::write(directory.join("probe"), "").is_err() {
        refusing.push(directory);
    }
    for directory in refusing {
        let state = directory.join("state.db");
        let error = Store::open(&Location::File(state)).expect_err("refused");
        let message = format!("cannot write to the directory {}", directory.display());
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn a_lock_that_cannot_be_written_is_named() {
    let place = Place::new();
    let lock = place.directory.path().join("state.db.lock");
    fs::create_dir(&lock).expect("made");
    let error = place.open().expect_err("refused");
    let message = format!("cannot write to {}", lock.display());
    assert_eq!(error.to_string(), message);
    assert!(!place.path().exists());
}

#[test]
fn an_empty_file_becomes_a_database() {
    let place = Place::new();
    fs::write(place.path(), "").expect("written");
    let store = place.open().expect("nothing is lost");
    assert_eq!(store.device_count().expect("readable"), 0);
}

#[test]
fn a_copy_changes_nothing() {
    let place = Place::new();
    let missing = Store::open_copy(&place.path());
    assert!(matches!(missing, Err(OpenError::NotFound { .. })));
    let mut owner = place.open().expect("a new file opens");
    let mut copy = Store::open_copy(&place.path()).expect("the owner does not matter");
    assert_eq!(copy.reserve_attempt_ids(5).expect("left"), 1..6);
    assert_eq!(owner.reserve_attempt_ids(1).expect("left"), 1..2);
}

#[test]
fn a_reader_sees_what_is_committed_and_writes_nothing() {
    let place = Place::new();
    assert!(matches!(
        Store::open_read_only(&place.path()),
        Err(OpenError::NotFound { .. })
    ));
    assert!(!Path::new(&place.path()).exists());
    let mut owner = place.open().expect("a new file opens");
    let mut reader = Store::open_read_only(&place.path()).expect("readable");
    let refused = reader.reserve_attempt_ids(1).expect_err("a reader may not");
    assert!(matches!(refused, StoreError::ReadOnly(_)), "{refused}");
    owner
        .put_component(&windlass_model::Sha256([1; 32]), b"x")
        .expect("kept");
    let seen = reader.component(&windlass_model::Sha256([1; 32]));
    assert_eq!(seen.expect("readable").as_deref(), Some(b"x".as_slice()));
}

#[test]
fn what_is_read_at_one_instant_is_of_one_state() {
    let place = Place::new();
    let mut owner = place.open().expect("a new file opens");
    let reader = Store::open_read_only(&place.path()).expect("readable");
    let digest = |number| windlass_model::Sha256([number; 32]);
    let is_there = |store: &Store, number| -> Result<bool, StoreError> {
        Ok(store.component(&digest(number))?.is_some())
    };
    let mut keep = |number| owner.put_component(&digest(number), b"x").expect("kept");

    let seen = reader.at_one_instant(|store| {
        let before = is_there(store, 1)?;
        keep(1);
        Ok((before, is_there(store, 1)?))
    });
    assert_eq!(seen.expect("readable"), (false, false));
    assert!(is_there(&reader, 1).expect("readable"));

    let missing = reader.at_one_instant(|store| store.device_by_key(DeviceKey(7)));
    assert!(matches!(missing, Err(StoreError::Missing { .. })));
    keep(2);
    assert!(is_there(&reader, 2).expect("the instant is over"));
}
