use rusqlite::{Connection, params};
use windlass_model::{Connectivity, Observation};

use crate::{
    StoreError,
    codes::{Code as _, millis},
};

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
             version = iif(?4 IS NOT NULL AND version_at <= ?2, ?4, version), \
             version_source = iif(?4 IS NOT NULL AND version_at <= ?2, ?3, version_source), \
             version_at = iif(?4 IS NOT NULL AND version_at <= ?2, ?2, version_at), \
             status = iif(?5 IS NOT NULL AND status_at <= ?2, ?5, status), \
             status_source = iif(?5 IS NOT NULL AND status_at <= ?2, ?3, status_source), \
             status_at = iif(?5 IS NOT NULL AND status_at <= ?2, ?2, status_at), \
             last_seen_source = iif(?6 AND coalesce(last_seen, 0) <= ?2, ?3, last_seen_source), \
             last_seen = iif(?6 AND coalesce(last_seen, 0) <= ?2, ?2, last_seen) \
             WHERE key = ?1",
        )?
        .execute(params![
            observation.device.0,
            millis(observation.at),
            observation.source.code(),
            observation.version,
            observation.status.map(|status| status.code()),
            seen,
        ])?;
    Ok(changed == 1)
}
