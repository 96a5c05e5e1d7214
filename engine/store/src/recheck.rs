//! Succeeded devices that are verified again (design §7.12).

use rusqlite::{Connection, params};
use windlass_model::{
    Assignment, AssignmentId, AttemptId, CohortIndex, CohortView, DeviceKey, Recheck, Rechecking,
    RolloutKey, StateKind,
};

use crate::{
    Store, StoreError,
    assignment::{COLUMN_COUNT, COLUMNS, MAX_TARGETS, assignment_id, from_row},
    attempt::attempt_id,
    codes::{Code as _, integer, millis, timestamp, unsigned},
};

/// Attempts at a device after another, of which both are given as SQL. Ids of attempts rise over
/// all rollouts.
fn later_sql(device: &str, attempt: &str) -> String {
    format!(
        "SELECT 1 FROM assignment AS o INDEXED BY assignment_device \
         CROSS JOIN attempt AS t ON t.assignment = o.id \
         WHERE o.device = {device} AND t.id > {attempt}"
    )
}

/// A page of succeeded assignments. Those of a cohort lie together but after a swap, so an
/// index would be written for each success to save one walk along the rows in a round.
pub(crate) fn succeeded_sql() -> String {
    let newest = "(SELECT max(id) FROM attempt WHERE assignment = a.id)";
    format!(
        "SELECT {COLUMNS}, {newest}, EXISTS ({}) FROM assignment AS a CROSS JOIN device AS d ON d.key = a.device \
         WHERE a.id > ?1 AND a.id <= ?2 AND a.cohort = ?3 AND a.state = ?4 \
         ORDER BY a.id LIMIT ?5",
        later_sql("a.device", newest),
    )
}

/// Attempts at a device after one.
pub(crate) fn is_overtaken_sql() -> String {
    later_sql("?1", "?2")
}

impl Store {
    /// At most `limit` succeeded assignments of a cohort after `after`, in rank order, each
    /// with its newest attempt; with none if another rollout has begun one at the device
    /// since, or if it is kept no longer.
    ///
    /// # Errors
    /// If the state file cannot be read.
    pub fn succeeded(
        &self,
        rollout: RolloutKey,
        cohort: CohortIndex,
        after: Option<AssignmentId>,
        limit: usize,
    ) -> Result<Vec<(Assignment, Option<AttemptId>)>, StoreError> {
        let first = assignment_id(rollout, 0);
        let mut statement = self.connection.prepare_cached(&succeeded_sql())?;
        let mut rows = statement.query(params![
            after.map_or(first, |id| id.0.max(first)),
            assignment_id(rollout, MAX_TARGETS),
            cohort.0,
            StateKind::Succeeded.code(),
            integer(limit as u64),
        ])?;
        let mut found = Vec::new();
        while let Some(row) = rows.next()? {
            let attempt: Option<i64> = row.get(COLUMN_COUNT)?;
            let overtaken: bool = row.get(COLUMN_COUNT + 1)?;
            let attempt = attempt.filter(|_| !overtaken).map(attempt_id).transpose()?;
            found.push((from_row(row)?, attempt));
        }
        Ok(found)
    }

    /// Whether an attempt at the device, of whatever rollout, began after `attempt`.
    ///
    /// # Errors
    /// If the state file cannot be read.
    pub fn is_overtaken(&self, device: DeviceKey, attempt: AttemptId) -> Result<bool, StoreError> {
        let mut statement = self.connection.prepare_cached(&is_overtaken_sql())?;
        Ok(statement.exists(params![device.0, attempt.0.get()])?)
    }
}

pub(crate) fn keep(
    connection: &Connection,
    rollout: RolloutKey,
    cohort: CohortIndex,
    round: &Recheck,
    after: Option<AssignmentId>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO recheck \
             (rollout, cohort, began, ended, after, confirmed, regressed, unconfirmed) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute(params![
            rollout.0,
            cohort.0,
            millis(round.began),
            round.ended.map(millis),
            after.map(|id| id.0),
            integer(round.confirmed),
            integer(round.regressed),
            integer(round.unconfirmed),
        ])?;
    Ok(())
}

/// Forgets the round of one cohort, or those of all.
pub(crate) fn forget(
    connection: &Connection,
    rollout: RolloutKey,
    cohort: Option<CohortIndex>,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("DELETE FROM recheck WHERE rollout = ?1 AND (?2 IS NULL OR cohort = ?2)")?
        .execute(params![rollout.0, cohort.map(|cohort| cohort.0)])?;
    Ok(())
}

/// Puts the newest rounds into the views of their cohorts, and returns the one that goes on.
pub(crate) fn read(
    connection: &Connection,
    rollout: RolloutKey,
    views: &mut [CohortView],
) -> Result<Option<Rechecking>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT cohort, began, ended, after, confirmed, regressed, unconfirmed \
         FROM recheck WHERE rollout = ?1",
    )?;
    let mut rows = statement.query([rollout.0])?;
    let mut goes_on = None;
    while let Some(row) = rows.next()? {
        let cohort = CohortIndex(row.get(0)?);
        let ended = row.get::<_, Option<i64>>(2)?.map(timestamp);
        if ended.is_none() {
            let after: Option<i64> = row.get(3)?;
            let after = after.map(AssignmentId);
            goes_on = Some(Rechecking { cohort, after });
        }
        if let Some(view) = views.get_mut(cohort.0 as usize) {
            view.recheck = Some(Recheck {
                began: timestamp(row.get(1)?),
                ended,
                confirmed: unsigned(row.get(4)?),
                regressed: unsigned(row.get(5)?),
                unconfirmed: unsigned(row.get(6)?),
            });
        }
    }
    Ok(goes_on)
}
