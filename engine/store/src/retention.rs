//! What is dropped when it has become old, so that a state file does not grow for ever.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use windlass_model::{RolloutKey, Sha256, StateKind, Timestamp};

use crate::{
    Store, StoreError,
    codes::{Code as _, integer, millis},
};

/// For how long what explains the past is kept; none: for ever. What the engine needs to go on
/// is never dropped: devices, rollouts, assignments, orders, and the newest decision of each
/// policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Decisions, from when they were taken, also of rollouts that go on. Components are kept
    /// as long as a decision or a rollout cites them.
    pub decisions: Option<Duration>,
    /// Events of rollouts that ended so long ago.
    pub events: Option<Duration>,
    /// Attempts of rollouts that ended so long ago; those of dead letters stay.
    pub attempts: Option<Duration>,
}

/// How many rows were dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Decisions.
    pub decisions: u64,
    /// Events.
    pub events: u64,
    /// Attempts.
    pub attempts: u64,
    /// Components that nothing cites any more.
    pub components: u64,
    /// Reasons for which devices were put off, that nothing cites any more.
    pub reasons: u64,
    /// Whether reasons are still to be looked at: a call looks at a stretch of them.
    pub unfinished: bool,
}

impl Pruned {
    /// Adds what a further call dropped.
    pub fn add(&mut self, other: Self) {
        self.decisions += other.decisions;
        self.events += other.events;
        self.attempts += other.attempts;
        self.components += other.components;
        self.reasons += other.reasons;
        self.unfinished = other.unfinished;
    }

    /// Whether there was nothing to drop, and nothing is left to be looked at.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl Store {
    /// Drops what is older than `retention` says, in one transaction of at most `limit` rows
    /// of a kind and rollout, so that a writer who waits behind it waits shortly. To be called
    /// again until [`Pruned::is_nothing`].
    ///
    /// # Errors
    /// If the file cannot be read or written; nothing is dropped then.
    pub fn prune(
        &mut self,
        retention: &Retention,
        now: Timestamp,
        limit: u32,
    ) -> Result<Pruned, StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let before = |keep: Option<Duration>| keep.map(|keep| now.minus(keep));
        let mut pruned = Pruned::default();
        if let Some(cutoff) = before(retention.decisions) {
            for rollout in rollouts(&transaction, None)? {
                let dropped = drop_decisions(&transaction, rollout, cutoff, limit)?;
                if dropped > 0 {
                    drop_patterns(&transaction, rollout)?;
                }
                pruned.decisions += dropped;
            }
            if pruned.decisions > 0 {
                pruned.components = drop_components(&transaction)?;
            }
        }
        if let Some(cutoff) = before(retention.events) {
            for rollout in rollouts(&transaction, Some(cutoff))? {
                pruned.events += drop_events(&transaction, rollout, limit)?;
            }
            count_dropped(&transaction, pruned.events)?;
            match pruned.events {
                0 => (pruned.reasons, pruned.unfinished) = sweep_reasons(&transaction, limit)?,
                _ => pruned.unfinished = begin_sweep(&transaction)?,
            }
        }
        if let Some(cutoff) = before(retention.attempts) {
            for rollout in rollouts(&transaction, Some(cutoff))? {
                pruned.attempts += drop_attempts(&transaction, rollout, limit)?;
            }
        }
        transaction.commit()?;
        Ok(pruned)
    }
}

/// All rollouts, or those that ended before an instant.
fn rollouts(
    connection: &Connection,
    ended_before: Option<Timestamp>,
) -> Result<Vec<RolloutKey>, StoreError> {
    let mut statement = connection
        .prepare_cached("SELECT key FROM rollout WHERE ?1 IS NULL OR ended_at < ?1 ORDER BY key")?;
    let keys = statement.query_map([ended_before.map(millis)], |row| row.get(0).map(RolloutKey))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

fn drop_decisions(
    connection: &Connection,
    rollout: RolloutKey,
    cutoff: Timestamp,
    limit: u32,
) -> Result<u64, StoreError> {
    // The newest of each policy is where it goes on from.
    let dropped = connection
        .prepare_cached(
            "DELETE FROM decision WHERE id IN (SELECT id FROM decision \
             WHERE rollout = ?1 AND at < ?2 AND coalesce(repeated_at, at) < ?2 \
             AND id NOT IN (SELECT max(id) FROM decision WHERE rollout = ?1 GROUP BY policy, shadow) \
             ORDER BY at LIMIT ?3)",
        )?
        .execute(params![rollout.0, millis(cutoff), limit])?;
    Ok(dropped as u64)
}

/// What no decision of a rollout is packed with: none is left between it and the policy's next
/// pattern. A policy's newest pattern stays, as its newest decision does, and so the next one can
/// be packed with it.
pub(crate) const UNCITED_PATTERNS: &str = "DELETE FROM pattern WHERE id IN (\
     SELECT p.id FROM pattern AS p WHERE p.rollout = ?1 AND NOT EXISTS (\
     SELECT 1 FROM decision AS d \
     WHERE d.rollout = p.rollout AND d.policy = p.policy AND d.id >= p.id \
     AND d.id < coalesce((SELECT min(id) FROM pattern \
     WHERE rollout = p.rollout AND policy = p.policy AND id > p.id), 1 << 62)))";

fn drop_patterns(connection: &Connection, rollout: RolloutKey) -> Result<(), StoreError> {
    connection
        .prepare_cached(UNCITED_PATTERNS)?
        .execute([rollout.0])?;
    Ok(())
}

fn drop_components(connection: &Connection) -> Result<u64, StoreError> {
    let mut statement = connection.prepare(
        "SELECT digest FROM component \
         WHERE NOT EXISTS (SELECT 1 FROM decision WHERE decision.component = component.digest)",
    )?;
    let uncited = statement.query_map([], |row| row.get(0).map(Sha256))?;
    let uncited = uncited.collect::<Result<Vec<_>, _>>()?;
    let mut dropped = 0;
    for digest in uncited {
        // Plans write digests as text, and so do those that a swap may put back and shadows.
        let cited = connection
            .prepare_cached(
                "SELECT 1 FROM rollout WHERE instr(plan, ?1) > 0 \
                 UNION ALL SELECT 1 FROM probation WHERE instr(policies, ?1) > 0 \
                 UNION ALL SELECT 1 FROM shadow WHERE ended_at IS NULL AND instr(pin, ?1) > 0",
            )?
            .exists([digest.to_string()])?;
        if !cited {
            dropped += connection.execute(
                "DELETE FROM component WHERE digest = ?1",
                [digest.0.as_slice()],
            )?;
        }
    }
    Ok(dropped as u64)
}

fn drop_events(
    connection: &Connection,
    rollout: RolloutKey,
    limit: u32,
) -> Result<u64, StoreError> {
    // The last one of all tells the next one's number.
    let dropped = connection
        .prepare_cached(
            "DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE rollout = ?1 \
             AND seq < (SELECT max(seq) FROM event) ORDER BY seq LIMIT ?2)",
        )?
        .execute(params![rollout.0, limit])?;
    Ok(dropped as u64)
}

fn count_dropped(connection: &Connection, events: u64) -> Result<(), StoreError> {
    if events > 0 {
        connection.execute(
            "INSERT INTO counter (name, value) VALUES ('dropped_events', ?1) \
             ON CONFLICT (name) DO UPDATE SET value = value + ?1",
            [integer(events)],
        )?;
    }
    Ok(())
}

/// Events cited reasons: they are looked through from the first once all events are gone.
fn begin_sweep(connection: &Connection) -> Result<bool, StoreError> {
    connection.execute(
        "INSERT OR REPLACE INTO counter (name, value) VALUES ('reasons_swept', 0)",
        [],
    )?;
    Ok(true)
}

/// Reasons between two ids that nothing cites.
pub(crate) const UNCITED: &str = "DELETE FROM reason WHERE id > ?1 AND id <= ?2 \
     AND NOT EXISTS (SELECT 1 FROM assignment WHERE blocker = reason.id) \
     AND NOT EXISTS (SELECT 1 FROM event WHERE event.reason = reason.id)";

/// Looks at the next `limit` reasons, if some are left to be looked at; how many were dropped,
/// and whether there are more.
fn sweep_reasons(connection: &Connection, limit: u32) -> Result<(u64, bool), StoreError> {
    let swept: Option<i64> = connection
        .prepare_cached("SELECT value FROM counter WHERE name = 'reasons_swept'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let Some(swept) = swept else {
        return Ok((0, false));
    };
    let last: Option<i64> = connection
        .prepare_cached(
            "SELECT max(id) FROM (SELECT id FROM reason WHERE id > ?1 ORDER BY id LIMIT ?2)",
        )?
        .query_row(params![swept, limit], |row| row.get(0))?;
    let Some(last) = last else {
        connection.execute("DELETE FROM counter WHERE name = 'reasons_swept'", [])?;
        return Ok((0, false));
    };
    let dropped = connection.prepare_cached(UNCITED)?.execute([swept, last])?;
    connection.execute(
        "UPDATE counter SET value = ?1 WHERE name = 'reasons_swept'",
        [last],
    )?;
    Ok((dropped as u64, true))
}

fn drop_attempts(
    connection: &Connection,
    rollout: RolloutKey,
    limit: u32,
) -> Result<u64, StoreError> {
    let dropped = connection
        .prepare_cached(
            "DELETE FROM attempt WHERE id IN (SELECT t.id FROM attempt AS t \
             JOIN assignment AS a ON a.id = t.assignment \
             WHERE t.assignment > ?1 << 32 AND t.assignment < (?1 + 1) << 32 \
             AND t.settled_at IS NOT NULL AND a.attempt IS NOT t.id AND a.state <> ?3 LIMIT ?2)",
        )?
        .execute(params![rollout.0, limit, StateKind::DeadLettered.code()])?;
    Ok(dropped as u64)
}
