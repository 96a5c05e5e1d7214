//! What people consented to and ordered of a rollout's gates.

use rusqlite::{Connection, params};
use windlass_model::{Advance, Approval, CohortIndex, RolloutKey};

use crate::{
    Store, StoreError,
    codes::{millis, timestamp, unsigned},
};

pub(crate) const APPROVALS: &str =
    "SELECT gate, actor, at, expires FROM approval WHERE rollout = ?1 ORDER BY id";

pub(crate) const ADVANCES: &str =
    "SELECT cohort, actor, at FROM advance WHERE rollout = ?1 ORDER BY id";

pub(crate) fn approve(
    connection: &Connection,
    rollout: RolloutKey,
    approval: &Approval,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO approval (rollout, gate, actor, at, expires) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            rollout.0,
            approval.gate,
            approval.actor,
            millis(approval.at),
            approval.expires.map(millis),
        ])?;
    Ok(())
}

pub(crate) fn advance(
    connection: &Connection,
    rollout: RolloutKey,
    advance: &Advance,
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO advance (rollout, cohort, actor, at) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            rollout.0,
            advance.cohort.map(|cohort| cohort.0),
            advance.actor,
            millis(advance.at),
        ])?;
    Ok(())
}

/// The oldest first, lapsed ones too.
pub(crate) fn approvals(
    connection: &Connection,
    rollout: RolloutKey,
) -> Result<Vec<Approval>, StoreError> {
    let mut statement = connection.prepare_cached(APPROVALS)?;
    let rows = statement.query_map([rollout.0], |row| {
        Ok(Approval {
            gate: row.get(0)?,
            actor: row.get(1)?,
            at: timestamp(row.get(2)?),
            expires: row.get::<_, Option<i64>>(3)?.map(timestamp),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The oldest first.
pub(crate) fn advances(
    connection: &Connection,
    rollout: RolloutKey,
) -> Result<Vec<Advance>, StoreError> {
    let mut statement = connection.prepare_cached(ADVANCES)?;
    let rows = statement.query_map([rollout.0], |row| {
        Ok(Advance {
            cohort: row.get::<_, Option<u32>>(0)?.map(CohortIndex),
            actor: row.get(1)?,
            at: timestamp(row.get(2)?),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

impl Store {
    /// How many consents and orders to go on a rollout has, lapsed ones included.
    ///
    /// # Errors
    ///
    /// If the database failed.
    pub fn consents(&self, rollout: RolloutKey) -> Result<u64, StoreError> {
        let count: i64 = self.connection.query_row(
            "SELECT (SELECT count(*) FROM approval WHERE rollout = ?1) \
             + (SELECT count(*) FROM advance WHERE rollout = ?1)",
            [rollout.0],
            |row| row.get(0),
        )?;
        Ok(unsigned(count))
    }
}

/// Forgets them all.
pub(crate) fn void(connection: &Connection, rollout: RolloutKey) -> Result<(), StoreError> {
    connection.execute("DELETE FROM approval WHERE rollout = ?1", [rollout.0])?;
    connection.execute("DELETE FROM advance WHERE rollout = ?1", [rollout.0])?;
    Ok(())
}
