use std::{
    ffi::OsString,
    fs::{File, TryLockError},
    io::{self, Read as _, Seek as _, Write as _},
    path::{Path, PathBuf},
    process, thread,
    time::{Duration, Instant},
};

use crate::OpenError;

/// The proof that this process owns a state database: an operating-system lock on a file
/// beside it, which a crash releases. The file stays when the lock goes; deleting it would
/// let two owners lock two files of one name.
#[derive(Debug)]
pub(crate) struct OwnerLock {
    _file: File,
}

impl OwnerLock {
    /// Takes the lock of the database at `database`, or says who has it.
    pub(crate) fn acquire(database: &Path) -> Result<Self, OpenError> {
        let path = lock_path(database);
        let failed = |action, source| OpenError::Io {
            action,
            path: path.clone(),
            source,
        };
        let mut file = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|error| not_created(&path, error))?;
        match try_lock(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::InUse {
                    path: database.to_owned(),
                    pid: owner(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(failed("lock", error)),
        }
        sign(&mut file).map_err(|error| failed("write", error))?;
        Ok(Self { _file: file })
    }

    /// Fails if another process owns the database at `database`; creates nothing.
    pub(crate) fn probe(database: &Path) -> Result<(), OpenError> {
        let path = lock_path(database);
        let failed = |action, source| OpenError::Io {
            action,
            path: path.clone(),
            source,
        };
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed("open", error)),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
                path: database.to_owned(),
                pid: owner(&mut file),
            }),
            Err(TryLockError::Error(error)) => Err(failed("lock", error)),
        }
    }
}

/// The lock is the first file that is written: it tells whether the directory allows that.
fn not_created(path: &Path, source: io::Error) -> OpenError {
    let read_only = matches!(
        source.kind(),
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem
    );
    let (action, path) = match path.parent() {
        Some(directory) if read_only && !path.exists() => ("write to the directory", directory),
        _ => ("write to", path),
    };
    OpenError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}

/// How long a lock may be taken before it counts as an owner's: a probe has it for a moment.
const PROBE_MOMENT: Duration = Duration::from_millis(100);

fn try_lock(file: &File) -> Result<(), TryLockError> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < PROBE_MOMENT => {
                thread::sleep(PROBE_MOMENT / 20);
            }
            answer => return answer,
        }
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push(".lock");
    path.into()
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", process::id())
}

fn owner(file: &mut File) -> Option<u32> {
    // A process id and a line end; what is longer is none of ours.
    const LONGEST: u64 = 16;
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    text.trim_end().parse().ok()
}
