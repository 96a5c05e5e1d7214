//! Policies in shadow of a rollout: put there, taken out, and what became of them.
//!
//! The cohort of each target by a shadow is two bytes of one blob; counts by its cohorts are made
//! from the assignments whenever a rollout is read. Those of a new one are left to whoever drives
//! the rollout, a page at a time; when its cohorts first started and last ended a device is kept
//! with the last page, and says that it was counted.

mod counts;
mod row;

use rusqlite::{Connection, OptionalExtension as _, params};
use thiserror::Error;
use windlass_model::{
    AssignmentId, Cohort, Comparison, EventKind, NewShadow, PluginName, PluginPin, RolloutKey,
    RolloutState, SHADOWS_MAX, ShadowChange, ShadowEnd, ShadowKey, ShadowOrigin, ShadowPlaces,
    ShadowSnapshot, StoredRollout, TalliedTarget, Timestamp,
};

use crate::{
    Store, StoreError,
    codes::{Code as _, integer, millis},
    decision::{self, Patterns},
    json::to_json,
    rollout::by_key,
};

#[cfg(test)]
pub(crate) use counts::tallied_query;
pub(crate) use counts::{snapshots, uncounted};
pub use row::StoredShadow;

/// Why a shadow was not put there or taken out. Nothing of it was kept.
#[derive(Debug, Error)]
pub enum ShadowConflict {
    /// Nothing is decided in it any more.
    #[error("rollout {0} has ended, or is about to")]
    Ended(RolloutKey),
    /// The policy is in force.
    #[error("the policy `{0}` is in force")]
    InForce(PluginName),
    /// It is in shadow already.
    #[error("the policy `{0}` is in shadow already")]
    Already(PluginName),
    /// It is not in shadow.
    #[error("the policy `{0}` is not in shadow")]
    Absent(PluginName),
    /// A rollout has no more.
    #[error("a rollout has at most {SHADOWS_MAX} policies in shadow")]
    TooMany,
    /// Its cohorts do not hold the targets that it placed.
    #[error("rollout {0} has other targets than were placed")]
    TargetsMoved(RolloutKey),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StoreError),
}

impl From<rusqlite::Error> for ShadowConflict {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.into())
    }
}

impl Store {
    /// Puts a policy in shadow, in one transaction with its event. What was started and ended
    /// before is to be counted from [`tallied_targets`](Self::tallied_targets). One that could not
    /// place the targets is noted, and gives way to the next of its name, whatever component and
    /// settings that has.
    ///
    /// # Errors
    ///
    /// See [`ShadowConflict`].
    pub fn add_shadow(
        &mut self,
        key: RolloutKey,
        shadow: &NewShadow,
        (actor, reason): (&str, &str),
        at: Timestamp,
    ) -> Result<ShadowKey, ShadowConflict> {
        self.write(|connection, log| {
            let StoredRollout { plan, state, .. } = by_key(connection, key)?;
            refuse_ended(key, state)?;
            let name = &shadow.pin.name;
            if plan.policies.iter().any(|pin| pin.name == *name) {
                return Err(ShadowConflict::InForce(name.clone()));
            }
            let waiting = waiting(connection, key, &shadow.pin)?;
            let row = match waiting {
                Some((row, trouble)) => {
                    // It is told once that it cannot place them.
                    let told =
                        trouble.is_some() && trouble == shadow.placed.as_ref().err().cloned();
                    place(connection, key, row, &shadow.placed)?;
                    if told {
                        return Ok(row);
                    }
                    row
                }
                None => {
                    if end_unplaced(connection, key, name, at)? {
                        let event = EventKind::ShadowRemoved {
                            actor: actor.to_owned(),
                            reason: reason.to_owned(),
                            shadow: name.clone(),
                            because: ShadowEnd::Configuration,
                        };
                        log.append(at, Some(key), event)?;
                    }
                    let asked = asked(connection, key)?;
                    if asked.iter().any(|other| other == name.as_str()) {
                        return Err(ShadowConflict::Already(name.clone()));
                    }
                    if asked.len() >= SHADOWS_MAX {
                        return Err(ShadowConflict::TooMany);
                    }
                    let row = insert(connection, key, shadow, at)?;
                    place(connection, key, row, &shadow.placed)?;
                    row
                }
            };
            let (cohorts, trouble) = match &shadow.placed {
                Ok(places) => (places.cohorts.clone(), String::new()),
                Err(trouble) => (Vec::new(), trouble.clone()),
            };
            let event = EventKind::ShadowAdded {
                actor: actor.to_owned(),
                reason: reason.to_owned(),
                shadow: shadow.pin.clone(),
                cohorts,
                trouble,
            };
            log.append(at, Some(key), event)?;
            Ok(row)
        })
    }

    /// Takes a policy out of the shadow. What it said is kept for reports.
    ///
    /// # Errors
    ///
    /// See [`ShadowConflict`].
    pub fn remove_shadow(
        &mut self,
        key: RolloutKey,
        name: &PluginName,
        because: ShadowEnd,
        (actor, reason): (&str, &str),
        at: Timestamp,
    ) -> Result<(), ShadowConflict> {
        self.write(|connection, log| {
            let state = by_key(connection, key)?.state;
            refuse_ended(key, state)?;
            if !end(connection, key, name, because, at)? {
                return Err(ShadowConflict::Absent(name.clone()));
            }
            let event = EventKind::ShadowRemoved {
                actor: actor.to_owned(),
                reason: reason.to_owned(),
                shadow: name.clone(),
                because,
            };
            log.append(at, Some(key), event)?;
            Ok(())
        })
    }

    /// The policies in shadow of a rollout that have cohorts, as `core` takes them up. Their
    /// counts cover nothing.
    ///
    /// # Errors
    ///
    /// If the database failed.
    pub fn shadow_snapshots(&self, key: RolloutKey) -> Result<Vec<ShadowSnapshot>, StoreError> {
        uncounted(&self.connection, key)
    }

    /// What counts of a rollout's targets in a shadow's cohorts: `limit` of them from one on, in
    /// rank order. Fewer come only at the end.
    ///
    /// # Errors
    ///
    /// If the database failed.
    pub fn tallied_targets(
        &self,
        key: RolloutKey,
        from: AssignmentId,
        limit: usize,
    ) -> Result<Vec<TalliedTarget>, StoreError> {
        counts::tallied_targets(&self.connection, key, from, limit)
    }

    /// The policies that are or were in shadow of a rollout, the oldest first.
    ///
    /// # Errors
    ///
    /// If the database failed.
    pub fn shadows(&self, key: RolloutKey) -> Result<Vec<StoredShadow>, StoreError> {
        row::all(&self.connection, key)
    }
}

/// Those that are in force now are in shadow no longer; their names.
pub(crate) fn end_those_in_force(
    connection: &Connection,
    rollout: RolloutKey,
    in_force: &[PluginPin],
    at: Timestamp,
) -> Result<Vec<PluginName>, StoreError> {
    let mut ended = Vec::new();
    for pin in in_force {
        if end(connection, rollout, &pin.name, ShadowEnd::InForce, at)? {
            ended.push(pin.name.clone());
        }
    }
    Ok(ended)
}

pub(crate) fn apply(
    connection: &Connection,
    patterns: &mut Patterns,
    rollout: RolloutKey,
    shadow: ShadowKey,
    change: &ShadowChange,
) -> Result<(), StoreError> {
    match change {
        ShadowChange::Decided(record) => {
            decision::append(connection, patterns, rollout, Some(shadow), record)?;
        }
        ShadowChange::Repeated { times, last } => {
            connection
                .prepare_cached(
                    "UPDATE decision SET repeats = repeats + ?2, repeated_at = ?3 \
                     WHERE id = (SELECT max(id) FROM decision WHERE shadow = ?1)",
                )?
                .execute(params![shadow.0, integer(*times), millis(*last)])?;
        }
        ShadowChange::Compared(comparison) => {
            connection
                .prepare_cached("UPDATE shadow SET comparison = ?2 WHERE id = ?1")?
                .execute(params![shadow.0, to_json("comparison", comparison)?])?;
        }
        ShadowChange::Times {
            cohort,
            first_started,
            last_ended,
        } => {
            connection
                .prepare_cached(
                    "INSERT INTO shadow_cohort (shadow, position, first_started, last_ended) \
                     VALUES (?1, ?2, ?3, ?4) ON CONFLICT (shadow, position) DO UPDATE \
                     SET first_started = excluded.first_started, last_ended = excluded.last_ended",
                )?
                .execute(params![
                    shadow.0,
                    cohort.0,
                    first_started.map(millis),
                    last_ended.map(millis)
                ])?;
        }
    }
    Ok(())
}

fn refuse_ended(key: RolloutKey, state: RolloutState) -> Result<(), ShadowConflict> {
    match state {
        RolloutState::Draft
        | RolloutState::Running
        | RolloutState::Holding
        | RolloutState::Paused => Ok(()),
        RolloutState::Aborting | RolloutState::Aborted | RolloutState::Completed => {
            Err(ShadowConflict::Ended(key))
        }
    }
}

/// The names of those that are in shadow now.
fn asked(connection: &Connection, rollout: RolloutKey) -> Result<Vec<String>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT policy FROM shadow WHERE rollout = ?1 AND ended_at IS NULL")?;
    let names = statement.query_map([rollout.0], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

/// The same policy, if it is in shadow and could not place the targets so far, and why.
fn waiting(
    connection: &Connection,
    rollout: RolloutKey,
    pin: &PluginPin,
) -> Result<Option<(ShadowKey, Option<String>)>, StoreError> {
    let found = connection
        .prepare_cached(
            "SELECT id, trouble FROM shadow WHERE rollout = ?1 AND policy = ?2 AND pin = ?3 \
             AND ended_at IS NULL AND cohorts IS NULL",
        )?
        .query_row(
            params![
                rollout.0,
                pin.name.as_str(),
                to_json("pin of a policy", pin)?
            ],
            |row| Ok((ShadowKey(row.get(0)?), row.get(1)?)),
        )
        .optional()?;
    Ok(found)
}

fn insert(
    connection: &Connection,
    rollout: RolloutKey,
    shadow: &NewShadow,
    at: Timestamp,
) -> Result<ShadowKey, StoreError> {
    let origin: ShadowOrigin = shadow.origin;
    connection.execute(
        "INSERT INTO shadow (rollout, policy, pin, origin, added_at, comparison) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            rollout.0,
            shadow.pin.name.as_str(),
            to_json("pin of a policy", &shadow.pin)?,
            origin.code(),
            millis(at),
            to_json("comparison", &Comparison::default())?,
        ],
    )?;
    Ok(ShadowKey(connection.last_insert_rowid()))
}

fn place(
    connection: &Connection,
    rollout: RolloutKey,
    shadow: ShadowKey,
    placed: &Result<ShadowPlaces, String>,
) -> Result<(), ShadowConflict> {
    let ShadowPlaces { cohorts, members } = match placed {
        Ok(places) => places,
        Err(trouble) => {
            connection.execute(
                "UPDATE shadow SET trouble = ?2 WHERE id = ?1",
                params![shadow.0, trouble],
            )?;
            return Ok(());
        }
    };
    if !fits(cohorts, members) || members.len() as u64 > counts::targets(connection, rollout)? {
        return Err(ShadowConflict::TargetsMoved(rollout));
    }
    let bytes: Vec<u8> = members
        .iter()
        .flat_map(|cohort| cohort.to_le_bytes())
        .collect();
    connection.execute(
        "UPDATE shadow SET cohorts = ?2, members = ?3, trouble = NULL WHERE id = ?1",
        params![shadow.0, to_json("cohorts of a shadow", cohorts)?, bytes],
    )?;
    Ok(())
}

/// Whether each cohort has as many members as it says.
fn fits(cohorts: &[Cohort], members: &[u16]) -> bool {
    let mut counted = vec![0; cohorts.len()];
    for cohort in members {
        match counted.get_mut(usize::from(*cohort)) {
            Some(count) => *count += 1,
            None => return false,
        }
    }
    !cohorts.is_empty() && cohorts.iter().map(|cohort| cohort.size).eq(counted)
}

/// Ends one of this name that could not place the targets: another component, or other settings,
/// may. Whether there was one.
fn end_unplaced(
    connection: &Connection,
    rollout: RolloutKey,
    name: &PluginName,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let ended = connection.execute(
        "UPDATE shadow SET ended_at = ?3, ended = ?4 \
         WHERE rollout = ?1 AND policy = ?2 AND ended_at IS NULL AND cohorts IS NULL",
        params![
            rollout.0,
            name.as_str(),
            millis(at),
            ShadowEnd::Configuration.code()
        ],
    )?;
    Ok(ended > 0)
}

/// Whether there was one to end.
fn end(
    connection: &Connection,
    rollout: RolloutKey,
    name: &PluginName,
    because: ShadowEnd,
    at: Timestamp,
) -> Result<bool, StoreError> {
    // Its members would be two bytes for each target, for ever.
    let ended = connection.execute(
        "UPDATE shadow SET ended_at = ?3, ended = ?4, members = NULL \
         WHERE rollout = ?1 AND policy = ?2 AND ended_at IS NULL",
        params![rollout.0, name.as_str(), millis(at), because.code()],
    )?;
    Ok(ended > 0)
}
