//! What happened to a rollout's targets, counted by the cohorts of its shadows.

use rusqlite::{Connection, Row, params};
use windlass_model::{
    AssignmentId, Cohort, CohortIndex, CohortView, Comparison, Members, PluginPin, RolloutKey,
    ShadowKey, ShadowSnapshot, Timestamp,
};

use crate::{
    StoreError,
    assignment::{MAX_TARGETS, assignment_id},
    codes::{millis, timestamp, unsigned},
    decision,
    json::parse,
    snapshot::Tallied,
};

/// The shadows of a rollout that have cohorts, as `core` takes them up.
pub(crate) fn snapshots(
    connection: &Connection,
    rollout: RolloutKey,
) -> Result<Vec<ShadowSnapshot>, StoreError> {
    let mut shadows = read(connection, rollout)?;
    if shadows.is_empty() {
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
        let tallied = Tallied::from_columns(row, 1)?;
        for shadow in &mut shadows {
            let index = shadow.members.cohort(id);
            if let Some(view) = shadow.cohorts.get_mut(index.0 as usize) {
                tallied.add(view, 1);
            }
        }
    }
    for shadow in &mut shadows {
        for view in &mut shadow.cohorts {
            // Those that joined since are in the last one.
            view.size = view.states.total();
            view.ended = view.states.ended();
        }
    }
    Ok(shadows)
}

fn read(connection: &Connection, rollout: RolloutKey) -> Result<Vec<ShadowSnapshot>, StoreError> {
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
    let mut views: Vec<_> = cohorts.iter().map(CohortView::untouched).collect();
    for (position, times) in times(connection, key)? {
        if let Some(view) = views.get_mut(position) {
            (view.first_started, view.last_ended) = times;
        }
    }
    Ok(ShadowSnapshot {
        key,
        pin,
        cohorts: views,
        members,
        decision: decision::newest_of_shadow(connection, key)?,
        comparison,
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

/// The targets of a rollout.
pub(super) fn targets(connection: &Connection, rollout: RolloutKey) -> Result<u64, StoreError> {
    let count = connection.query_row(
        "SELECT count(*) FROM assignment WHERE id > ?1 AND id <= ?2",
        [
            assignment_id(rollout, 0),
            assignment_id(rollout, MAX_TARGETS),
        ],
        |row| row.get(0),
    )?;
    Ok(unsigned(count))
}

/// Keeps when the cohorts of a new shadow first started and last ended a device: as a swap of
/// policies has it, by the attempts of their members. Of a cohort whose members ended without any,
/// it is only known that they did so before the last end in the rollout.
pub(super) fn keep_times(
    connection: &Connection,
    rollout: RolloutKey,
    shadow: ShadowKey,
    cohorts: usize,
) -> Result<(), StoreError> {
    let latest: Option<i64> = connection.query_row(
        "SELECT max(last_ended) FROM cohort WHERE rollout = ?1",
        [rollout.0],
        |row| row.get(0),
    )?;
    let bytes: Vec<u8> = connection.query_row(
        "SELECT members FROM shadow WHERE id = ?1",
        [shadow.0],
        |row| row.get(0),
    )?;
    let members = members(rollout, &bytes, cohorts);
    let mut times: Vec<Times> = vec![(None, None); cohorts];
    let mut statement = connection.prepare(
        "SELECT a.id, min(t.started_at), \
         CASE WHEN a.state > 8 THEN coalesce(max(coalesce(t.settled_at, t.ended_at)), ?3) END \
         FROM assignment AS a LEFT JOIN attempt AS t ON t.assignment = a.id \
         WHERE a.id > ?1 AND a.id <= ?2 AND (a.started_attempts > 0 OR a.state > 8) GROUP BY a.id",
    )?;
    let mut rows = statement.query(params![
        assignment_id(rollout, 0),
        assignment_id(rollout, MAX_TARGETS),
        latest,
    ])?;
    while let Some(row) = rows.next()? {
        let index = members.cohort(AssignmentId(row.get(0)?));
        if let Some((first, last)) = times.get_mut(index.0 as usize) {
            let started = row.get::<_, Option<i64>>(1)?.map(timestamp);
            *first = [*first, started].into_iter().flatten().min();
            *last = (*last).max(row.get::<_, Option<i64>>(2)?.map(timestamp));
        }
    }
    let mut insert = connection.prepare(
        "INSERT INTO shadow_cohort (shadow, position, first_started, last_ended) \
         VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
    )?;
    for (position, (first, last)) in (0_i64..).zip(times) {
        insert.execute(params![
            shadow.0,
            position,
            first.map(millis),
            last.map(millis)
        ])?;
    }
    Ok(())
}
