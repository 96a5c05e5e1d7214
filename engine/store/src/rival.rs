//! Other rollouts that have to do with a device (design §7.8).

use std::collections::{BTreeMap, btree_map::Entry};

use rusqlite::{Connection, OptionalExtension as _};
use windlass_model::{DeviceKey, Rival, Rollback, RolloutKey, RolloutState, StateKind};

use crate::{Store, StoreError, codes::Code as _};

/// Where a device stands in other rollouts, if it has not ended there or succeeded.
pub(crate) const ELSEWHERE: &str = "SELECT rollout, state FROM assignment \
     WHERE device = ?1 AND rollout <> ?2 AND state <= 9 ORDER BY rollout";

const CONTENDER: &str = "SELECT r.state, coalesce(json_extract(r.plan, '$.settings.priority'), 0), \
     l.name, l.version, r.rollback FROM rollout AS r CROSS JOIN release AS l ON l.key = r.release \
     WHERE r.key = ?1";

impl Store {
    /// The assignments of `devices` in other rollouts that matter to the rollout `of`: those
    /// that have not ended, of rollouts that have not, and those that succeeded with
    /// another version of the same release, unless that was taken back since. By device as given, the older rollout first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if there is no rollout `of`.
    pub fn rivals(&self, of: RolloutKey, devices: &[DeviceKey]) -> Result<Vec<Rival>, StoreError> {
        let mut contenders = Contenders::new(&self.connection);
        let own = contenders.get(of)?.clone();
        let mut statement = self.connection.prepare_cached(ELSEWHERE)?;
        let mut rivals = Vec::new();
        for device in devices {
            let mut rows = statement.query([device.0, of.0])?;
            while let Some(row) = rows.next()? {
                let rollout = RolloutKey(row.get(0)?);
                let state = StateKind::from_code(row.get(1)?)?;
                let contender = contenders.get(rollout)?;
                let matters = if state.is_ended() {
                    contender.release == own.release
                        && contender.version != own.version
                        && contender.rollback != Rollback::Made
                } else {
                    !matches!(
                        contender.state,
                        RolloutState::Aborted | RolloutState::Completed
                    )
                };
                if matters {
                    rivals.push(Rival {
                        device: *device,
                        rollout,
                        rollout_state: contender.state,
                        priority: contender.priority,
                        release: contender.release.clone(),
                        version: contender.version.clone(),
                        state,
                    });
                }
            }
        }
        Ok(rivals)
    }
}

/// A rollout as far as its rivals care.
#[derive(Clone)]
struct Contender {
    state: RolloutState,
    priority: i32,
    release: String,
    version: String,
    rollback: Rollback,
}

/// Rollouts are few and devices many: each rollout is read once.
struct Contenders<'a> {
    connection: &'a Connection,
    read: BTreeMap<RolloutKey, Contender>,
}

impl<'a> Contenders<'a> {
    fn new(connection: &'a Connection) -> Self {
        Self {
            connection,
            read: BTreeMap::new(),
        }
    }

    fn get(&mut self, key: RolloutKey) -> Result<&Contender, StoreError> {
        let vacant = match self.read.entry(key) {
            Entry::Occupied(known) => return Ok(known.into_mut()),
            Entry::Vacant(vacant) => vacant,
        };
        let contender = self
            .connection
            .prepare_cached(CONTENDER)?
            .query_row([key.0], |row| {
                let (priority, release, version) = (row.get(1)?, row.get(2)?, row.get(3)?);
                let (state, rollback) = (row.get(0)?, row.get(4)?);
                Ok(RolloutState::from_code(state).and_then(|state| {
                    Ok(Contender {
                        state,
                        priority,
                        release,
                        version,
                        rollback: Rollback::from_code(rollback)?,
                    })
                }))
            })
            .optional()?
            .ok_or(StoreError::Missing {
                what: "rollout",
                key: key.0,
            })??;
        Ok(vacant.insert(contender))
    }
}
