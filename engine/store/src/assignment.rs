//! Assignments as rows, and the pages in which they are read.

use rusqlite::{Params, Row, params};
use windlass_model::{
    Assignment, AssignmentId, AssignmentState, CohortIndex, Deferral, Device, DeviceId, DeviceKey,
    FailureKind, RolloutKey, SkipReason, StateKind, Timestamp,
};

use crate::{
    Store, StoreError,
    attempt::attempt_id,
    codes::{Code as _, integer, millis, timestamp, unsigned},
    json::parse,
    registry::{DEVICE_COLUMNS, stored_device},
};

/// Targets that one rollout may have: their ranks share an integer with its key.
pub(crate) const MAX_TARGETS: u64 = u32::MAX as u64;

/// What [`from_row`] reads, of tables called `a` and `d`.
pub(crate) const COLUMNS: &str = "a.id, a.device, d.id, a.cohort, a.state, a.attempt, a.due, a.detail, \
     a.started_attempts, a.counted_attempts, a.first_failure, a.last_failure, \
     a.last_failure_at, a.attempt_started, a.excluded, \
     (SELECT json FROM reason WHERE id = a.blocker)";

pub(crate) const COLUMN_COUNT: usize = 16;

/// A page of pending assignments with their devices.
pub(crate) const PENDING: (&str, &str) = (
    "assignment AS a INDEXED BY assignment_pending",
    "a.rollout = ?1 AND a.cohort = ?2 AND a.state = 0 AND a.id > ?3 ORDER BY a.id LIMIT ?4",
);

/// A page of deferred assignments that are due, with their devices.
pub(crate) const DUE: (&str, &str) = (
    "assignment AS a INDEXED BY assignment_deferred",
    "a.rollout = ?1 AND a.state = 1 AND a.due <= ?2 ORDER BY a.due, a.id LIMIT ?3",
);

/// The assignments that `windlass-core` holds in memory.
pub(crate) const LIVE: (&str, &str) = (
    "assignment AS a INDEXED BY assignment_live",
    "a.rollout = ?1 AND a.state BETWEEN 2 AND 8 ORDER BY a.id",
);

/// The assignments of one device, the oldest rollout first.
pub(crate) const ALL_OF_DEVICE: (&str, &str) = (
    "assignment AS a INDEXED BY assignment_device",
    "a.device = ?1 ORDER BY a.rollout",
);

/// The transfers of one rollout.
pub(crate) const TRANSFERS: &str = "SELECT count(*) FROM assignment INDEXED BY assignment_live \
     WHERE rollout = ?1 AND state BETWEEN 2 AND 8 AND state = 3";

/// The assignment of one device in one rollout.
pub(crate) const OF_DEVICE: (&str, &str) = (
    "assignment AS a INDEXED BY assignment_device",
    "a.device = (SELECT key FROM device WHERE id = ?1) AND a.rollout = ?2",
);

const RANGE: (&str, &str) = (
    "assignment AS a",
    "a.id > ?1 AND a.id <= ?2 ORDER BY a.id LIMIT ?3",
);

/// When the first deferred assignment after an instant is due.
pub(crate) const NEXT_DUE: &str = "SELECT min(due) FROM assignment \
     WHERE rollout = ?1 AND state = 1 AND due > ?2";

/// The assignment of rank `rank` (from 1).
pub(crate) fn assignment_id(rollout: RolloutKey, rank: u64) -> i64 {
    (rollout.0 << 32) | integer(rank)
}

/// The rank of an assignment in its rollout.
pub(crate) fn rank(id: AssignmentId) -> i64 {
    id.0 & i64::from(u32::MAX)
}

/// The query of a page, whose source and condition `page` gives.
pub(crate) fn page_sql((source, condition): (&str, &str), with_device: bool) -> String {
    let device = if with_device {
        format!(", {DEVICE_COLUMNS}")
    } else {
        String::new()
    };
    format!(
        "SELECT {COLUMNS}{device} FROM {source} \
         CROSS JOIN device AS d ON d.key = a.device WHERE {condition}"
    )
}

impl Store {
    /// At most `limit` pending assignments of a cohort after `after`, in rank order, with
    /// their devices.
    pub fn pending(
        &self,
        rollout: RolloutKey,
        cohort: CohortIndex,
        after: Option<AssignmentId>,
        limit: usize,
    ) -> Result<Vec<(Assignment, Device)>, StoreError> {
        let after = after.map_or(0, |id| id.0);
        self.page_with_devices(
            PENDING,
            params![rollout.0, cohort.0, after, integer(limit as u64)],
        )
    }

    /// At most `limit` deferred assignments that are due at `now`, the longest due first,
    /// with their devices.
    pub fn deferred_due(
        &self,
        rollout: RolloutKey,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Assignment, Device)>, StoreError> {
        self.page_with_devices(DUE, params![rollout.0, millis(now), integer(limit as u64)])
    }

    /// When the first deferred assignment is due that is not due at `now`.
    pub fn next_deferred_after(
        &self,
        rollout: RolloutKey,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.next_due(rollout, millis(now))
    }

    /// At most `limit` assignments of a rollout after `after`, in rank order.
    pub fn assignments(
        &self,
        rollout: RolloutKey,
        after: Option<AssignmentId>,
        limit: usize,
    ) -> Result<Vec<Assignment>, StoreError> {
        let first = assignment_id(rollout, 0);
        let last = assignment_id(rollout, MAX_TARGETS);
        let after = after.map_or(first, |id| id.0.max(first));
        self.page(RANGE, params![after, last, integer(limit as u64)])
    }

    /// The same with their devices.
    pub fn targets(
        &self,
        rollout: RolloutKey,
        after: Option<AssignmentId>,
        limit: usize,
    ) -> Result<Vec<(Assignment, Device)>, StoreError> {
        let first = assignment_id(rollout, 0);
        let last = assignment_id(rollout, MAX_TARGETS);
        let after = after.map_or(first, |id| id.0.max(first));
        self.page_with_devices(RANGE, params![after, last, integer(limit as u64)])
    }

    /// The assignments that these devices have in a rollout, in the order of `devices`;
    /// those that have none are left out.
    pub fn assignments_of(
        &self,
        rollout: RolloutKey,
        devices: &[DeviceId],
    ) -> Result<Vec<Assignment>, StoreError> {
        let mut assignments = Vec::with_capacity(devices.len());
        for device in devices {
            assignments.extend(self.page(OF_DEVICE, params![device.as_str(), rollout.0])?);
        }
        Ok(assignments)
    }

    /// The assignments of one device, in every rollout that has it, the oldest first.
    pub fn assignments_of_device(&self, device: DeviceKey) -> Result<Vec<Assignment>, StoreError> {
        self.page(ALL_OF_DEVICE, [device.0])
    }

    /// Transfers under way in a rollout.
    pub fn transfers(&self, rollout: RolloutKey) -> Result<u64, StoreError> {
        let count: i64 = self
            .connection
            .prepare_cached(TRANSFERS)?
            .query_row([rollout.0], |row| row.get(0))?;
        Ok(unsigned(count))
    }

    /// All live assignments.
    pub(crate) fn live(&self, rollout: RolloutKey) -> Result<Vec<Assignment>, StoreError> {
        self.page(LIVE, [rollout.0])
    }

    pub(crate) fn next_due(
        &self,
        rollout: RolloutKey,
        after: i64,
    ) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<i64> = self
            .connection
            .prepare_cached(NEXT_DUE)?
            .query_row([rollout.0, after], |row| row.get(0))?;
        Ok(due.map(timestamp))
    }

    fn page(
        &self,
        page: (&str, &str),
        parameters: impl Params,
    ) -> Result<Vec<Assignment>, StoreError> {
        let mut statement = self.connection.prepare_cached(&page_sql(page, false))?;
        let mut rows = statement.query(parameters)?;
        let mut assignments = Vec::new();
        while let Some(row) = rows.next()? {
            assignments.push(from_row(row)?);
        }
        Ok(assignments)
    }

    fn page_with_devices(
        &self,
        page: (&str, &str),
        parameters: impl Params,
    ) -> Result<Vec<(Assignment, Device)>, StoreError> {
        let mut statement = self.connection.prepare_cached(&page_sql(page, true))?;
        let mut rows = statement.query(parameters)?;
        let mut pairs = Vec::new();
        while let Some(row) = rows.next()? {
            let device = stored_device(row, COLUMN_COUNT)?.device;
            pairs.push((from_row(row)?, device));
        }
        Ok(pairs)
    }
}

/// A state's data as the columns `attempt`, `due` and `detail`.
pub(crate) struct StateColumns {
    pub(crate) attempt: Option<i64>,
    pub(crate) due: Option<i64>,
    pub(crate) detail: Option<i64>,
}

impl StateColumns {
    pub(crate) fn new(state: &AssignmentState) -> Self {
        let (attempt, due, detail) = match state {
            AssignmentState::Pending
            | AssignmentState::Admitted
            | AssignmentState::Succeeded
            | AssignmentState::Rejected
            | AssignmentState::Cancelled
            | AssignmentState::Superseded => (None, None, None),
            AssignmentState::Deferred(deferral) => (
                None,
                Some(deferral.until),
                Some(i64::from(deferral.needs_connection)),
            ),
            AssignmentState::Transferring(attempt)
            | AssignmentState::Verifying(attempt)
            | AssignmentState::Settling(attempt)
            | AssignmentState::Cancelling(attempt) => (Some(attempt), None, None),
            AssignmentState::Offered { attempt, deadline } => {
                (Some(attempt), Some(*deadline), None)
            }
            AssignmentState::Waiting { retry_at } => (None, Some(*retry_at), None),
            AssignmentState::Failed(kind) | AssignmentState::DeadLettered(kind) => {
                (None, None, Some(kind.code()))
            }
            AssignmentState::Skipped(reason) => (None, None, Some(reason.code())),
        };
        Self {
            attempt: attempt.map(|attempt| attempt.0.get().into()),
            due: due.map(millis),
            detail,
        }
    }

    fn state(&self, kind: StateKind) -> Result<AssignmentState, StoreError> {
        Ok(match kind {
            StateKind::Pending => AssignmentState::Pending,
            StateKind::Deferred => AssignmentState::Deferred(Deferral {
                until: timestamp(present(self.due)?),
                needs_connection: present(self.detail)? != 0,
            }),
            StateKind::Admitted => AssignmentState::Admitted,
            StateKind::Transferring => {
                AssignmentState::Transferring(attempt_id(present(self.attempt)?)?)
            }
            StateKind::Offered => AssignmentState::Offered {
                attempt: attempt_id(present(self.attempt)?)?,
                deadline: timestamp(present(self.due)?),
            },
            StateKind::Verifying => AssignmentState::Verifying(attempt_id(present(self.attempt)?)?),
            StateKind::Settling => AssignmentState::Settling(attempt_id(present(self.attempt)?)?),
            StateKind::Waiting => AssignmentState::Waiting {
                retry_at: timestamp(present(self.due)?),
            },
            StateKind::Cancelling => {
                AssignmentState::Cancelling(attempt_id(present(self.attempt)?)?)
            }
            StateKind::Succeeded => AssignmentState::Succeeded,
            StateKind::Failed => {
                AssignmentState::Failed(FailureKind::from_code(present(self.detail)?)?)
            }
            StateKind::Rejected => AssignmentState::Rejected,
            StateKind::Skipped => {
                AssignmentState::Skipped(SkipReason::from_code(present(self.detail)?)?)
            }
            StateKind::Cancelled => AssignmentState::Cancelled,
            StateKind::Superseded => AssignmentState::Superseded,
            StateKind::DeadLettered => {
                AssignmentState::DeadLettered(FailureKind::from_code(present(self.detail)?)?)
            }
        })
    }
}

fn present(column: Option<i64>) -> Result<i64, StoreError> {
    column.ok_or(StoreError::Unreadable {
        what: "state of an assignment",
        source: None,
    })
}

pub(crate) fn from_row(row: &Row<'_>) -> Result<Assignment, StoreError> {
    let device_id: String = row.get(2)?;
    let columns = StateColumns {
        attempt: row.get(5)?,
        due: row.get(6)?,
        detail: row.get(7)?,
    };
    let first_failure: Option<i64> = row.get(10)?;
    let last_failure: Option<i64> = row.get(11)?;
    let attempt_started: Option<i64> = row.get(13)?;
    let blocker: Option<String> = row.get(15)?;
    Ok(Assignment {
        id: AssignmentId(row.get(0)?),
        device: DeviceKey(row.get(1)?),
        device_id: DeviceId::new(device_id),
        cohort: CohortIndex(row.get(3)?),
        state: columns.state(StateKind::from_code(row.get(4)?)?)?,
        started_attempts: row.get(8)?,
        counted_attempts: row.get(9)?,
        first_failure: first_failure.map(FailureKind::from_code).transpose()?,
        last_failure: match last_failure {
            Some(kind) => Some((FailureKind::from_code(kind)?, timestamp(row.get(12)?))),
            None => None,
        },
        attempt_started: attempt_started.map(timestamp),
        excluded: row.get(14)?,
        blocker: match blocker {
            Some(json) => Some(parse("reason", &json)?),
            None => None,
        },
    })
}
