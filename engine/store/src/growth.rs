//! Devices that join a rollout after it was created.

use rusqlite::{Connection, params};
use thiserror::Error;
use windlass_model::{
    CohortIndex, DeviceKey, EventKind, Rollback, RolloutKey, RolloutState, StoredRollout, Timestamp,
};

use crate::{
    Store, StoreError,
    assignment::{MAX_TARGETS, assignment_id},
    attempt::violated,
    codes::Code as _,
    rollout::{by_key, write_plan},
};

/// Why a rollout was not extended. Nothing of it was kept.
#[derive(Debug, Error)]
pub enum ExtendConflict {
    /// It was aborted, or is about to be.
    #[error("rollout {0} is aborted and takes no further devices")]
    Aborted(RolloutKey),
    /// It is taken back, or is about to be.
    #[error("rollout {0} is taken back and takes no further devices")]
    TakenBack(RolloutKey),
    /// It was planned without cohorts.
    #[error("rollout {0} has no cohort that a device could join")]
    NoCohort(RolloutKey),
    /// A device does not exist.
    #[error("there is no device {0}")]
    NoSuchDevice(DeviceKey),
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

impl From<rusqlite::Error> for ExtendConflict {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.into())
    }
}

impl Store {
    /// Puts devices at the end of a rollout's last cohort, each pending, in the order given;
    /// those that have an assignment there already are passed over. Returns how many
    /// joined; if any did, that is logged, and a rollout that had completed runs again.
    ///
    /// # Errors
    ///
    /// See [`ExtendConflict`].
    pub fn extend_rollout(
        &mut self,
        key: RolloutKey,
        devices: &mut dyn Iterator<Item = DeviceKey>,
        at: Timestamp,
    ) -> Result<u64, ExtendConflict> {
        self.write(|connection, log| {
            let StoredRollout {
                mut plan,
                state,
                rollback,
                ..
            } = by_key(connection, key)?;
            if matches!(state, RolloutState::Aborting | RolloutState::Aborted) {
                return Err(ExtendConflict::Aborted(key));
            }
            if rollback != Rollback::NotWanted {
                return Err(ExtendConflict::TakenBack(key));
            }
            let position = plan.cohorts.len().saturating_sub(1);
            let Some(last) = plan.cohorts.last_mut() else {
                return Err(ExtendConflict::NoCohort(key));
            };
            let cohort = CohortIndex(u32::try_from(position).unwrap_or(u32::MAX));
            let added = append(connection, key, cohort, devices)?;
            if added == 0 {
                return Ok(0);
            }
            last.size += added;
            write_plan(connection, key, &plan)?;
            log.append(at, Some(key), EventKind::RolloutGrown { added })?;
            if state == RolloutState::Completed {
                connection.execute(
                    "UPDATE rollout SET state = ?2, ended_at = NULL WHERE key = ?1",
                    params![key.0, RolloutState::Running.code()],
                )?;
                log.append(at, Some(key), EventKind::RolloutReopened)?;
            }
            Ok(added)
        })
    }
}

fn append(
    connection: &Connection,
    rollout: RolloutKey,
    cohort: CohortIndex,
    devices: &mut dyn Iterator<Item = DeviceKey>,
) -> Result<u64, ExtendConflict> {
    let last_possible = assignment_id(rollout, MAX_TARGETS);
    let mut last: i64 = connection.query_row(
        "SELECT coalesce(max(id), ?1) FROM assignment WHERE id > ?1 AND id <= ?2",
        [assignment_id(rollout, 0), last_possible],
        |row| row.get(0),
    )?;
    let mut insert = connection.prepare(
        "INSERT INTO assignment (id, device, cohort, state, started_attempts, counted_attempts) \
         VALUES (?1, ?2, ?3, 0, 0, 0) ON CONFLICT (device, rollout) DO NOTHING",
    )?;
    let mut added = 0;
    for device in devices {
        if last == last_possible {
            return Err(ExtendConflict::TooManyTargets { limit: MAX_TARGETS });
        }
        let inserted = insert
            .execute(params![last + 1, device.0, cohort.0])
            .map_err(|error| match violated(&error) {
                Some(rusqlite::ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => {
                    ExtendConflict::NoSuchDevice(device)
                }
                _ => error.into(),
            })?;
        if inserted == 1 {
            last += 1;
            added += 1;
        }
    }
    Ok(added)
}
