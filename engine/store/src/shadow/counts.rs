//! What happened to a rollout's targets, counted by the cohorts of its shadows.

use rusqlite::{Connection, Row, params};
use windlass_model::{
    AssignmentId, Cohort, CohortIndex, CohortView, Comparison, Covered, Members, PluginPin,
    RolloutKey, ShadowKey, ShadowSnapshot, TalliedTarget, Timestamp,
};

use crate::{
    StoreError,
    assignment::{MAX_TARGETS, assignment_id},
    attempt::ITS_ATTEMPTS,
    codes::{timestamp, unsigned},
    decision,
    json::parse,
    snapshot::tallied,
};

/// The shadows of a rollout that have cohorts, as `core` takes them up. Those that were counted
/// once are counted; the others are left to it.
pub(crate) fn snapshots(
    connection: &Connection,
    rollout: RolloutKey,
) -> Result<Vec<ShadowSnapshot>, StoreError> {
    let mut shadows = uncounted(connection, rollout)?;
    let mut counted = Vec::new();
    for shadow in &mut shadows {
        let times = times(connection, shadow.key)?;
        if times.is_empty() {
            continue;
        }
        for (position, times) in times {
            if let Some(view) = shadow.cohorts.get_mut(position) {
                (view.first_started, view.last_ended) = times;
            }
        }
        shadow.covered = Covered::All;
        counted.push(shadow);
    }
    if counted.is_empty() {
        return Ok(shadows);
    }
    // One pass for all of them: the targets may be a million.
    let mut statement = connection.prepare_cached(
        "SELECT id, state, started_attempts > 0, first_failure, last_failure \
         FROM assignment WHERE id > ?1 AND id <= ?2",
    )?;
    let mut rows = statement.query(params![
        assignment_id(rollout, 0),
        assignment_id(rollout, MAX_TARGETS),
    ])?;
    while let Some(row) = rows.next()? {
        let id = AssignmentId(row.get(0)?);
        let tallied = tallied(row, 1)?;
        for shadow in &mut counted {
            let index = shadow.members.cohort(id);
            if let Some(view) = shadow.cohorts.get_mut(index.0 as usize) {
                view.count(tallied);
            }
        }
    }
    for shadow in counted {
        for view in &mut shadow.cohorts {
            // Those that joined since are in the last one.
            view.size = view.states.total();
            view.ended = view.states.ended();
        }
    }
    Ok(shadows)
}

/// The shadows of a rollout that have cohorts, without counts.
pub(crate) fn uncounted(
    connection: &Connection,
    rollout: RolloutKey,
) -> Result<Vec<ShadowSnapshot>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, pin, cohorts, members, comparison FROM shadow \
         WHERE rollout = ?1 AND ended_at IS NULL AND members IS NOT NULL ORDER BY id",
    )?;
    let mut rows = statement.query([rollout.0])?;
    let mut shadows = Vec::new();
    while let Some(row) = rows.next()? {
        shadows.push(from_row(connection, rollout, row)?);
    }
    Ok(shadows)
}

fn from_row(
    connection: &Connection,
    rollout: RolloutKey,
    row: &Row<'_>,
) -> Result<ShadowSnapshot, StoreError> {
    let key = ShadowKey(row.get(0)?);
    let (pin, cohorts, comparison): (String, String, String) =
        (row.get(1)?, row.get(2)?, row.get(4)?);
    let pin: PluginPin = parse("pin of a policy", &pin)?;
    let cohorts: Vec<Cohort> = parse("cohorts of a shadow", &cohorts)?;
    let comparison: Comparison = parse("comparison", &comparison)?;
    let members = members(rollout, &row.get::<_, Vec<u8>>(3)?, cohorts.len());
    Ok(ShadowSnapshot {
        key,
        pin,
        cohorts: cohorts.iter().map(empty).collect(),
        covered: Covered::Before(members.first),
        members,
        decision: decision::newest_of_shadow(connection, key)?,
        comparison,
    })
}

/// A cohort of which nothing is counted, not even that its members are pending.
fn empty(cohort: &Cohort) -> CohortView {
    CohortView::untouched(&Cohort {
        name: cohort.name.clone(),
        size: 0,
    })
}

fn members(rollout: RolloutKey, bytes: &[u8], cohorts: usize) -> Members {
    let last = u32::try_from(cohorts.saturating_sub(1)).unwrap_or(u32::MAX);
    Members {
        first: AssignmentId(assignment_id(rollout, 1)),
        cohorts: bytes
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect(),
        last: CohortIndex(last),
    }
}

type Times = (Option<Timestamp>, Option<Timestamp>);

fn times(connection: &Connection, shadow: ShadowKey) -> Result<Vec<(usize, Times)>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT position, first_started, last_ended FROM shadow_cohort WHERE shadow = ?1",
    )?;
    let rows = statement.query_map([shadow.0], |row| {
        let instant = |at: Option<i64>| at.map(timestamp);
        let position: u32 = row.get(0)?;
        let times = (instant(row.get(1)?), instant(row.get(2)?));
        Ok((position as usize, times))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The targets of a rollout: their ranks go from 1 without a gap.
pub(super) fn targets(connection: &Connection, rollout: RolloutKey) -> Result<u64, StoreError> {
    let before = assignment_id(rollout, 0);
    let last: i64 = connection.query_row(
        "SELECT coalesce(max(id), ?1) FROM assignment WHERE id > ?1 AND id <= ?2",
        [before, assignment_id(rollout, MAX_TARGETS)],
        |row| row.get(0),
    )?;
    Ok(unsigned(last - before))
}

/// What counts of a rollout's targets in cohorts, from one on.
pub(super) fn tallied_targets(
    connection: &Connection,
    rollout: RolloutKey,
    from: AssignmentId,
    limit: usize,
) -> Result<Vec<TalliedTarget>, StoreError> {
    let latest: Option<i64> = connection.query_row(
        "SELECT max(last_ended) FROM cohort WHERE rollout = ?1",
        [rollout.0],
        |row| row.get(0),
    )?;
    // As a swap of policies has the instants of its cohorts: by the attempts of their members.
    let mut statement = connection.prepare_cached(&tallied_query())?;
    let mut rows = statement.query(params![
        from.0,
        assignment_id(rollout, MAX_TARGETS),
        latest,
        i64::try_from(limit).unwrap_or(i64::MAX),
    ])?;
    let mut targets = Vec::with_capacity(limit);
    while let Some(row) = rows.next()? {
        targets.push(TalliedTarget {
            id: AssignmentId(row.get(0)?),
            tallied: tallied(row, 1)?,
            first_started: row.get::<_, Option<i64>>(5)?.map(timestamp),
            ended: row.get::<_, Option<i64>>(6)?.map(timestamp),
        });
    }
    Ok(targets)
}

/// From an assignment on, up to another, at most so many; `?3` is when one ended of which no attempt
/// tells.
pub(crate) fn tallied_query() -> String {
    format!(
        "SELECT a.id, a.state, a.started_attempts > 0, a.first_failure, a.last_failure, \
         min(t.started_at), \
         CASE WHEN a.state > 8 THEN coalesce(max(coalesce(t.settled_at, t.ended_at)), ?3) END \
         FROM assignment AS a LEFT JOIN attempt AS t ON {ITS_ATTEMPTS} \
         WHERE a.id >= ?1 AND a.id <= ?2 GROUP BY a.id ORDER BY a.id LIMIT ?4"
    )
}
