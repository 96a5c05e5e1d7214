//! What deliveries keep of a broken attempt for the next one on the same device.

use rusqlite::{OptionalExtension as _, params};
use windlass_model::{AssignmentId, AttemptId};

use crate::{Store, StoreError, prepared::Prepared};

impl Store {
    /// Keeps `data` in place of what an earlier attempt, or this one, kept. Ignored if it comes
    /// from an attempt older than the one that kept the last.
    pub fn put_checkpoint(
        &mut self,
        assignment: AssignmentId,
        attempt: AttemptId,
        data: &[u8],
    ) -> Result<(), StoreError> {
        self.connection
            .prepare_cached(
                "INSERT INTO checkpoint (assignment, attempt, data) VALUES (?1, ?2, ?3) \
                 ON CONFLICT DO UPDATE SET attempt = excluded.attempt, data = excluded.data \
                 WHERE excluded.attempt >= attempt",
            )?
            .execute(params![assignment.0, attempt.0.get(), data])?;
        Ok(())
    }

    /// What was kept for an assignment that has not ended.
    pub fn checkpoint(&self, assignment: AssignmentId) -> Result<Option<Vec<u8>>, StoreError> {
        let data = self
            .connection
            .prepare_cached("SELECT data FROM checkpoint WHERE assignment = ?1")?
            .query_row([assignment.0], |row| row.get(0))
            .optional()?;
        Ok(data)
    }
}

/// An assignment that has ended needs none.
pub(crate) fn drop_checkpoint(
    connection: &Prepared<'_>,
    assignment: AssignmentId,
) -> Result<(), StoreError> {
    connection.execute(
        "DELETE FROM checkpoint WHERE assignment = ?1",
        [assignment.0],
    )?;
    Ok(())
}
