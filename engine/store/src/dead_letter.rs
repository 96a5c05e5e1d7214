//! Assignments whose attempts are used up, for the person that they wait for.

use rusqlite::{OptionalExtension as _, Row, params};
use windlass_model::{
    AssignmentId, DeviceId, FailureKind, RolloutKey, RolloutName, StateKind, Timestamp,
};

use crate::{
    Store, StoreError, StoredAttempt,
    attempt::FAILED,
    codes::{Code as _, integer, timestamp},
};

/// What [`from_row`] reads, with a condition to come; of one rollout: ?2; of one kind: ?3,
/// unless that is null.
fn sql(condition: &str) -> String {
    format!(
        "SELECT a.id, a.rollout, r.name, d.id, a.detail, a.last_failure_at, a.started_attempts, \
         (SELECT message FROM attempt WHERE assignment = a.id AND outcome = {FAILED} \
          ORDER BY id DESC LIMIT 1) \
         FROM assignment AS a INDEXED BY assignment_dead_letter \
         CROSS JOIN rollout AS r ON r.key = a.rollout \
         CROSS JOIN device AS d ON d.key = a.device \
         WHERE a.state = {} AND {condition} ORDER BY a.rollout, a.id LIMIT ?1",
        StateKind::DeadLettered.code()
    )
}

pub(crate) fn all() -> String {
    sql("?2 IS NULL AND (?3 IS NULL OR a.detail = ?3)")
}

pub(crate) fn of_rollout() -> String {
    sql("a.rollout = ?2 AND (?3 IS NULL OR a.detail = ?3)")
}

/// An assignment that waits for a person to requeue or dismiss it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its rollout.
    pub rollout: RolloutKey,
    /// The rollout's name.
    pub rollout_name: RolloutName,
    /// Its row.
    pub assignment: AssignmentId,
    /// Its device.
    pub device: DeviceId,
    /// Of the failure that was the last.
    pub kind: FailureKind,
    /// When an attempt last failed; none if it never was an attempt that did.
    pub at: Option<Timestamp>,
    /// Attempts that were started.
    pub attempts: u32,
    /// What was said about the newest failed attempt.
    pub message: Option<String>,
}

impl Store {
    /// At most `limit` dead letters of one rollout or of all, of one kind or of all, the
    /// oldest rollout first, in rank order.
    pub fn dead_letters(
        &self,
        rollout: Option<RolloutKey>,
        kind: Option<FailureKind>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let limit = integer(limit as u64);
        let sql = rollout.map_or_else(all, |_| of_rollout());
        let mut statement = self.connection.prepare_cached(&sql)?;
        let rollout = rollout.map(|rollout| rollout.0);
        let mut rows = statement.query(params![limit, rollout, kind.map(|kind| kind.code())])?;
        let mut letters = Vec::new();
        while let Some(row) = rows.next()? {
            letters.push(from_row(row)?);
        }
        Ok(letters)
    }

    /// The dead letter of a device in a rollout, if it is one, with all its attempts.
    pub fn dead_letter(
        &self,
        rollout: RolloutKey,
        device: &DeviceId,
    ) -> Result<Option<(DeadLetter, Vec<StoredAttempt>)>, StoreError> {
        let letter = self
            .connection
            .prepare_cached(&sql("a.rollout = ?2 AND d.id = ?3"))?
            .query_row(params![1, rollout.0, device.as_str()], |row| {
                Ok(from_row(row))
            })
            .optional()?
            .transpose()?;
        let Some(letter) = letter else {
            return Ok(None);
        };
        let attempts = self.attempts(letter.assignment)?;
        Ok(Some((letter, attempts)))
    }
}

fn from_row(row: &Row<'_>) -> Result<DeadLetter, StoreError> {
    let (name, device): (String, String) = (row.get(2)?, row.get(3)?);
    Ok(DeadLetter {
        assignment: AssignmentId(row.get(0)?),
        rollout: RolloutKey(row.get(1)?),
        rollout_name: RolloutName::new(name),
        device: DeviceId::new(device),
        kind: FailureKind::from_code(row.get(4)?)?,
        at: row.get::<_, Option<i64>>(5)?.map(timestamp),
        attempts: row.get(6)?,
        message: row.get(7)?,
    })
}
