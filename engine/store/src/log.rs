//! The events: append-only, numbered from 1 without gaps.

use rusqlite::{Connection, TransactionBehavior, params};
use windlass_model::{Event, EventKind, LoggedEvent, RolloutKey, Sequence, Timestamp};

use crate::{
    Store, StoreError,
    codes::{integer, millis, timestamp, unsigned},
    json::{parse, to_json},
};

/// One page, of all rollouts.
pub(crate) const PAGE: &str =
    "SELECT seq, at, rollout, kind FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2";

/// One page, of one rollout.
pub(crate) const PAGE_OF_ROLLOUT: &str = "SELECT seq, at, rollout, kind FROM event \
     WHERE rollout = ?3 AND seq > ?1 ORDER BY seq LIMIT ?2";

impl Store {
    /// At most `limit` events after `after` in order, of one rollout or of all. From the
    /// first: `Sequence::default()`.
    pub fn events(
        &self,
        after: Sequence,
        limit: usize,
        rollout: Option<RolloutKey>,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        let (after, limit) = (integer(after.0), integer(limit as u64));
        let sql = if rollout.is_some() {
            PAGE_OF_ROLLOUT
        } else {
            PAGE
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = match rollout {
            Some(rollout) => statement.query(params![after, limit, rollout.0])?,
            None => statement.query(params![after, limit])?,
        };
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            let kind: EventKind = parse("event", row.get_ref(3)?.as_str().unwrap_or_default())?;
            events.push(LoggedEvent {
                seq: Sequence(unsigned(row.get(0)?)),
                event: Event {
                    at: timestamp(row.get(1)?),
                    rollout: row.get::<_, Option<i64>>(2)?.map(RolloutKey),
                    kind,
                },
            });
        }
        Ok(events)
    }

    /// The number of the newest event; 0 if there is none.
    pub fn last_event(&self) -> Result<Sequence, StoreError> {
        Ok(Sequence(next_event(&self.connection)? - 1))
    }
}

/// Gives events of one transaction their numbers.
pub(crate) struct Log<'a> {
    connection: &'a Connection,
    next: u64,
}

impl Log<'_> {
    /// Appends what happened to a rollout, or to none.
    pub(crate) fn append(
        &mut self,
        at: Timestamp,
        rollout: Option<RolloutKey>,
        kind: EventKind,
    ) -> Result<(), StoreError> {
        append(self.connection, self.next, &Event { at, rollout, kind })?;
        self.next += 1;
        Ok(())
    }
}

impl Store {
    /// Runs `work` in one transaction. If it fails, nothing of it is kept and no number of
    /// the log is used up.
    pub(crate) fn write<T, E: From<rusqlite::Error>>(
        &mut self,
        work: impl FnOnce(&Connection, &mut Log<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut log = Log {
            connection: &transaction,
            next: self.next_event,
        };
        let result = work(&transaction, &mut log)?;
        let next_event = log.next;
        transaction.commit()?;
        self.next_event = next_event;
        Ok(result)
    }
}

pub(crate) fn next_event(connection: &Connection) -> Result<u64, StoreError> {
    let last: i64 = connection.query_row("SELECT coalesce(max(seq), 0) FROM event", [], |row| {
        row.get(0)
    })?;
    Ok(unsigned(last) + 1)
}

/// Appends one event under a number that the caller keeps count of.
pub(crate) fn append(connection: &Connection, seq: u64, event: &Event) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO event (seq, at, rollout, kind) VALUES (?1, ?2, ?3, ?4)")?
        .execute(params![
            integer(seq),
            millis(event.at),
            event.rollout.map(|rollout| rollout.0),
            to_json("event", &event.kind)?,
        ])?;
    Ok(())
}
