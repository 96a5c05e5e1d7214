use rusqlite::{OptionalExtension as _, params};
use windlass_model::{Release, ReleaseKey, Sha256, Timestamp};

use crate::{
    Store, StoreError,
    codes::{integer, millis, unsigned},
};

impl Store {
    /// The row of `release`, which is made if there is none.
    pub fn put_release(
        &mut self,
        release: &Release,
        at: Timestamp,
    ) -> Result<ReleaseKey, StoreError> {
        let digest = release.sha256.0.as_slice();
        let transaction = self.connection.transaction()?;
        transaction.execute(
            "INSERT INTO release (name, version, size, sha256, media_type, created_at) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            params![
                release.name,
                release.version,
                integer(release.size),
                digest,
                release.media_type,
                millis(at),
            ],
        )?;
        let key = transaction.query_row(
            "SELECT key FROM release \
             WHERE sha256 = ?1 AND name = ?2 AND version = ?3 AND media_type = ?4",
            params![digest, release.name, release.version, release.media_type],
            |row| row.get(0),
        )?;
        transaction.commit()?;
        Ok(ReleaseKey(key))
    }

    /// The release of a row.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if there is no such row.
    pub fn release(&self, key: ReleaseKey) -> Result<Release, StoreError> {
        self.connection
            .prepare_cached(
                "SELECT name, version, size, sha256, media_type FROM release WHERE key = ?1",
            )?
            .query_row([key.0], |row| {
                Ok(Release {
                    name: row.get(0)?,
                    version: row.get(1)?,
                    size: unsigned(row.get(2)?),
                    sha256: Sha256(row.get(3)?),
                    media_type: row.get(4)?,
                })
            })
            .optional()?
            .ok_or(StoreError::Missing {
                what: "release",
                key: key.0,
            })
    }
}
