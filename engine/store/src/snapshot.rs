use rusqlite::{Connection, Row, params};
use windlass_model::{
    CohortView, FailureKind, RolloutKey, RolloutSnapshot, ShadowSnapshot, StateKind, StoredRollout,
    Tallied,
};

use crate::{
    Store, StoreError,
    assignment::{MAX_TARGETS, assignment_id},
    codes::{Code as _, timestamp},
    decision::{self, Standing},
    recheck, rollout, shadow, signal, steering, swap,
};

impl Store {
    /// A rollout at one instant: counts, live assignments, newest decisions and
    /// what people consented to.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if there is no such rollout.
    pub fn snapshot(&self, key: RolloutKey) -> Result<RolloutSnapshot, StoreError> {
        self.read_rollout(key, shadow::snapshots)
    }

    /// The same for whoever knows the counts of policies in shadow already: they cover nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`] if there is no such rollout.
    pub fn snapshot_but_shadows(&self, key: RolloutKey) -> Result<RolloutSnapshot, StoreError> {
        self.read_rollout(key, shadow::uncounted)
    }

    fn read_rollout(
        &self,
        key: RolloutKey,
        shadows: impl FnOnce(&Connection, RolloutKey) -> Result<Vec<ShadowSnapshot>, StoreError>,
    ) -> Result<RolloutSnapshot, StoreError> {
        self.at_one_instant(|store| {
            let connection = &store.connection;
            let rollout = rollout::by_key(connection, key)?;
            let (mut cohorts, timed) = cohorts(connection, &rollout)?;
            let rechecking = recheck::read(connection, key, &mut cohorts)?;
            let live = store.live(key)?;
            let mut decisions = Vec::with_capacity(rollout.plan.policies.len());
            let mut memos = Vec::with_capacity(rollout.plan.policies.len());
            for policy in &rollout.plan.policies {
                let (decided, given) = match decision::standing(connection, key, &policy.name)? {
                    Standing::Decided(record) => (Some(*record), None),
                    Standing::Given(memo) => (None, Some(memo)),
                    Standing::New => (None, None),
                };
                decisions.push(decided);
                memos.push(given);
            }
            let probation = swap::probation(connection, key)?;
            let approvals = steering::approvals(connection, key)?;
            let advances = steering::advances(connection, key)?;
            let signals = signal::newest(connection, key)?;
            let shadows = shadows(connection, key)?;
            let next_deferred = store.next_due(key, -1)?;
            Ok(RolloutSnapshot {
                rollout,
                cohorts,
                live,
                decisions,
                memos,
                probation,
                shadows,
                approvals,
                advances,
                signals,
                rechecking,
                next_deferred,
                timed,
            })
        })
    }
}

fn cohorts(
    connection: &Connection,
    rollout: &StoredRollout,
) -> Result<(Vec<CohortView>, u64), StoreError> {
    let mut views: Vec<_> = rollout
        .plan
        .cohorts
        .iter()
        .map(CohortView::untouched)
        .collect();
    read_times(connection, rollout.key, &mut views)?;
    let timed = read_counts(connection, rollout.key, &mut views)?;
    for view in &mut views {
        view.ended = view.states.ended();
    }
    Ok((views, timed))
}

fn read_times(
    connection: &Connection,
    rollout: RolloutKey,
    views: &mut [CohortView],
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT position, first_started, last_ended FROM cohort WHERE rollout = ?1",
    )?;
    let mut rows = statement.query([rollout.0])?;
    while let Some(row) = rows.next()? {
        let view = view(views, row.get(0)?)?;
        view.first_started = row.get::<_, Option<i64>>(1)?.map(timestamp);
        view.last_ended = row.get::<_, Option<i64>>(2)?.map(timestamp);
    }
    Ok(())
}

/// How many deferred assignments wait for no connection. Rows are counted here: to group a million
/// of them the database would sort them.
fn read_counts(
    connection: &Connection,
    rollout: RolloutKey,
    views: &mut [CohortView],
) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT cohort, state, started_attempts > 0, first_failure, last_failure, \
         state = 1 AND detail = 0 FROM assignment WHERE id > ?1 AND id <= ?2",
    )?;
    let mut rows = statement.query(params![
        assignment_id(rollout, 0),
        assignment_id(rollout, MAX_TARGETS),
    ])?;
    let mut timed = 0;
    while let Some(row) = rows.next()? {
        view(views, row.get(0)?)?.count(tallied(row, 1)?);
        timed += u64::from(row.get::<_, bool>(5)?);
    }
    Ok(timed)
}

/// From the columns state, started, first and last failure, which begin at `column`.
pub(crate) fn tallied(row: &Row<'_>, column: usize) -> Result<Tallied, StoreError> {
    let kind = |at: usize| -> Result<_, StoreError> {
        let code: Option<i64> = row.get(at)?;
        code.map(FailureKind::from_code).transpose()
    };
    Ok(Tallied {
        state: StateKind::from_code(row.get(column)?)?,
        started: row.get(column + 1)?,
        first_failure: kind(column + 2)?,
        last_failure: kind(column + 3)?,
    })
}

fn view(views: &mut [CohortView], position: i64) -> Result<&mut CohortView, StoreError> {
    usize::try_from(position)
        .ok()
        .and_then(|position| views.get_mut(position))
        .ok_or(StoreError::Unreadable {
            what: "cohort of an assignment",
            source: None,
        })
}
