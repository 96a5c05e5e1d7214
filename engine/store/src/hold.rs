//! People's orders that keep devices out of rollouts, or on a version.

use rusqlite::{Row, params};
use windlass_model::{DeviceId, EventKind, GroupField, Hold, HoldKind, HoldSubject, Timestamp};

use crate::{
    Store, StoreError,
    codes::{millis, timestamp},
};

const DEVICE: i64 = 0;
const LOCATION: i64 = 1;
const KIND: i64 = 2;
const ATTRIBUTE: i64 = 3;

impl Store {
    /// The holds in force at `now`, ordered by subject.
    pub fn holds(&self, now: Timestamp) -> Result<Vec<Hold>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT subject, attribute, value, pinned, until, actor, reason, at FROM hold \
             WHERE until IS NULL OR until > ?1 ORDER BY subject, attribute, value",
        )?;
        let mut rows = statement.query([millis(now)])?;
        let mut holds = Vec::new();
        while let Some(row) = rows.next()? {
            holds.push(from_row(row)?);
        }
        Ok(holds)
    }

    /// Places a hold in place of the one that its subject may have, and logs it. A device
    /// need not be in the registry yet.
    pub fn place_hold(&mut self, hold: &Hold) -> Result<(), StoreError> {
        let (subject, attribute, value) = columns(&hold.subject);
        let pinned = match &hold.kind {
            HoldKind::Hold => None,
            HoldKind::Pin(version) => Some(version),
        };
        self.write(|connection, log| {
            connection.execute(
                "INSERT OR REPLACE INTO hold \
                 (subject, attribute, value, pinned, until, actor, reason, at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                params![
                    subject,
                    attribute,
                    value,
                    pinned,
                    hold.until.map(millis),
                    hold.actor,
                    hold.reason,
                    millis(hold.at),
                ],
            )?;
            log.append(hold.at, None, EventKind::HoldPlaced { hold: hold.clone() })
        })
    }

    /// Lifts the hold of a subject and logs it; returns whether there was one, lapsed or
    /// not.
    pub fn lift_hold(
        &mut self,
        subject: &HoldSubject,
        actor: &str,
        reason: &str,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let (code, attribute, value) = columns(subject);
        self.write(|connection, log| {
            let lifted = connection.execute(
                "DELETE FROM hold WHERE subject = ?1 AND attribute = ?2 AND value = ?3",
                params![code, attribute, value],
            )?;
            if lifted == 0 {
                return Ok(false);
            }
            let kind = EventKind::HoldLifted {
                subject: subject.clone(),
                actor: actor.to_owned(),
                reason: reason.to_owned(),
            };
            log.append(at, None, kind)?;
            Ok(true)
        })
    }
}

fn columns(subject: &HoldSubject) -> (i64, &str, &str) {
    match subject {
        HoldSubject::Device(id) => (DEVICE, "", id.as_str()),
        HoldSubject::Group { field, value } => match field {
            GroupField::Location => (LOCATION, "", value),
            GroupField::Kind => (KIND, "", value),
            GroupField::Attribute(name) => (ATTRIBUTE, name, value),
        },
    }
}

fn from_row(row: &Row<'_>) -> Result<Hold, StoreError> {
    let value: String = row.get(2)?;
    let group = |field, value| HoldSubject::Group { field, value };
    let subject = match row.get(0)? {
        DEVICE => HoldSubject::Device(DeviceId::new(value)),
        LOCATION => group(GroupField::Location, value),
        KIND => group(GroupField::Kind, value),
        ATTRIBUTE => group(GroupField::Attribute(row.get(1)?), value),
        _ => {
            return Err(StoreError::Unreadable {
                what: "subject of a hold",
                source: None,
            });
        }
    };
    let pinned: Option<String> = row.get(3)?;
    Ok(Hold {
        subject,
        kind: pinned.map_or(HoldKind::Hold, HoldKind::Pin),
        until: row.get::<_, Option<i64>>(4)?.map(timestamp),
        actor: row.get(5)?,
        reason: row.get(6)?,
        at: timestamp(row.get(7)?),
    })
}
