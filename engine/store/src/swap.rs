//! Other policies for a rollout under way, and back again if they fail their first calls.
//!
//! A swap moves assignments between cohorts and never changes their rank: within a cohort the
//! order stays that of the plan. Each row that moved keeps where it was, so that going back is
//! exact and asks no plugin.

use rusqlite::{Connection, OptionalExtension as _, params};
use thiserror::Error;
use windlass_model::{
    AssignmentId, Cohort, CohortIndex, EventKind, Inheritance, PluginName, PluginPin, PolicySwap,
    Probation, RolloutKey, RolloutPlan, RolloutState, ShadowEnd, StoredRollout, Timestamp,
    policy_names,
};

use crate::{
    Store, StoreError,
    assignment::{MAX_TARGETS, assignment_id},
    attempt::ITS_ATTEMPTS,
    decision,
    json::{parse, to_json},
    recheck,
    rollout::{by_key, write_plan},
    shadow, steering,
};

/// Assignments that follow each other and are moved by one statement: it notes them first, which
/// costs more than to move a few one by one.
const LONG_RUN: usize = 32;

/// Why policies were not swapped. Nothing of it was kept.
#[derive(Debug, Error)]
pub enum SwapConflict {
    /// Nothing is decided in it any more.
    #[error("rollout {0} has ended, or is about to")]
    Ended(RolloutKey),
    /// Its policies are not those that the swap was prepared against.
    #[error("rollout {0} has other policies by now")]
    PoliciesMoved(RolloutKey),
    /// A policy has decided since the memos were read.
    #[error("rollout {0} has decided since")]
    Decided(RolloutKey),
    /// Its targets are not those that were placed.
    #[error("rollout {0} has other targets by now")]
    TargetsMoved(RolloutKey),
    /// The swap says nothing of a policy's memo.
    #[error("a swap to {policies} policies has {memos} memos")]
    Memos {
        /// The new policies.
        policies: usize,
        /// What is said of memos.
        memos: usize,
    },
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StoreError),
}

impl From<rusqlite::Error> for SwapConflict {
    fn from(error: rusqlite::Error) -> Self {
        Self::Storage(error.into())
    }
}

impl Store {
    /// Puts other policies in force, with the cohorts that they cut, in one transaction. What
    /// people consented to was given to the policies before, and is void (design §6). Those
    /// that are new are on probation.
    ///
    /// # Errors
    ///
    /// See [`SwapConflict`].
    pub fn swap_policies(
        &mut self,
        key: RolloutKey,
        swap: &PolicySwap,
        at: Timestamp,
    ) -> Result<(), SwapConflict> {
        if swap.memos.len() != swap.policies.len() {
            return Err(SwapConflict::Memos {
                policies: swap.policies.len(),
                memos: swap.memos.len(),
            });
        }
        self.write(|connection, log| {
            let StoredRollout { plan, state, .. } = by_key(connection, key)?;
            refuse_ended(key, state)?;
            if plan.policies != swap.replaces {
                return Err(SwapConflict::PoliciesMoved(key));
            }
            let newest = decision::newest_id(connection, key)?;
            if newest != swap.decided {
                return Err(SwapConflict::Decided(key));
            }
            watch(connection, key, &plan, &swap.policies)?;
            for (policy, memo) in swap.policies.iter().zip(&swap.memos) {
                match memo {
                    Inheritance::Kept => {}
                    Inheritance::Given(memo) => {
                        inherit(connection, key, &policy.name, newest, memo)?;
                    }
                }
            }
            move_assignments(connection, key, swap)?;
            if !rebuild_cohorts(connection, key, &swap.cohorts)? {
                return Err(SwapConflict::TargetsMoved(key));
            }
            let after = RolloutPlan {
                policies: swap.policies.clone(),
                cohorts: swap.cohorts.clone(),
                ..plan
            };
            write_plan(connection, key, &after)?;
            steering::void(connection, key)?;
            let came_out = shadow::end_those_in_force(connection, key, &swap.policies, at)?;
            let event = EventKind::PoliciesSwapped {
                actor: swap.actor.clone(),
                reason: swap.reason.clone(),
                before: swap.replaces.clone(),
                after: swap.policies.clone(),
                cohorts: swap.cohorts.clone(),
                moved: swap.moves.len() as u64,
            };
            log.append(at, Some(key), event)?;
            for shadow in came_out {
                let event = EventKind::ShadowRemoved {
                    actor: swap.actor.clone(),
                    reason: swap.reason.clone(),
                    shadow,
                    because: ShadowEnd::InForce,
                };
                log.append(at, Some(key), event)?;
            }
            Ok(())
        })
    }

    /// The memos that the policies of a rollout would decide with next, in their order, and the
    /// number of the newest decision that they follow.
    ///
    /// # Errors
    ///
    /// If the rollout is unknown, or the database failed.
    pub fn memos(&self, key: RolloutKey) -> Result<(i64, Vec<Vec<u8>>), StoreError> {
        // A writer's view does not change between the queries: it is the only one.
        let policies = by_key(&self.connection, key)?.plan.policies;
        let memos = policies
            .iter()
            .map(|pin| decision::memo(&self.connection, key, &pin.name))
            .collect::<Result<_, _>>()?;
        Ok((decision::newest_id(&self.connection, key)?, memos))
    }

    /// What a rollout's policies are taken back to if they fail; none if they are not on
    /// probation.
    ///
    /// # Errors
    ///
    /// If the database failed.
    pub fn probation(&self, key: RolloutKey) -> Result<Option<Probation>, StoreError> {
        probation(&self.connection, key)
    }

    /// Puts the policies back that were in force before those on probation, with their cohorts
    /// and memos, because `policy` failed. Devices that joined since are in the last cohort.
    /// Whether there were some to put back.
    ///
    /// # Errors
    ///
    /// If the rollout is unknown, or the database failed.
    pub fn take_policies_back(
        &mut self,
        key: RolloutKey,
        policy: &PluginName,
        message: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        self.write(|connection, log| {
            let plan = by_key(connection, key)?.plan;
            let Some(before) = watched(connection, key)? else {
                return Ok(false);
            };
            let newest = decision::newest_id(connection, key)?;
            for (pin, memo) in before.policies.iter().zip(&before.memos) {
                if !plan.policies.contains(pin) {
                    inherit(connection, key, &pin.name, newest, memo)?;
                }
            }
            let mut cohorts = before.cohorts;
            go_home(connection, key, &mut cohorts, before.last)?;
            if !rebuild_cohorts(connection, key, &cohorts)? {
                let what = "cohorts before a swap";
                return Err(StoreError::Unreadable { what, source: None });
            }
            let back = RolloutPlan {
                policies: before.policies,
                cohorts,
                ..plan
            };
            write_plan(connection, key, &back)?;
            steering::void(connection, key)?;
            end_probation(connection, key)?;
            let event = EventKind::PoliciesTakenBack {
                policy: policy.clone(),
                message: message.to_owned(),
                policies: policy_names(&back.policies),
            };
            log.append(at, Some(key), event)?;
            Ok(true)
        })
    }
}

/// The policies before those on probation, and all that is put back with them.
struct Before {
    policies: Vec<PluginPin>,
    cohorts: Vec<Cohort>,
    memos: Vec<Vec<u8>>,
    last: i64,
}

/// What a rollout's policies would be taken back to.
pub(crate) fn probation(
    connection: &Connection,
    rollout: RolloutKey,
) -> Result<Option<Probation>, StoreError> {
    let watched = watched(connection, rollout)?;
    Ok(watched.map(|before| Probation {
        before: before.policies,
    }))
}

/// The policies in force are kept, whatever becomes of them.
pub(crate) fn end_probation(
    connection: &Connection,
    rollout: RolloutKey,
) -> Result<(), StoreError> {
    connection.execute("DELETE FROM probation WHERE rollout = ?1", [rollout.0])?;
    Ok(())
}

/// The memo that a swap gave to a policy, and the newest decision before it.
pub(crate) fn inherited(
    connection: &Connection,
    rollout: RolloutKey,
    policy: &PluginName,
) -> Result<Option<(i64, Vec<u8>)>, StoreError> {
    let found = connection
        .prepare_cached("SELECT after, memo FROM inherited WHERE rollout = ?1 AND policy = ?2")?
        .query_row(params![rollout.0, policy.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    Ok(found)
}

fn refuse_ended(key: RolloutKey, state: RolloutState) -> Result<(), SwapConflict> {
    match state {
        RolloutState::Draft
        | RolloutState::Running
        | RolloutState::Holding
        | RolloutState::Paused => Ok(()),
        RolloutState::Aborting | RolloutState::Aborted | RolloutState::Completed => {
            Err(SwapConflict::Ended(key))
        }
    }
}

/// Keeps what is put back if one of `after` fails, unless none of them is new.
fn watch(
    connection: &Connection,
    rollout: RolloutKey,
    plan: &RolloutPlan,
    after: &[PluginPin],
) -> Result<(), StoreError> {
    end_probation(connection, rollout)?;
    if after.iter().all(|pin| plan.policies.contains(pin)) {
        return Ok(());
    }
    let memos = plan
        .policies
        .iter()
        .map(|pin| decision::memo(connection, rollout, &pin.name))
        .collect::<Result<Vec<_>, _>>()?;
    connection.execute(
        "INSERT INTO probation (rollout, policies, cohorts, memos, last) \
         SELECT ?1, ?2, ?3, ?4, coalesce(max(id), ?5) FROM assignment WHERE id > ?5 AND id <= ?6",
        params![
            rollout.0,
            to_json("policies of a rollout", &plan.policies)?,
            to_json("cohorts of a rollout", &plan.cohorts)?,
            to_json("memos of policies", &memos)?,
            assignment_id(rollout, 0),
            assignment_id(rollout, MAX_TARGETS),
        ],
    )?;
    Ok(())
}

fn watched(connection: &Connection, rollout: RolloutKey) -> Result<Option<Before>, StoreError> {
    let row: Option<(String, String, String, i64)> = connection
        .prepare_cached("SELECT policies, cohorts, memos, last FROM probation WHERE rollout = ?1")?
        .query_row([rollout.0], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        })
        .optional()?;
    let Some((policies, cohorts, memos, last)) = row else {
        return Ok(None);
    };
    Ok(Some(Before {
        policies: parse("policies of a rollout", &policies)?,
        cohorts: parse("cohorts of a rollout", &cohorts)?,
        memos: parse("memos of policies", &memos)?,
        last,
    }))
}

fn inherit(
    connection: &Connection,
    rollout: RolloutKey,
    policy: &PluginName,
    newest: i64,
    memo: &[u8],
) -> Result<(), StoreError> {
    connection.execute(
        "INSERT INTO inherited (rollout, policy, after, memo) VALUES (?1, ?2, ?3, ?4) \
         ON CONFLICT (rollout, policy) DO UPDATE SET after = excluded.after, memo = excluded.memo",
        params![rollout.0, policy.as_str(), newest, memo],
    )?;
    Ok(())
}

fn move_assignments(
    connection: &Connection,
    rollout: RolloutKey,
    swap: &PolicySwap,
) -> Result<(), SwapConflict> {
    let (first, last) = (
        assignment_id(rollout, 0),
        assignment_id(rollout, MAX_TARGETS),
    );
    // Where an earlier swap found them does not matter any more.
    connection.execute(
        "UPDATE assignment SET home = NULL WHERE id > ?1 AND id <= ?2 AND home IS NOT NULL",
        [first, last],
    )?;
    // Cohorts are cut along ranks, so those that move to one often follow each other.
    let mut moving =
        connection.prepare("UPDATE assignment SET home = cohort, cohort = ?2 WHERE id = ?1")?;
    let mut moving_run = connection
        .prepare("UPDATE assignment SET home = cohort, cohort = ?3 WHERE id >= ?1 AND id <= ?2")?;
    let follow = |one: &(AssignmentId, CohortIndex), next: &(AssignmentId, CohortIndex)| {
        one.0.0 + 1 == next.0.0 && one.1 == next.1
    };
    for run in swap.moves.chunk_by(follow) {
        let [(begin, cohort), ..] = run else { continue };
        let end = run.last().map_or(*begin, |(end, _)| *end);
        let moved = if begin.0 <= first || end.0 > last {
            0
        } else if run.len() < LONG_RUN {
            let ids = run.iter().map(|(id, _)| id.0);
            ids.map(|id| moving.execute(params![id, cohort.0]))
                .sum::<Result<_, _>>()?
        } else {
            moving_run.execute(params![begin.0, end.0, cohort.0])?
        };
        if moved != run.len() {
            return Err(SwapConflict::TargetsMoved(rollout));
        }
    }
    Ok(())
}

/// Assignments are in the cohorts that the last swap found them in; those after `last` joined
/// since, and are counted with the last cohort.
fn go_home(
    connection: &Connection,
    rollout: RolloutKey,
    cohorts: &mut [Cohort],
    last: i64,
) -> Result<(), StoreError> {
    connection.execute(
        "UPDATE assignment SET cohort = home, home = NULL \
         WHERE id > ?1 AND id <= ?2 AND home IS NOT NULL",
        [assignment_id(rollout, 0), last],
    )?;
    let position = cohorts.len().saturating_sub(1);
    if let Some(home) = cohorts.last_mut() {
        let joined = connection.execute(
            "UPDATE assignment SET cohort = ?3 WHERE id > ?1 AND id <= ?2",
            params![
                last,
                assignment_id(rollout, MAX_TARGETS),
                u32::try_from(position).unwrap_or(u32::MAX)
            ],
        )?;
        home.size += joined as u64;
    }
    Ok(())
}

/// The instants of cohorts follow from the attempts of their members. Of a cohort whose members
/// ended without any, it is only known that they did so before the last cohort that ended one.
/// Whether each cohort holds as many assignments as planned.
fn rebuild_cohorts(
    connection: &Connection,
    rollout: RolloutKey,
    cohorts: &[Cohort],
) -> Result<bool, StoreError> {
    let latest: Option<i64> = connection.query_row(
        "SELECT max(last_ended) FROM cohort WHERE rollout = ?1",
        [rollout.0],
        |row| row.get(0),
    )?;
    connection.execute("DELETE FROM cohort WHERE rollout = ?1", [rollout.0])?;
    // Rounds were of cohorts that are no more.
    recheck::forget(connection, rollout, None)?;
    let Some(found) = count(connection, rollout, cohorts.len())? else {
        return Ok(false);
    };
    let mut insert = connection.prepare(
        "INSERT INTO cohort (rollout, position, first_started, last_ended) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (position, one) in (0i64..).zip(&found) {
        let ended = one.last_ended.or(latest.filter(|_| one.any_ended));
        insert.execute(params![rollout.0, position, one.first_started, ended])?;
    }
    let counted = found.iter().map(|one| one.members);
    Ok(cohorts.iter().map(|cohort| cohort.size).eq(counted))
}

/// What is found of a cohort's members.
#[derive(Clone, Default)]
struct Found {
    members: u64,
    any_ended: bool,
    first_started: Option<i64>,
    last_ended: Option<i64>,
}

/// Counts the members of so many cohorts; none if one is in another. All in one pass, and rows are
/// counted here: to group a million of them the database would sort them.
fn count(
    connection: &Connection,
    rollout: RolloutKey,
    cohorts: usize,
) -> Result<Option<Vec<Found>>, StoreError> {
    let mut found = vec![Found::default(); cohorts];
    let mut statement = connection.prepare(&format!(
        "SELECT a.id, a.cohort, a.state > 8, t.started_at, coalesce(t.settled_at, t.ended_at) \
         FROM assignment AS a LEFT JOIN attempt AS t ON {ITS_ATTEMPTS} \
         WHERE a.id > ?1 AND a.id <= ?2 ORDER BY a.id",
    ))?;
    let mut rows = statement.query([
        assignment_id(rollout, 0),
        assignment_id(rollout, MAX_TARGETS),
    ])?;
    let mut last = None;
    while let Some(row) = rows.next()? {
        let id: i64 = row.get(0)?;
        let CohortIndex(index) = CohortIndex(row.get(1)?);
        let Some(one) = found.get_mut(index as usize) else {
            return Ok(None);
        };
        // It comes once for each attempt.
        one.members += u64::from(last.replace(id) != Some(id));
        let started: Option<i64> = row.get(3)?;
        one.first_started = [one.first_started, started].into_iter().flatten().min();
        if row.get(2)? {
            one.any_ended = true;
            one.last_ended = one.last_ended.max(row.get(4)?);
        }
    }
    Ok(Some(found))
}
