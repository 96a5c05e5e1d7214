//! Attempts: their ids, their course, and the fence around a device with an unsettled one.

use std::{collections::BTreeSet, num::NonZeroU32, ops::Range};

use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, ffi, params};
use windlass_model::{
    AssignmentId, AttemptId, AttemptOutcome, DeviceKey, Failure, FailureKind, RolloutKey, Timestamp,
};

use crate::{
    CommitError, Store, StoreError,
    assignment::{MAX_TARGETS, assignment_id},
    codes::{Code as _, duration, duration_millis, integer, millis, timestamp, unsigned},
    prepared::Prepared,
};

/// Device protocols keep the id in a positive 32-bit integer.
const LAST_ATTEMPT_ID: u32 = i32::MAX as u32;

const DELIVERED: i64 = 0;
const OFFERED: i64 = 1;
pub(crate) const FAILED: i64 = 2;
const CANCELLED: i64 = 3;

/// Joins the attempts `t` of an assignment `a`. Most of a million targets may have none: those are
/// not looked for. One that was requeued has started none by its count, and remembers a failure.
pub(crate) const ITS_ATTEMPTS: &str = "t.assignment = CASE WHEN a.started_attempts > 0 \
     OR a.state > 8 OR a.last_failure IS NOT NULL THEN a.id END";

/// An attempt as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredAttempt {
    /// Its id.
    pub id: AttemptId,
    /// 1 for the assignment's first.
    pub number: u32,
    /// When it began.
    pub started_at: Timestamp,
    /// How it ended, by the newest report.
    pub end: Option<AttemptEnd>,
    /// When it was known what became of it.
    pub settled_at: Option<Timestamp>,
}

/// The end of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttemptEnd {
    /// When.
    pub at: Timestamp,
    /// How.
    pub outcome: AttemptOutcome,
    /// Payload bytes that left for the device.
    pub bytes: u64,
}

impl Store {
    /// Takes `count` ids, or as many as are left, that no attempt of this state file has
    /// and none will get by another call.
    ///
    /// # Errors
    ///
    /// [`StoreError::AttemptIdsExhausted`] if none is left.
    pub fn reserve_attempt_ids(&mut self, count: u32) -> Result<Range<u32>, StoreError> {
        let transaction = self.connection.transaction()?;
        let first: u32 = transaction.query_row(
            "SELECT value FROM counter WHERE name = 'next_attempt'",
            [],
            |row| row.get(0),
        )?;
        if first > LAST_ATTEMPT_ID {
            return Err(StoreError::AttemptIdsExhausted);
        }
        let end = first.saturating_add(count).min(LAST_ATTEMPT_ID + 1);
        transaction.execute(
            "UPDATE counter SET value = ?1 WHERE name = 'next_attempt'",
            [end],
        )?;
        transaction.commit()?;
        Ok(first..end)
    }

    /// Those of `devices` that have an unsettled attempt, in whatever rollout.
    pub fn fenced(&self, devices: &[DeviceKey]) -> Result<BTreeSet<DeviceKey>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM attempt WHERE device = ?1 AND settled_at IS NULL)",
        )?;
        let mut fenced = BTreeSet::new();
        for device in devices {
            if statement.query_row([device.0], |row| row.get(0))? {
                fenced.insert(*device);
            }
        }
        Ok(fenced)
    }

    /// The attempts of an assignment, in the order of their ids.
    pub fn attempts(&self, assignment: AssignmentId) -> Result<Vec<StoredAttempt>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, number, started_at, settled_at, ended_at, outcome, failure, retry_after, \
             message, bytes FROM attempt WHERE assignment = ?1 ORDER BY id",
        )?;
        let mut rows = statement.query([assignment.0])?;
        let mut attempts = Vec::new();
        while let Some(row) = rows.next()? {
            let settled_at: Option<i64> = row.get(3)?;
            attempts.push(StoredAttempt {
                id: attempt_id(row.get(0)?)?,
                number: row.get(1)?,
                started_at: timestamp(row.get(2)?),
                end: end_from_row(row)?,
                settled_at: settled_at.map(timestamp),
            });
        }
        Ok(attempts)
    }

    /// Payload bytes that left for the devices of a rollout, over all attempts that ended.
    pub fn bytes_sent(&self, rollout: RolloutKey) -> Result<u64, StoreError> {
        let sum: i64 = self.connection.query_row(
            "SELECT coalesce(sum(bytes), 0) FROM attempt WHERE assignment > ?1 AND assignment <= ?2",
            [assignment_id(rollout, 0), assignment_id(rollout, MAX_TARGETS)],
            |row| row.get(0),
        )?;
        Ok(unsigned(sum))
    }
}

pub(crate) fn attempt_id(id: i64) -> Result<AttemptId, StoreError> {
    u32::try_from(id)
        .ok()
        .and_then(NonZeroU32::new)
        .map(AttemptId)
        .ok_or(StoreError::Unreadable {
            what: "attempt id",
            source: None,
        })
}

fn id_column(id: AttemptId) -> i64 {
    id.0.get().into()
}

/// The beginning of an attempt, as [`windlass_model::Change::AttemptStarted`] says it.
pub(crate) struct Start {
    pub(crate) attempt: AttemptId,
    pub(crate) assignment: AssignmentId,
    pub(crate) device: DeviceKey,
    pub(crate) number: u32,
    pub(crate) at: Timestamp,
}

pub(crate) fn start(connection: &Prepared<'_>, start: &Start) -> Result<(), CommitError> {
    let inserted = connection.execute(
        "INSERT INTO attempt (id, assignment, device, number, started_at) \
         VALUES (?1, ?2, ?3, ?4, ?5)",
        params![
            id_column(start.attempt),
            start.assignment.0,
            start.device.0,
            start.number,
            millis(start.at),
        ],
    );
    let Err(error) = inserted else {
        return Ok(());
    };
    Err(match violated(&error) {
        Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID) => {
            CommitError::AttemptIdUsed(start.attempt)
        }
        Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => CommitError::NoSuchAssignment(start.assignment),
        Some(ffi::SQLITE_CONSTRAINT_UNIQUE) => match unsettled(connection, start.device)? {
            Some(attempt) => CommitError::DeviceBusy {
                device: start.device,
                attempt,
            },
            None => error.into(),
        },
        _ => error.into(),
    })
}

/// Columns of an end, and what else is said.
macro_rules! end_sql {
    ($further:literal) => {
        concat!(
            "UPDATE attempt SET ended_at = ?2, outcome = ?3, failure = ?4, retry_after = ?5, \
             message = ?6, bytes = ?7",
            $further,
            " WHERE id = ?1"
        )
    };
}

/// Records how an attempt ended; a later report replaces an earlier one. If it is settled by
/// that, the fence is taken away as by [`settle`].
pub(crate) fn end(
    connection: &Prepared<'_>,
    attempt: AttemptId,
    end: &AttemptEnd,
    settled_at: Option<Timestamp>,
) -> Result<(), CommitError> {
    let (outcome, failure, message) = match &end.outcome {
        AttemptOutcome::Delivered => (DELIVERED, None, None),
        AttemptOutcome::Offered(offer) => (OFFERED, None, Some(offer)),
        AttemptOutcome::Failed(failure) => (FAILED, Some(failure), Some(&failure.message)),
        AttemptOutcome::Cancelled => (CANCELLED, None, None),
    };
    let id = id_column(attempt);
    let at = millis(end.at);
    let kind = failure.map(|failure| failure.kind.code());
    let retry_after = failure
        .and_then(|failure| failure.retry_after)
        .map(duration_millis);
    let bytes = integer(end.bytes);
    let changed = match settled_at {
        None => connection.execute(
            end_sql!(""),
            params![id, at, outcome, kind, retry_after, message, bytes],
        )?,
        Some(settled_at) => connection.execute(
            end_sql!(", settled_at = coalesce(settled_at, ?8)"),
            params![
                id,
                at,
                outcome,
                kind,
                retry_after,
                message,
                bytes,
                millis(settled_at),
            ],
        )?,
    };
    exists(changed, attempt)
}

/// Takes the fence away; the first settlement holds.
pub(crate) fn settle(
    connection: &Prepared<'_>,
    attempt: AttemptId,
    at: Timestamp,
) -> Result<(), CommitError> {
    let changed = connection.execute(
        "UPDATE attempt SET settled_at = coalesce(settled_at, ?2) WHERE id = ?1",
        params![id_column(attempt), millis(at)],
    )?;
    exists(changed, attempt)
}

fn exists(changed: usize, attempt: AttemptId) -> Result<(), CommitError> {
    if changed == 0 {
        return Err(CommitError::NoSuchAttempt(attempt));
    }
    Ok(())
}

fn unsettled(connection: &Connection, device: DeviceKey) -> Result<Option<AttemptId>, StoreError> {
    let id: Option<i64> = connection
        .prepare_cached("SELECT id FROM attempt WHERE device = ?1 AND settled_at IS NULL")?
        .query_row([device.0], |row| row.get(0))
        .optional()?;
    id.map(attempt_id).transpose()
}

/// Which kind of constraint a statement would have broken, if it is that.
pub(crate) fn violated(error: &rusqlite::Error) -> Option<std::ffi::c_int> {
    let code = error.sqlite_error()?;
    (code.code == ErrorCode::ConstraintViolation).then_some(code.extended_code)
}

/// The end whose columns begin at the fifth.
pub(crate) fn end_from_row(row: &Row<'_>) -> Result<Option<AttemptEnd>, StoreError> {
    let Some(at) = row.get(4)? else {
        return Ok(None);
    };
    let message: Option<String> = row.get(8)?;
    let message = message.unwrap_or_default();
    let retry_after: Option<i64> = row.get(7)?;
    let outcome = match row.get(5)? {
        DELIVERED => AttemptOutcome::Delivered,
        OFFERED => AttemptOutcome::Offered(message),
        FAILED => AttemptOutcome::Failed(Failure {
            kind: FailureKind::from_code(row.get(6)?)?,
            message,
            retry_after: retry_after.map(duration),
        }),
        CANCELLED => AttemptOutcome::Cancelled,
        _ => {
            return Err(StoreError::Unreadable {
                what: "outcome of an attempt",
                source: None,
            });
        }
    };
    Ok(Some(AttemptEnd {
        at: timestamp(at),
        outcome,
        bytes: unsigned(row.get(9)?),
    }))
}
