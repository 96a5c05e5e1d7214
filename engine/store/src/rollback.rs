//! Taking a rollout back: which devices, and by which rollouts (design §7.9).

use rusqlite::{Connection, params};
use windlass_model::{
    CohortIndex, DeviceId, DeviceKey, EventKind, FailureKind, Rollback, RolloutKey, RolloutPlan,
    StateKind, Timestamp,
};

use crate::{
    CreateConflict, Store, StoreError,
    assignment::{MAX_TARGETS, assignment_id},
    attempt::FAILED,
    codes::Code as _,
    rollout::{by_key, insert_rollout, insert_targets},
};

/// Failures after which a device has surely not installed what was sent: it was not
/// reached, said no, or did not get it whole.
const NOT_INSTALLED: [FailureKind; 7] = [
    FailureKind::Unreachable,
    FailureKind::Rejected,
    FailureKind::Unauthorized,
    FailureKind::Incompatible,
    FailureKind::Corrupt,
    FailureKind::Busy,
    FailureKind::Source,
];

/// A device that a rollout brought to its release, or may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbackTarget {
    /// Its row.
    pub device: DeviceKey,
    /// Its name.
    pub id: DeviceId,
    /// What it ran before its first attempt, if that was known.
    pub previous: Option<String>,
}

impl Store {
    /// The devices that succeeded in a rollout, are in flight there, or ended otherwise
    /// after an attempt that may have been installed; in rank order.
    pub fn rollback_targets(&self, of: RolloutKey) -> Result<Vec<RollbackTarget>, StoreError> {
        let mut statement = self.connection.prepare(&targets_sql())?;
        let targets = statement.query_map(
            [assignment_id(of, 0), assignment_id(of, MAX_TARGETS)],
            |row| {
                let id: String = row.get(1)?;
                Ok(RollbackTarget {
                    device: DeviceKey(row.get(0)?),
                    id: DeviceId::new(id),
                    previous: row.get(2)?,
                })
            },
        )?;
        Ok(targets.collect::<Result<_, _>>()?)
    }

    /// Creates the rollouts that take `of` back, in one transaction: each plan with its
    /// devices in rank order as its only cohort. The plan's `takes_back` is set here.
    /// `impossible` are the devices that cannot be taken back, with the reason; they are
    /// logged by name. If the rollouts were made before, those are returned and nothing is
    /// changed.
    ///
    /// # Errors
    ///
    /// See [`CreateConflict`]; nothing is kept then.
    pub fn create_rollbacks(
        &mut self,
        of: RolloutKey,
        plans: &[(RolloutPlan, Vec<DeviceKey>)],
        impossible: &[(DeviceId, String)],
        at: Timestamp,
    ) -> Result<Vec<RolloutKey>, CreateConflict> {
        self.write(|connection, log| {
            if by_key(connection, of)?.rollback == Rollback::Made {
                return Ok(made(connection, of)?);
            }
            let mut keys = Vec::with_capacity(plans.len());
            for (plan, devices) in plans {
                let plan = RolloutPlan {
                    takes_back: Some(of),
                    ..plan.clone()
                };
                let key = insert_rollout(connection, &plan, at)?;
                let mut targets = devices.iter().map(|device| (*device, CohortIndex(0)));
                insert_targets(connection, key, &plan, &mut targets)?;
                let kind = EventKind::RollbackStarted {
                    rollout: plan.name,
                    targets: devices.len() as u64,
                };
                log.append(at, Some(of), kind)?;
                keys.push(key);
            }
            for (device, reason) in impossible {
                let kind = EventKind::RollbackImpossible {
                    device: device.clone(),
                    reason: reason.clone(),
                };
                log.append(at, Some(of), kind)?;
            }
            connection.execute(
                "UPDATE rollout SET rollback = ?2 WHERE key = ?1",
                params![of.0, Rollback::Made.code()],
            )?;
            Ok(keys)
        })
    }

    /// The rollouts that take `of` back, the oldest first.
    pub fn rollbacks_of(&self, of: RolloutKey) -> Result<Vec<RolloutKey>, StoreError> {
        made(&self.connection, of)
    }
}

/// Reads every rollout: they are few, and a rollback is asked for once.
fn made(connection: &Connection, of: RolloutKey) -> Result<Vec<RolloutKey>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT key FROM rollout WHERE json_extract(plan, '$.takes_back') = ?1 ORDER BY key",
    )?;
    let keys = statement.query_map([of.0], |row| Ok(RolloutKey(row.get(0)?)))?;
    Ok(keys.collect::<Result<_, _>>()?)
}

/// Notes that a rollout is to be taken back, unless it is already.
pub(crate) fn want(connection: &Connection, rollout: RolloutKey) -> Result<(), StoreError> {
    connection
        .prepare_cached("UPDATE rollout SET rollback = ?2 WHERE key = ?1 AND rollback = ?3")?
        .execute([
            rollout.0,
            Rollback::Wanted.code(),
            Rollback::NotWanted.code(),
        ])?;
    Ok(())
}

pub(crate) fn targets_sql() -> String {
    let not_installed: Vec<_> = NOT_INSTALLED
        .iter()
        .map(|kind| kind.code().to_string())
        .collect();
    format!(
        "SELECT a.device, d.id, a.previous_version FROM assignment AS a \
         CROSS JOIN device AS d ON d.key = a.device \
         WHERE a.id > ?1 AND a.id <= ?2 AND (a.state = {succeeded} \
         OR a.started_attempts > 0 AND a.state BETWEEN {first_live} AND {last_live} \
         OR EXISTS (SELECT 1 FROM attempt AS t WHERE t.assignment = a.id AND (t.outcome IS NULL \
           OR t.outcome <> {FAILED} OR t.failure NOT IN ({}))))  \
         ORDER BY a.id",
        not_installed.join(", "),
        succeeded = StateKind::Succeeded.code(),
        first_live = StateKind::Admitted.code(),
        last_live = StateKind::Cancelling.code(),
    )
}
