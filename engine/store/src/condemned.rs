//! Releases that failed, and that nothing starts until a person forgives them.

use rusqlite::{Connection, OptionalExtension as _, params};
use windlass_model::{EventKind, ReleaseKey, RolloutKey, StoredRelease, Timestamp};

use crate::{
    Store, StoreError,
    codes::{millis, timestamp},
};

/// That a release failed (design §7.6).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condemnation {
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
    /// The rollout in which it failed.
    pub rollout: RolloutKey,
}

impl Store {
    /// Why a release is condemned, if it is.
    pub fn condemnation(&self, release: ReleaseKey) -> Result<Option<Condemnation>, StoreError> {
        let condemnation = self
            .connection
            .prepare_cached("SELECT at, reason, rollout FROM condemned WHERE release = ?1")?
            .query_row([release.0], |row| {
                Ok(Condemnation {
                    at: timestamp(row.get(0)?),
                    reason: row.get(1)?,
                    rollout: RolloutKey(row.get(2)?),
                })
            })
            .optional()?;
        Ok(condemnation)
    }

    /// Every condemned release, in the order of their rows.
    pub fn condemned(&self) -> Result<Vec<(StoredRelease, Condemnation)>, StoreError> {
        let mut keys = self
            .connection
            .prepare_cached("SELECT release FROM condemned ORDER BY release")?;
        let keys = keys.query_map([], |row| Ok(ReleaseKey(row.get(0)?)))?;
        let mut condemned = Vec::new();
        for key in keys {
            let key = key?;
            let release = self.release(key)?;
            if let Some(condemnation) = self.condemnation(key)? {
                condemned.push((StoredRelease { key, release }, condemnation));
            }
        }
        Ok(condemned)
    }

    /// Takes the condemnation from every release of this name and version, whatever its
    /// payload, and logs it; returns whether there was one.
    pub fn forgive(
        &mut self,
        name: &str,
        version: &str,
        actor: &str,
        reason: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(|connection, log| {
            let forgiven = connection.execute(
                "DELETE FROM condemned WHERE release IN \
                 (SELECT key FROM release WHERE name = ?1 AND version = ?2)",
                [name, version],
            )?;
            if forgiven == 0 {
                return Ok(false);
            }
            let kind = EventKind::ReleaseForgiven {
                release: name.to_owned(),
                version: version.to_owned(),
                actor: actor.to_owned(),
                reason: reason.to_owned(),
            };
            log.append(at, None, kind)?;
            Ok(true)
        })
    }
}

/// Condemns a rollout's release; the first reason holds.
pub(crate) fn condemn(
    connection: &Connection,
    rollout: RolloutKey,
    at: Timestamp,
    reason: &str,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "INSERT INTO condemned (release, at, reason, rollout) \
             SELECT release, ?2, ?3, key FROM rollout WHERE key = ?1 ON CONFLICT DO NOTHING",
        )?
        .execute(params![rollout.0, millis(at), reason])?;
    Ok(())
}
