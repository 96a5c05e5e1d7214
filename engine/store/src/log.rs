//! The events: append-only, numbered from 1 without gaps.

use std::borrow::Cow;

use rusqlite::{Connection, Params, Row, ToSql, TransactionBehavior, params, params_from_iter};
use windlass_model::{
    Assignment, DeviceId, DeviceKey, Event, EventKind, LoggedEvent, RolloutKey, Sequence, Timestamp,
};

use crate::{
    Store, StoreError,
    assignment::rank,
    codes::{integer, millis, timestamp, unsigned},
    json::{parse, to_json},
    prepared::Prepared,
    reason,
};

/// What [`from_row`] reads.
const COLUMNS: &str = "seq, at, rollout, kind, \
     (SELECT id FROM device WHERE key = coalesce(event.device, \
         (SELECT device FROM assignment WHERE id = event.rollout << 32 | event.rank))), \
     (SELECT json FROM reason WHERE id = event.reason)";

/// One page, of all rollouts.
pub(crate) fn page() -> String {
    format!("SELECT {COLUMNS} FROM event WHERE seq > ?1 ORDER BY seq LIMIT ?2")
}

/// One page, of one rollout.
pub(crate) fn page_of_rollout() -> String {
    format!("SELECT {COLUMNS} FROM event WHERE rollout = ?3 AND seq > ?1 ORDER BY seq LIMIT ?2")
}

/// All that are of a rollout.
pub(crate) fn of_rollouts() -> String {
    format!("SELECT {COLUMNS} FROM event WHERE rollout IS NOT NULL ORDER BY seq")
}

/// The newest of one device up to an instant.
pub(crate) fn of_device() -> String {
    format!(
        "SELECT {COLUMNS} FROM event WHERE seq IN (\
             SELECT e.seq FROM assignment AS a INDEXED BY assignment_device \
             CROSS JOIN event AS e INDEXED BY event_rank \
             ON e.rollout = a.rollout AND e.rank = a.id & 0xffffffff WHERE a.device = ?1 \
             UNION ALL \
             SELECT seq FROM event INDEXED BY event_device WHERE device = ?1) \
         AND at <= ?2 ORDER BY seq DESC LIMIT ?3"
    )
}

/// The newest up to an instant that speak of no device and are no decision, of a rollout or, if
/// that is null, of none.
pub(crate) fn of_none() -> String {
    format!(
        "SELECT {COLUMNS} FROM event INDEXED BY event_of_none \
         WHERE device IS NULL AND rank IS NULL AND kind NOT GLOB '{{\"type\":\"decision-*' \
         AND rollout IS ?1 AND at <= ?2 ORDER BY seq DESC LIMIT ?3"
    )
}

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
        match rollout {
            Some(rollout) => self.logged(&page_of_rollout(), params![after, limit, rollout.0]),
            None => self.logged(&page(), params![after, limit]),
        }
    }

    /// The newest `limit` events of a device, in whatever rollout, up to `until`; in order.
    pub fn events_of_device(
        &self,
        device: DeviceKey,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        let limit = integer(limit as u64);
        let mut events = self.logged(&of_device(), params![device.0, millis(until), limit])?;
        events.reverse();
        Ok(events)
    }

    /// The newest `limit` events up to `until` that speak of no single device, of one rollout
    /// or of none, without decisions; in order.
    pub fn events_of_none(
        &self,
        rollout: Option<RolloutKey>,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<LoggedEvent>, StoreError> {
        let limit = integer(limit as u64);
        let rollout = rollout.map(|rollout| rollout.0);
        let mut events = self.logged(&of_none(), params![rollout, millis(until), limit])?;
        events.reverse();
        Ok(events)
    }

    fn logged(&self, sql: &str, parameters: impl Params) -> Result<Vec<LoggedEvent>, StoreError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query(parameters)?;
        let mut events = Vec::new();
        while let Some(row) = rows.next()? {
            events.push(from_row(row)?);
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
    connection: Prepared<'a>,
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
        let event = Event { at, rollout, kind };
        append(&self.connection, self.next, &event)?;
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
            connection: Prepared::new(&transaction),
            next: self.next_event,
        };
        let result = work(&transaction, &mut log)?;
        let next_event = log.next;
        drop(log);
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

/// Rows that one statement writes: the table and each of its indexes are opened for all of them
/// at once, which costs as much as a row.
const ROWS: usize = 8;

/// One row.
const APPEND: &str =
    "INSERT INTO event (seq, at, rollout, kind, reason, rank) VALUES (?, ?, ?, ?, ?, ?)";

/// [`ROWS`] rows.
const APPEND_ROWS: &str = "INSERT INTO event (seq, at, rollout, kind, reason, rank) VALUES \
     (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?), \
     (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?), (?, ?, ?, ?, ?, ?)";

/// Of an event whose assignment is known.
struct RankedRow {
    seq: i64,
    at: i64,
    rollout: Option<i64>,
    kind: String,
    reason: Option<i64>,
    rank: i64,
}

impl RankedRow {
    fn columns(&self) -> [&dyn ToSql; 6] {
        [
            &self.seq,
            &self.at,
            &self.rollout,
            &self.kind,
            &self.reason,
            &self.rank,
        ]
    }
}

/// Appends events, each with the assignment, in its rollout, of the device that it speaks of, if
/// the caller knows it. The caller keeps count of numbers.
pub(crate) fn append_all<'a>(
    connection: &Prepared<'_>,
    first: u64,
    events: impl Iterator<Item = (&'a Event, Option<&'a Assignment>)>,
) -> Result<(), StoreError> {
    let mut rows = Vec::with_capacity(ROWS);
    for (seq, (event, row)) in (first..).zip(events) {
        let Some(row) = row else {
            append(connection, seq, event)?;
            continue;
        };
        let (kind, reason) = columns(connection, event)?;
        rows.push(RankedRow {
            seq: integer(seq),
            at: millis(event.at),
            rollout: event.rollout.map(|rollout| rollout.0),
            kind,
            reason,
            rank: rank(row.id),
        });
        if rows.len() == ROWS {
            let columns = rows.iter().flat_map(RankedRow::columns);
            connection.execute(APPEND_ROWS, params_from_iter(columns))?;
            rows.clear();
        }
    }
    for row in rows {
        connection.execute(APPEND, params_from_iter(row.columns()))?;
    }
    Ok(())
}

/// Appends one event under a number that the caller keeps count of.
fn append(connection: &Prepared<'_>, seq: u64, event: &Event) -> Result<(), StoreError> {
    let (kind, reason) = columns(connection, event)?;
    connection.execute(
        "INSERT INTO event (seq, at, rollout, kind, reason, device) \
         VALUES (?1, ?2, ?3, ?4, ?5, (SELECT key FROM device WHERE id = ?6))",
        params![
            integer(seq),
            millis(event.at),
            event.rollout.map(|rollout| rollout.0),
            kind,
            reason,
            event.kind.device().map(DeviceId::as_str),
        ],
    )?;
    Ok(())
}

/// What is kept of an event beside its device: its JSON, and the reason that it gives.
fn columns(connection: &Connection, event: &Event) -> Result<(String, Option<i64>), StoreError> {
    let (kind, reason) = without_reason(connection, &event.kind)?;
    let json = to_json("event", kind.as_ref())?;
    let json = match event.kind.device() {
        Some(device) => without_device(json, device)?,
        None => json,
    };
    Ok((json, reason))
}

/// The event without the reason of a deferral, and the row that keeps that.
fn without_reason<'a>(
    connection: &Connection,
    kind: &'a EventKind,
) -> Result<(Cow<'a, EventKind>, Option<i64>), StoreError> {
    let EventKind::DeviceDeferred {
        device,
        until,
        needs_connection,
        reason: Some(why),
    } = kind
    else {
        return Ok((Cow::Borrowed(kind), None));
    };
    let id = reason::intern(connection, why)?;
    let bare = EventKind::DeviceDeferred {
        device: device.clone(),
        until: *until,
        needs_connection: *needs_connection,
        reason: None,
    };
    Ok((Cow::Owned(bare), Some(id)))
}

/// The member of an event's JSON that names its device.
fn device_member(device: &DeviceId) -> Result<String, StoreError> {
    Ok(format!("\"device\":{}", to_json("id of a device", device)?))
}

/// The name of a device is longer than its row.
fn without_device(mut json: String, device: &DeviceId) -> Result<String, StoreError> {
    let member = device_member(device)?;
    // It is the first behind the type, where an event has but one.
    if let Some(comma) = json.find(',')
        && json[comma + 1..].starts_with(&member)
    {
        json.replace_range(comma..=comma + member.len(), "");
    }
    Ok(json)
}

pub(crate) fn from_row(row: &Row<'_>) -> Result<LoggedEvent, StoreError> {
    let text = row.get_ref(3)?.as_str().unwrap_or_default();
    let device: Option<String> = row.get(4)?;
    let reason: Option<String> = row.get(5)?;
    // Older versions wrote the name behind the type.
    let names_it = text
        .split_once(',')
        .is_some_and(|(_, rest)| rest.starts_with("\"device\":"));
    let mut head = String::new();
    if let Some(device) = device.filter(|_| !names_it) {
        head.push_str(&device_member(&DeviceId::new(device))?);
        head.push(',');
    }
    if let Some(reason) = reason {
        head.push_str(&format!("\"reason\":{reason},"));
    }
    let kind: EventKind = match (head.is_empty(), text.strip_prefix('{')) {
        (false, Some(rest)) => parse("event", &format!("{{{head}{rest}"))?,
        (true, _) | (false, None) => parse("event", text)?,
    };
    Ok(LoggedEvent {
        seq: Sequence(unsigned(row.get(0)?)),
        event: Event {
            at: timestamp(row.get(1)?),
            rollout: row.get::<_, Option<i64>>(2)?.map(RolloutKey),
            kind,
        },
    })
}
