//! What signals said when that changed.

use rusqlite::{Connection, Row, params};
use windlass_model::{Reading, RolloutKey, SignalName, SignalSample, SignalStatus};

use crate::{
    Store, StoreError,
    codes::{Code as _, integer, millis, timestamp},
};

/// Samples kept of one signal in one rollout: two hours of a value that differs at every poll of
/// 30 s, and years of one that seldom does.
const KEPT: u64 = 256;

pub(crate) const NEWEST: &str = "SELECT name, at, status, value, message, fresh_until FROM signal AS s \
     WHERE rollout = ?1 AND at = (SELECT max(at) FROM signal WHERE rollout = ?1 AND name = s.name) \
     ORDER BY name";

pub(crate) const HISTORY: &str = "SELECT name, at, status, value, message, fresh_until FROM signal \
     WHERE rollout = ?1 ORDER BY name, at";

pub(crate) const PRUNE: &str = "DELETE FROM signal WHERE rollout = ?1 AND name = ?2 AND at <= \
     (SELECT at FROM signal WHERE rollout = ?1 AND name = ?2 ORDER BY at DESC LIMIT 1 OFFSET ?3)";

impl Store {
    /// The samples that are kept of a rollout's signals: those that differed from the one
    /// before, at most 256 of each signal, by name and then the oldest first.
    ///
    /// # Errors
    /// If the state file cannot be read.
    pub fn signals(&self, rollout: RolloutKey) -> Result<Vec<SignalSample>, StoreError> {
        read(&self.connection, HISTORY, rollout)
    }
}

pub(crate) fn keep(
    connection: &Connection,
    rollout: RolloutKey,
    sample: &SignalSample,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO signal \
             (rollout, name, at, status, value, message, fresh_until) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            rollout.0,
            sample.name.as_str(),
            millis(sample.at),
            sample.reading.status().code(),
            sample.reading.value(),
            sample.reading.message(),
            millis(sample.fresh_until),
        ])?;
    connection.prepare_cached(PRUNE)?.execute(params![
        rollout.0,
        sample.name.as_str(),
        integer(KEPT),
    ])?;
    Ok(())
}

/// The newest of each signal, by name.
pub(crate) fn newest(
    connection: &Connection,
    rollout: RolloutKey,
) -> Result<Vec<SignalSample>, StoreError> {
    read(connection, NEWEST, rollout)
}

fn read(
    connection: &Connection,
    sql: &str,
    rollout: RolloutKey,
) -> Result<Vec<SignalSample>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([rollout.0])?;
    let mut samples = Vec::new();
    while let Some(row) = rows.next()? {
        samples.push(SignalSample {
            name: SignalName::new(row.get::<_, String>(0)?),
            at: timestamp(row.get(1)?),
            reading: reading(row)?,
            fresh_until: timestamp(row.get(5)?),
        });
    }
    Ok(samples)
}

fn reading(row: &Row<'_>) -> Result<Reading, StoreError> {
    let message = row.get::<_, Option<String>>(4)?.unwrap_or_default();
    Ok(match SignalStatus::from_code(row.get(2)?)? {
        SignalStatus::Ok => {
            let value: Option<f64> = row.get(3)?;
            Reading::of(value.ok_or(StoreError::Unreadable {
                what: "value of a signal",
                source: None,
            })?)
        }
        SignalStatus::Missing => Reading::Missing(message),
        SignalStatus::Stale => Reading::Stale(message),
        SignalStatus::NotANumber => Reading::NotANumber(message),
        SignalStatus::Failed => Reading::Failed(message),
    })
}
