use rusqlite::{Connection, Row};
use windlass_model::{
    Cohort, Comparison, PluginPin, RolloutKey, ShadowEnd, ShadowKey, ShadowOrigin, Timestamp,
};

use crate::{
    StoreError,
    codes::{Code as _, timestamp},
    json::parse,
};

/// A policy that is or was in shadow of a rollout.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredShadow {
    /// Its row.
    pub key: ShadowKey,
    /// Its identity.
    pub pin: PluginPin,
    /// Who wanted it.
    pub origin: ShadowOrigin,
    /// When it was put there.
    pub added_at: Timestamp,
    /// When it was taken out and why, if it was.
    pub ended: Option<(Timestamp, ShadowEnd)>,
    /// Its cohorts as it cut them; none if it could not place the targets.
    pub cohorts: Vec<Cohort>,
    /// Why it could not.
    pub trouble: Option<String>,
    /// How it compares with the policies in force.
    pub comparison: Comparison,
}

pub(super) fn all(
    connection: &Connection,
    rollout: RolloutKey,
) -> Result<Vec<StoredShadow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, pin, origin, added_at, ended_at, ended, cohorts, trouble, comparison \
         FROM shadow WHERE rollout = ?1 ORDER BY id",
    )?;
    let mut rows = statement.query([rollout.0])?;
    let mut shadows = Vec::new();
    while let Some(row) = rows.next()? {
        shadows.push(from_row(row)?);
    }
    Ok(shadows)
}

fn from_row(row: &Row<'_>) -> Result<StoredShadow, StoreError> {
    let (pin, comparison): (String, String) = (row.get(1)?, row.get(8)?);
    let cohorts: Option<String> = row.get(6)?;
    let ended: Option<(i64, i64)> = row
        .get::<_, Option<i64>>(4)?
        .zip(row.get::<_, Option<i64>>(5)?);
    Ok(StoredShadow {
        key: ShadowKey(row.get(0)?),
        pin: parse("pin of a policy", &pin)?,
        origin: ShadowOrigin::from_code(row.get(2)?)?,
        added_at: timestamp(row.get(3)?),
        ended: match ended {
            Some((at, because)) => Some((timestamp(at), ShadowEnd::from_code(because)?)),
            None => None,
        },
        cohorts: match cohorts {
            Some(json) => parse("cohorts of a shadow", &json)?,
            None => Vec::new(),
        },
        trouble: row.get(7)?,
        comparison: parse("comparison", &comparison)?,
    })
}
