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

/// Takes over what is newer than what is known, field by field. A device that was found
/// offline was not seen. Returns whether the device exists.
pub(crate) fn observe(
    connection: &Connection,
    observation: &Observation,
) -> Result<bool, StoreError> {
    let seen = observation.status != Some(Connectivity::Offline);
    let changed = connection
        .prepare_cached(
            "UPDATE device SET \
             version = iif(?4 IS NOT NULL AND (version_at <= ?2 OR version_at > ?7), ?4, version), \
             version_source = iif(?4 IS NOT NULL AND (version_at <= ?2 OR version_at > ?7), ?3, version_source), \
             version_at = iif(?4 IS NOT NULL AND (version_at <= ?2 OR version_at > ?7), ?2, version_at), \
             status = iif(?5 IS NOT NULL AND (status_at <= ?2 OR status_at > ?7), ?5, status), \
             status_source = iif(?5 IS NOT NULL AND (status_at <= ?2 OR status_at > ?7), ?3, status_source), \
             status_at = iif(?5 IS NOT NULL AND (status_at <= ?2 OR status_at > ?7), ?2, status_at), \
             last_seen_source = iif(?6 AND (coalesce(last_seen, 0) <= ?2 OR last_seen > ?7), ?3, last_seen_source), \
             last_seen = iif(?6 AND (coalesce(last_seen, 0) <= ?2 OR last_seen > ?7), ?2, last_seen) \
             WHERE key = ?1",
        )?
        .execute(params![
            observation.device.0,
            millis(observation.at),
            observation.source.code(),
            observation.version,
            observation.status.map(|status| status.code()),
            seen,
            millis(observation.at.plus(SET_BACK)),
        ])?;
    Ok(changed == 1)
}
