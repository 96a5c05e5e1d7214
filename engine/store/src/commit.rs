//! Change sets: what `windlass-core` decided, applied in one transaction.

use std::{collections::BTreeMap, mem};

use rusqlite::{Connection, OptionalExtension as _, TransactionBehavior, params};
use windlass_model::{
    Assignment, Change, ChangeSet, CohortIndex, DeviceId, RolloutKey, Sequence, StateKind,
    Timestamp,
};

use crate::{
    CommitError, Store, StoreError,
    assignment::StateColumns,
    attempt::{self, AttemptEnd, Start},
    checkpoint::drop_checkpoint,
    codes::{Code as _, duration_millis, millis},
    condemned,
    decision::{self, Patterns},
    log,
    prepared::Prepared,
    reason, recheck,
    registry::observe,
    rollback, shadow, signal, steering, swap,
};

/// Cohorts with a pending or deferred assignment. The states are written out here and
/// below, one at a time, so that the partial indexes serve.
pub(crate) const REMAINING_COHORTS: &str = "SELECT position FROM cohort AS c WHERE rollout = ?1 \
     AND (EXISTS (SELECT 1 FROM assignment \
                  WHERE rollout = ?1 AND cohort = c.position AND state = 0) \
       OR EXISTS (SELECT 1 FROM assignment \
                  WHERE rollout = ?1 AND cohort = c.position AND state = 1))";

pub(crate) const CANCEL_REMAINING: [&str; 2] = [
    "UPDATE assignment SET state = ?2 WHERE rollout = ?1 AND state = 0",
    "UPDATE assignment SET state = ?2, due = NULL, detail = NULL, blocker = NULL \
     WHERE rollout = ?1 AND state = 1",
];

/// That a change set is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// The number of its first event; the others follow. Without events, the number that
    /// the next event will have.
    pub first: Sequence,
}

impl Store {
    /// Commits `sets` in one transaction; each answer belongs to the set at its place. A
    /// set in conflict with what is stored, or with an earlier set, is refused whole and
    /// does not hinder the others.
    pub fn commit(&mut self, sets: &[&ChangeSet]) -> Vec<Result<Committed, CommitError>> {
        let applied = match self.together(sets) {
            Ok(applied) => Ok(applied),
            Err(CommitError::Storage(error)) => Err(error),
            // Conflicts are rare, and a savepoint costs as much as many a change.
            Err(_) => self.one_by_one(sets),
        };
        match applied {
            Ok(applied) => {
                self.next_event = applied.next_event;
                applied.answers
            }
            Err(error) => {
                let refused = || Err(CommitError::Storage(error.clone()));
                sets.iter().map(|_| refused()).collect()
            }
        }
    }

    /// All sets, or none if there is a conflict.
    fn together(&mut self, sets: &[&ChangeSet]) -> Result<Applied, CommitError> {
        let mut applied = Applied::from(self.next_event, sets);
        let mut patterns = mem::take(&mut self.patterns);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let prepared = Prepared::new(&transaction);
        for set in sets {
            apply(&prepared, &mut patterns, set, applied.next_event)?;
            applied.kept(set);
        }
        drop(prepared);
        transaction.commit()?;
        self.patterns = patterns;
        Ok(applied)
    }

    /// Each set that is in no conflict.
    fn one_by_one(&mut self, sets: &[&ChangeSet]) -> Result<Applied, StoreError> {
        let mut applied = Applied::from(self.next_event, sets);
        let mut patterns = mem::take(&mut self.patterns);
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for set in sets {
            transaction
                .prepare_cached("SAVEPOINT change_set")?
                .execute([])?;
            let prepared = Prepared::new(&transaction);
            match apply(&prepared, &mut patterns, set, applied.next_event) {
                Ok(()) => applied.kept(set),
                // SQLite may have rolled back the whole transaction by itself.
                Err(CommitError::Storage(error)) => return Err(error),
                Err(conflict) => {
                    transaction
                        .prepare_cached("ROLLBACK TO change_set")?
                        .execute([])?;
                    patterns = Patterns::default();
                    applied.answers.push(Err(conflict));
                }
            }
            transaction
                .prepare_cached("RELEASE change_set")?
                .execute([])?;
        }
        transaction.commit()?;
        self.patterns = patterns;
        Ok(applied)
    }
}

/// What became of the sets of one transaction.
struct Applied {
    answers: Vec<Result<Committed, CommitError>>,
    next_event: u64,
}

impl Applied {
    fn from(next_event: u64, sets: &[&ChangeSet]) -> Self {
        Self {
            answers: Vec::with_capacity(sets.len()),
            next_event,
        }
    }

    fn kept(&mut self, set: &ChangeSet) {
        self.answers.push(Ok(Committed {
            first: Sequence(self.next_event),
        }));
        self.next_event += set.events.len() as u64;
    }
}

fn apply(
    connection: &Prepared<'_>,
    patterns: &mut Patterns,
    set: &ChangeSet,
    first_event: u64,
) -> Result<(), CommitError> {
    let exists = connection
        .prepare_cached("SELECT 1 FROM rollout WHERE key = ?1")?
        .exists([set.rollout.0])?;
    if !exists {
        return Err(CommitError::NoSuchRollout(set.rollout));
    }
    let mut times = CohortTimes::new(set);
    let mut changes = &set.changes[..];
    while let [change, rest @ ..] = changes {
        let settled = settled_by(change, rest);
        apply_change(
            connection,
            patterns,
            set.rollout,
            change,
            settled,
            &mut times,
        )?;
        changes = &rest[usize::from(settled.is_some())..];
    }
    times.write(connection, set.rollout)?;
    let moved = moved(set);
    let events = set.events.iter().map(|event| {
        let device = event.kind.device();
        let of_this = device.filter(|_| event.rollout == Some(set.rollout));
        (event, of_this.and_then(|id| moved.get(id).copied()))
    });
    log::append_all(connection, first_event, events)?;
    Ok(())
}

/// When the attempt that `change` ends is settled, if that is what comes next: one statement
/// does both.
fn settled_by(change: &Change, rest: &[Change]) -> Option<Timestamp> {
    match (change, rest) {
        (
            Change::AttemptEnded { attempt: ended, .. },
            [Change::AttemptSettled { attempt, at }, ..],
        ) if attempt == ended => Some(*at),
        _ => None,
    }
}

/// The assignments that a set moves: nearly all of its events speak of their devices.
fn moved(set: &ChangeSet) -> BTreeMap<&DeviceId, &Assignment> {
    let rows = set.changes.iter().filter_map(|change| match change {
        Change::Assignment { row, .. } => Some((&row.device_id, &**row)),
        _ => None,
    });
    rows.collect()
}

fn apply_change(
    connection: &Prepared<'_>,
    patterns: &mut Patterns,
    rollout: RolloutKey,
    change: &Change,
    settled: Option<Timestamp>,
    times: &mut CohortTimes,
) -> Result<(), CommitError> {
    match change {
        Change::Rollout {
            state,
            started_at,
            ended_at,
            paused_for,
            paused_since,
        } => {
            connection
                .prepare_cached(
                    "UPDATE rollout SET state = ?2, started_at = ?3, ended_at = ?4, \
                     paused_for = ?5, paused_since = ?6 WHERE key = ?1",
                )?
                .execute(params![
                    rollout.0,
                    state.code(),
                    started_at.map(millis),
                    ended_at.map(millis),
                    duration_millis(*paused_for),
                    paused_since.map(millis),
                ])?;
            if ended_at.is_some() {
                patterns.forget(rollout);
            }
            Ok(())
        }
        Change::Assignment { from, row } => {
            times.note(row);
            move_assignment(connection, rollout, *from, row)?;
            if row.state.kind().is_ended() {
                drop_checkpoint(connection, row.id)?;
            }
            Ok(())
        }
        Change::CancelRemaining => cancel_remaining(connection, rollout, times),
        Change::AttemptStarted {
            attempt,
            assignment,
            device,
            number,
            at,
        } => {
            let start = Start {
                attempt: *attempt,
                assignment: *assignment,
                device: *device,
                number: *number,
                at: *at,
            };
            attempt::start(connection, &start)
        }
        Change::AttemptEnded {
            attempt,
            at,
            outcome,
            bytes,
        } => {
            let end = AttemptEnd {
                at: *at,
                outcome: outcome.clone(),
                bytes: *bytes,
            };
            attempt::end(connection, *attempt, &end, settled)
        }
        Change::AttemptSettled { attempt, at } => attempt::settle(connection, *attempt, *at),
        Change::Decision(record) => Ok(decision::append(
            connection, patterns, rollout, None, record,
        )?),
        Change::DecisionRepeated(repetition) => {
            Ok(decision::repeat(connection, rollout, repetition)?)
        }
        Change::Approved(approval) => Ok(steering::approve(connection, rollout, approval)?),
        Change::Advanced(advance) => Ok(steering::advance(connection, rollout, advance)?),
        Change::Condemned { at, reason } => {
            Ok(condemned::condemn(connection, rollout, *at, reason)?)
        }
        Change::RollbackWanted => Ok(rollback::want(connection, rollout)?),
        Change::ProbationPassed => Ok(swap::end_probation(connection, rollout)?),
        Change::Shadow(shadow, change) => Ok(shadow::apply(
            connection, patterns, rollout, *shadow, change,
        )?),
        Change::Signal(sample) => Ok(signal::keep(connection, rollout, sample)?),
        Change::Recheck {
            cohort,
            round: Some(round),
            after,
        } => Ok(recheck::keep(connection, rollout, *cohort, round, *after)?),
        Change::Recheck {
            cohort,
            round: None,
            ..
        } => Ok(recheck::forget(connection, rollout, Some(*cohort))?),
        Change::Observed(observation) => match observe(connection, observation)? {
            true => Ok(()),
            false => Err(CommitError::NoSuchDevice(observation.device)),
        },
    }
}

/// Sets what [`move_assignment`] gives, and what else is said.
macro_rules! move_sql {
    ($($further:literal),*) => {
        concat!(
            "UPDATE assignment SET state = ?4, attempt = ?5, due = ?6, detail = ?7, \
             started_attempts = ?8, counted_attempts = ?9, first_failure = ?10, \
             last_failure = ?11, last_failure_at = ?12, attempt_started = ?13, \
             excluded = ?14",
            $($further,)*
            " WHERE id = ?1 AND rollout = ?2 AND state = ?3"
        )
    };
    ($($further:literal),*; first) => {
        move_sql!(
            $($further,)*
            ", previous_version = coalesce(previous_version, \
               (SELECT version FROM device WHERE key = assignment.device))"
        )
    };
}

/// Moves an assignment that waits for nothing before and after. It is by far the most frequent,
/// and SQLite copies each page that a statement changes which also sets a reference.
const MOVE: &str = move_sql!();
/// Moves one that waits, or did, for what may be written down.
const MOVE_BLOCKED: &str = move_sql!(", blocker = ?15");
/// What a device ran before its first attempt is where a rollback takes it.
const MOVE_TO_FIRST: &str = move_sql!(; first);
const MOVE_BLOCKED_TO_FIRST: &str = move_sql!(", blocker = ?15"; first);

/// Whether what an assignment of this kind waits for is written down.
fn may_be_blocked(kind: StateKind) -> bool {
    matches!(kind, StateKind::Deferred | StateKind::Waiting)
}

fn move_assignment(
    connection: &Prepared<'_>,
    rollout: RolloutKey,
    from: StateKind,
    row: &Assignment,
) -> Result<(), CommitError> {
    let state = StateColumns::new(&row.state);
    let to = row.state.kind();
    let blocker = match &row.blocker {
        Some(why) if may_be_blocked(to) => Some(reason::intern(connection, why)?),
        _ => None,
    };
    let starts_first = to == StateKind::Transferring
        && row.started_attempts == 1
        && from != StateKind::Transferring;
    let blocked = may_be_blocked(from) || may_be_blocked(to);
    let sql = match (blocked, starts_first) {
        (false, false) => MOVE,
        (false, true) => MOVE_TO_FIRST,
        (true, false) => MOVE_BLOCKED,
        (true, true) => MOVE_BLOCKED_TO_FIRST,
    };
    let parameters = params![
        row.id.0,
        rollout.0,
        from.code(),
        to.code(),
        state.attempt,
        state.due,
        state.detail,
        row.started_attempts,
        row.counted_attempts,
        row.first_failure.map(|kind| kind.code()),
        row.last_failure.map(|(kind, _)| kind.code()),
        row.last_failure.map(|(_, at)| millis(at)),
        row.attempt_started.map(millis),
        row.excluded,
        blocker,
    ];
    // The last of them is what it waits for.
    let given = parameters.len() - usize::from(!blocked);
    let changed = connection.execute(sql, &parameters[..given])?;
    if changed == 1 {
        return Ok(());
    }
    let found: Option<i64> = connection
        .prepare_cached("SELECT state FROM assignment WHERE id = ?1 AND rollout = ?2")?
        .query_row([row.id.0, rollout.0], |row| row.get(0))
        .optional()?;
    Err(match found {
        Some(found) => CommitError::StateMoved {
            assignment: row.id,
            expected: from,
            found: StateKind::from_code(found)?,
        },
        None => CommitError::NoSuchAssignment(row.id),
    })
}

fn cancel_remaining(
    connection: &Connection,
    rollout: RolloutKey,
    times: &mut CohortTimes,
) -> Result<(), CommitError> {
    let mut cohorts = connection.prepare_cached(REMAINING_COHORTS)?;
    let mut rows = cohorts.query([rollout.0])?;
    while let Some(row) = rows.next()? {
        times.ended(CohortIndex(row.get(0)?));
    }
    for cancel in CANCEL_REMAINING {
        connection
            .prepare_cached(cancel)?
            .execute([rollout.0, StateKind::Cancelled.code()])?;
    }
    Ok(())
}

/// When the cohorts of a set first started and last ended a device. A set carries no time
/// of its own; that of its newest event is the step's.
struct CohortTimes {
    now: Option<Timestamp>,
    cohorts: BTreeMap<CohortIndex, Times>,
}

#[derive(Default)]
struct Times {
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
}

impl CohortTimes {
    fn new(set: &ChangeSet) -> Self {
        Self {
            now: set.events.iter().map(|event| event.at).max(),
            cohorts: BTreeMap::new(),
        }
    }

    fn note(&mut self, row: &Assignment) {
        if let Some(started) = row.attempt_started {
            let times = self.cohorts.entry(row.cohort).or_default();
            times.started = Some(times.started.map_or(started, |known| known.min(started)));
        }
        if row.state.kind().is_ended() {
            self.ended(row.cohort);
        }
    }

    fn ended(&mut self, cohort: CohortIndex) {
        self.cohorts.entry(cohort).or_default().ended = self.now;
    }

    fn write(&self, connection: &Connection, rollout: RolloutKey) -> Result<(), StoreError> {
        let mut update = connection.prepare_cached(
            "UPDATE cohort SET \
             first_started = coalesce(min(first_started, ?3), first_started, ?3), \
             last_ended = coalesce(max(last_ended, ?4), last_ended, ?4) \
             WHERE rollout = ?1 AND position = ?2",
        )?;
        for (cohort, times) in &self.cohorts {
            update.execute(params![
                rollout.0,
                cohort.0,
                times.started.map(millis),
                times.ended.map(millis),
            ])?;
        }
        Ok(())
    }
}
