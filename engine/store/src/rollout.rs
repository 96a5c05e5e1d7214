//! Rollouts: created whole, with every target, or not at all.

use rusqlite::{Connection, OptionalExtension as _, Row, TransactionBehavior, ffi, params};
use windlass_model::{
    CohortIndex, DeviceKey, Rollback, RolloutKey, RolloutName, RolloutPlan, RolloutState,
    StoredRollout, Timestamp,
};

use crate::{
    CreateConflict, Store, StoreError,
    assignment::{MAX_TARGETS, assignment_id},
    attempt::violated,
    codes::{Code as _, duration, millis, timestamp},
    json::{parse, to_json},
    steering, swap,
};

const COLUMNS: &str = "key, plan, state, started_at, ended_at, paused_for, paused_since, \
     rollback";

impl Store {
    /// Creates a rollout in draft with its targets in rank order, each pending, in one
    /// transaction.
    ///
    /// # Errors
    ///
    /// See [`CreateConflict`].
    pub fn create_rollout(
        &mut self,
        plan: &RolloutPlan,
        targets: &mut dyn Iterator<Item = (DeviceKey, CohortIndex)>,
        at: Timestamp,
    ) -> Result<RolloutKey, CreateConflict> {
        self.at_large(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let key = insert_rollout(&transaction, plan, at)?;
            insert_targets(&transaction, key, plan, targets)?;
            transaction.commit()?;
            Ok(key)
        })
    }

    /// The rollout of a name, if there is one.
    pub fn rollout(&self, name: &RolloutName) -> Result<Option<StoredRollout>, StoreError> {
        self.connection
            .query_row(
                &format!("SELECT {COLUMNS} FROM rollout WHERE name = ?1"),
                [name.as_str()],
                |row| Ok(from_row(row)),
            )
            .optional()?
            .transpose()
    }

    /// Replaces what a person may change of a rollout under way: its rules and plugins.
    /// Name, release and cohorts stay what they are, and so does what they were cut from
    /// and what the rollout takes back. Consents and orders to go on were given to the
    /// policies that were in force: with others, they are void (design §6).
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if there is no such rollout.
    pub fn replace_plan(&mut self, key: RolloutKey, plan: &RolloutPlan) -> Result<(), StoreError> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let kept = by_key(&transaction, key)?.plan;
        if kept.policies != plan.policies {
            steering::void(&transaction, key)?;
            swap::end_probation(&transaction, key)?;
        }
        let plan = RolloutPlan {
            name: kept.name,
            release: kept.release,
            cohorts: kept.cohorts,
            unselected: kept.unselected,
            takes_back: kept.takes_back,
            ..plan.clone()
        };
        write_plan(&transaction, key, &plan)?;
        transaction.commit()?;
        Ok(())
    }

    /// The rollout of a row.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if there is no such rollout.
    pub fn rollout_by_key(&self, key: RolloutKey) -> Result<StoredRollout, StoreError> {
        by_key(&self.connection, key)
    }

    /// Every rollout, the oldest first.
    pub fn rollouts(&self) -> Result<Vec<StoredRollout>, StoreError> {
        let mut statement = self
            .connection
            .prepare(&format!("SELECT {COLUMNS} FROM rollout ORDER BY key"))?;
        let mut rows = statement.query([])?;
        let mut rollouts = Vec::new();
        while let Some(row) = rows.next()? {
            rollouts.push(from_row(row)?);
        }
        Ok(rollouts)
    }
}

pub(crate) fn write_plan(
    connection: &Connection,
    key: RolloutKey,
    plan: &RolloutPlan,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE rollout SET plan = ?2 WHERE key = ?1",
        params![key.0, to_json("plan of a rollout", plan)?],
    )?;
    Ok(())
}

pub(crate) fn by_key(
    connection: &Connection,
    key: RolloutKey,
) -> Result<StoredRollout, StoreError> {
    connection
        .query_row(
            &format!("SELECT {COLUMNS} FROM rollout WHERE key = ?1"),
            [key.0],
            |row| Ok(from_row(row)),
        )
        .optional()?
        .ok_or(StoreError::Missing {
            what: "rollout",
            key: key.0,
        })?
}

pub(crate) fn insert_rollout(
    connection: &Connection,
    plan: &RolloutPlan,
    at: Timestamp,
) -> Result<RolloutKey, CreateConflict> {
    let inserted = connection.execute(
        "INSERT INTO rollout (name, release, plan, created_at, state, paused_for) \
         VALUES (?1, ?2, ?3, ?4, ?5, 0)",
        params![
            plan.name.as_str(),
            plan.release.0,
            to_json("plan of a rollout", plan)?,
            millis(at),
            RolloutState::Draft.code(),
        ],
    );
    if let Err(error) = inserted {
        return Err(match violated(&error) {
            Some(ffi::SQLITE_CONSTRAINT_UNIQUE) => CreateConflict::NameTaken(plan.name.clone()),
            Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => CreateConflict::NoSuchRelease(plan.release),
            _ => error.into(),
        });
    }
    let key = RolloutKey(connection.last_insert_rowid());
    let mut insert =
        connection.prepare("INSERT INTO cohort (rollout, position) VALUES (?1, ?2)")?;
    for (position, _) in (0i64..).zip(&plan.cohorts) {
        insert.execute([key.0, position])?;
    }
    Ok(key)
}

pub(crate) fn insert_targets(
    connection: &Connection,
    rollout: RolloutKey,
    plan: &RolloutPlan,
    targets: &mut dyn Iterator<Item = (DeviceKey, CohortIndex)>,
) -> Result<(), CreateConflict> {
    let mut insert = connection.prepare(
        "INSERT INTO assignment (id, device, cohort, state, started_attempts, counted_attempts) \
         VALUES (?1, ?2, ?3, 0, 0, 0)",
    )?;
    let mut given = vec![0u64; plan.cohorts.len()];
    for (rank, (device, cohort)) in (1..).zip(targets) {
        if rank > MAX_TARGETS {
            return Err(CreateConflict::TooManyTargets { limit: MAX_TARGETS });
        }
        let Some(count) = given.get_mut(cohort.0 as usize) else {
            return Err(CreateConflict::NoSuchCohort(cohort));
        };
        *count += 1;
        insert
            .execute(params![assignment_id(rollout, rank), device.0, cohort.0])
            .map_err(|error| match violated(&error) {
                Some(ffi::SQLITE_CONSTRAINT_UNIQUE) => CreateConflict::RepeatedDevice(device),
                Some(ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => CreateConflict::NoSuchDevice(device),
                _ => error.into(),
            })?;
    }
    for (position, (cohort, given)) in (0..).zip(plan.cohorts.iter().zip(given)) {
        if cohort.size != given {
            return Err(CreateConflict::CohortSize {
                cohort: CohortIndex(position),
                planned: cohort.size,
                given,
            });
        }
    }
    Ok(())
}

fn from_row(row: &Row<'_>) -> Result<StoredRollout, StoreError> {
    let plan: String = row.get(1)?;
    let instant = |at: Option<i64>| at.map(timestamp);
    Ok(StoredRollout {
        key: RolloutKey(row.get(0)?),
        plan: parse("plan of a rollout", &plan)?,
        state: RolloutState::from_code(row.get(2)?)?,
        started_at: instant(row.get(3)?),
        ended_at: instant(row.get(4)?),
        paused_for: duration(row.get(5)?),
        paused_since: instant(row.get(6)?),
        rollback: Rollback::from_code(row.get(7)?)?,
    })
}
