use std::time::Duration;

use rusqlite::{Connection, params};
use windlass_model::{Connectivity, Observation};

use crate::{
    Store, StoreError,
    codes::{Code as _, millis},
};

impl Store {
    /// Keeps what was found out about devices outside of any rollout's change set, such as
    /// by a probe. Devices that are gone are passed over.
    pub fn observe(&mut self, observations: &[Observation]) -> Result<(), StoreError> {
        let transaction = self.connection.transaction()?;
        for observation in observations {
            observe(&transaction, observation)?;
        }
        transaction.commit()?;
        Ok(())
    }
}

/// What an engine finds out comes in order, but for what is under way at once. What is known
/// from further ahead than this was dated by a clock that has been set back since.
const SET_BACK: Duration = Duration::from_secs(10 * 60);

/// What may be taken over: nothing newer is known, or only by a clock that was set back.
const VERSION: &str = "UPDATE device SET version = ?4 WHERE key = ?1 AND version IS NOT ?4 \
     AND (version_at <= ?2 OR version_at > ?3)";
const STATUS: &str = "UPDATE device SET status = ?4 WHERE key = ?1 AND status <> ?4 \
     AND (status_at <= ?2 OR status_at > ?3)";
const TIMES: &str = "UPDATE device SET \
     version_source = iif(?5 AND (version_at <= ?2 OR version_at > ?3), ?4, version_source), \
     version_at = iif(?5 AND (version_at <= ?2 OR version_at > ?3), ?2, version_at), \
     status_source = iif(?6 AND (status_at <= ?2 OR status_at > ?3), ?4, status_source), \
     status_at = iif(?6 AND (status_at <= ?2 OR status_at > ?3), ?2, status_at), \
     last_seen_source = iif(?7 AND (coalesce(last_seen, 0) <= ?2 OR last_seen > ?3), ?4, last_seen_source), \
     last_seen = iif(?7 AND (coalesce(last_seen, 0) <= ?2 OR last_seen > ?3), ?2, last_seen) \
     WHERE key = ?1";

/// Takes over what is newer than what is known, field by field. A device that was found
/// offline was not seen. Returns whether the device exists.
///
/// Version and status have indexes, in which a statement that names them moves the device even
/// if they stay: two pages of a large registry, which nothing else would touch.
pub(crate) fn observe(
    connection: &Connection,
    observation: &Observation,
) -> Result<bool, StoreError> {
    let at = millis(observation.at);
    let ahead = millis(observation.at.plus(SET_BACK));
    let key = observation.device.0;
    if let Some(version) = &observation.version {
        connection
            .prepare_cached(VERSION)?
            .execute(params![key, at, ahead, version])?;
    }
    if let Some(status) = observation.status {
        connection
            .prepare_cached(STATUS)?
            .execute(params![key, at, ahead, status.code()])?;
    }
    let seen = observation.status != Some(Connectivity::Offline);
    let changed = connection.prepare_cached(TIMES)?.execute(params![
        key,
        at,
        ahead,
        observation.source.code(),
        observation.version.is_some(),
        observation.status.is_some(),
        seen,
    ])?;
    Ok(changed == 1)
}
