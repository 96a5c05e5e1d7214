use std::{io, path::PathBuf, sync::Arc};

use rusqlite::ErrorCode;
use thiserror::Error;
use windlass_model::{
    AssignmentId, AttemptId, CohortIndex, DeviceKey, ReleaseKey, RolloutKey, RolloutName, StateKind,
};

/// The database failed; nothing of the operation was kept.
#[derive(Clone, Debug, Error)]
pub enum StoreError {
    /// There is no room for what was to be written.
    #[error(
        "the disk of the state database is full: free some space, then run the same command again"
    )]
    DiskFull(#[source] Arc<rusqlite::Error>),
    /// The file system or the connection allows no writing.
    #[error(
        "the state database is read-only: make the file, its directory and the file system \
         writable for this user"
    )]
    ReadOnly(#[source] Arc<rusqlite::Error>),
    /// Reading, writing or syncing failed.
    #[error(
        "the disk of the state database failed: look into the system's log, then run the same \
         command again"
    )]
    Disk(#[source] Arc<rusqlite::Error>),
    /// SQLite failed for another reason, such as a damaged file.
    #[error("the state database failed")]
    Database(#[source] Arc<rusqlite::Error>),
    /// A row holds what no version of this program writes.
    #[error("the state database holds a {what} that cannot be read")]
    Unreadable {
        /// What it should have been.
        what: &'static str,
        /// What is wrong with it, if a parser said so.
        #[source]
        source: Option<Arc<serde_json::Error>>,
    },
    /// A decision is kept packed, and what was packed is not to be had back.
    #[error("the state database holds decision {decision} packed, and it cannot be unpacked")]
    Packed {
        /// Which.
        decision: i64,
        /// Why not.
        #[source]
        source: UnpackError,
    },
    /// A row that was named does not exist.
    #[error("the state database has no {what} {key}")]
    Missing {
        /// What was looked for.
        what: &'static str,
        /// Its row.
        key: i64,
    },
    /// All positive 32-bit integers were given out as attempt ids of this state file.
    #[error("the state database has no attempt id left")]
    AttemptIdsExhausted,
    /// The writer thread is gone.
    #[error(transparent)]
    Stopped(#[from] crate::Stopped),
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        let code = error.sqlite_error_code();
        let error = Arc::new(error);
        match code {
            Some(ErrorCode::DiskFull) => Self::DiskFull(error),
            Some(ErrorCode::ReadOnly) => Self::ReadOnly(error),
            Some(ErrorCode::SystemIoFailure) => Self::Disk(error),
            _ => Self::Database(error),
        }
    }
}

/// Why a decision was not unpacked.
#[derive(Clone, Debug, Error)]
pub enum UnpackError {
    /// What it was packed with is gone.
    #[error("its pattern {pattern} is missing")]
    NoPattern {
        /// As the decision has it.
        pattern: i64,
    },
    /// No decision is packed that is so large.
    #[error("it says that it unpacks to {size} bytes")]
    TooLarge {
        /// As the decision has it.
        size: usize,
    },
    /// It is not what packing makes.
    #[error("it is damaged")]
    Damaged(#[source] Arc<lz4_flex::block::DecompressError>),
    /// It unpacks, and ends before its memos do.
    #[error("it is cut off")]
    CutOff,
}

/// Why a state database was not opened. Nothing was created or changed.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another process owns it.
    #[error("{} is in use by {}", path.display(), owner(*pid))]
    InUse {
        /// The database.
        path: PathBuf,
        /// The owner, if its lock file tells.
        pid: Option<u32>,
    },
    /// A later version of this program wrote it.
    #[error("{} has schema {found}, written by a newer windlass; this one knows schema {known}", path.display())]
    NewerSchema {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest version known here.
        known: u32,
    },
    /// It must be migrated before it can be read, and a reader may not do that.
    #[error("{} has the older schema {found}; the next run brings it to schema {known}", path.display())]
    OlderSchema {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version wanted.
        known: u32,
    },
    /// The file is something else, or another program's database.
    #[error("{} is not a windlass state database", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// There is nothing to read.
    #[error("{} does not exist", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// The file system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, such as `create` or `write to the directory`.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// SQLite refused.
    #[error("cannot open the state database {}", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// Why.
        #[source]
        source: StoreError,
    },
}

fn owner(pid: Option<u32>) -> String {
    match pid {
        Some(pid) => format!("process {pid}"),
        None => "another process".to_owned(),
    }
}

/// Why a change set was refused. None of its changes and events were kept, and no number
/// of the log was used up.
#[derive(Clone, Debug, Error)]
pub enum CommitError {
    /// An assignment is not where the set believes it to be.
    #[error("assignment {assignment} is {}, not {}", found.as_str(), expected.as_str())]
    StateMoved {
        /// Which.
        assignment: AssignmentId,
        /// Where the set has it.
        expected: StateKind,
        /// Where it is.
        found: StateKind,
    },
    /// The device has an unsettled attempt already, in this rollout or another.
    #[error("device {device} has the unsettled attempt {attempt}")]
    DeviceBusy {
        /// Which device.
        device: DeviceKey,
        /// The attempt that fences it.
        attempt: AttemptId,
    },
    /// The set's rollout does not exist.
    #[error("there is no rollout {0}")]
    NoSuchRollout(RolloutKey),
    /// The set's rollout has no such assignment.
    #[error("the rollout has no assignment {0}")]
    NoSuchAssignment(AssignmentId),
    /// An attempt is ended or settled that was never started.
    #[error("there is no attempt {0}")]
    NoSuchAttempt(AttemptId),
    /// Something was observed of a device that does not exist.
    #[error("there is no device {0}")]
    NoSuchDevice(DeviceKey),
    /// An attempt is started under an id that was used before.
    #[error("attempt id {0} was used before")]
    AttemptIdUsed(AttemptId),
    /// The database failed; every set of the transaction was lost.
    #[error(transparent)]
    Storage(#[from] StoreError),
}

impl From<rusqlite::Error> for CommitError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.into())
    }
}

/// Why a rollout was not created. Nothing of it was kept.
#[derive(Debug, Error)]
pub enum CreateConflict {
    /// The name belongs to another rollout.
    #[error("there is a rollout named {0} already")]
    NameTaken(RolloutName),
    /// The plan's release does not exist.
    #[error("there is no release {0}")]
    NoSuchRelease(ReleaseKey),
    /// A target's cohort is not in the plan.
    #[error("the plan has no cohort {}", .0.0)]
    NoSuchCohort(CohortIndex),
    /// A target's device does not exist.
    #[error("there is no device {0}")]
    NoSuchDevice(DeviceKey),
    /// A device is a target twice.
    #[error("device {0} is a target twice")]
    RepeatedDevice(DeviceKey),
    /// A cohort has not as many targets as the plan says.
    #[error("cohort {} is planned with {planned} devices and given {given}", cohort.0)]
    CohortSize {
        /// Which.
        cohort: CohortIndex,
        /// By the plan.
        planned: u64,
        /// Among the targets.
        given: u64,
    },
    /// There are more targets than one rollout may have.
    #[error("a rollout has at most {limit} targets")]
    TooManyTargets {
        /// As many.
        limit: u64,
    },
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StoreError),
}

impl From<rusqlite::Error> for CreateConflict {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.into())
    }
}
