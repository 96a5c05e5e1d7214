//! What policies answered, and the components and settings that did.
//!
//! - `row`: one decision as it is kept, to be read in whole or in part; `rows`: many of them.
//! - `packed`: what differs from an earlier one; `pattern`: which one that is.

mod packed;
mod pattern;
mod row;
mod rows;

use rusqlite::{Connection, OptionalExtension as _, Rows, params};
use windlass_model::{
    DecisionAnswer, DecisionRecord, PluginName, Repetition, RolloutKey, Sha256, ShadowKey,
    Timestamp,
};

use crate::{
    Store, StoreError,
    codes::{integer, millis},
    json::to_json,
    swap,
};

use packed::Parts;
pub(crate) use pattern::Patterns;
pub use row::{DecisionRow, RecordedAnswer, RecordedQuestion};
pub use rows::DecisionRows;
use rows::{Enough, decisions};

/// A decision with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDecision {
    /// Ascending in the order in which they were taken.
    pub id: i64,
    /// The decision.
    pub record: DecisionRecord,
    /// The shadow that took it; none if its policy was in force.
    pub shadow: Option<ShadowKey>,
    /// How often its policy said the same again afterwards.
    pub repeats: u64,
    /// When it did so last.
    pub repeated_at: Option<Timestamp>,
}

/// The decisions of a rollout after one.
pub(crate) const AFTER: &str =
    concat!(decisions!(""), "WHERE rollout = ?1 AND id > ?2 ORDER BY id");

/// The newest decision of a policy in force up to an instant.
pub(crate) const NEWEST: &str = concat!(
    decisions!("INDEXED BY decision_policy_time"),
    "WHERE rollout = ?1 AND policy = ?2 AND shadow IS NULL AND at <= ?3 \
     ORDER BY at DESC, id DESC LIMIT 1"
);

impl Store {
    /// At most `limit` decisions of a rollout after the one of id `after`, in order; from
    /// the first: 0.
    pub fn decisions(
        &self,
        rollout: RolloutKey,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredDecision>, StoreError> {
        let mut statement = self.connection.prepare_cached(AFTER)?;
        let found = statement.query(params![rollout.0, after])?;
        let rows = DecisionRows::read(&self.connection, found, Enough::Decisions(limit))?;
        rows.iter().map(|row| row.decision()).collect()
    }

    /// The id after which [`decisions`](Self::decisions) has the newest `count` of a rollout, or
    /// of its shadows.
    pub fn decision_before(
        &self,
        rollout: RolloutKey,
        count: usize,
        of_shadows: bool,
    ) -> Result<i64, StoreError> {
        let id = self
            .connection
            .query_row(
                "SELECT id FROM decision WHERE rollout = ?1 AND (NOT ?3 OR shadow IS NOT NULL) \
                 ORDER BY id DESC LIMIT 1 OFFSET ?2",
                params![rollout.0, integer(count as u64), of_shadows],
                |row| row.get(0),
            )
            .optional()?;
        Ok(id.unwrap_or(0))
    }

    /// The newest decision that a policy in force in a rollout took up to `until`.
    pub fn newest_decision(
        &self,
        rollout: RolloutKey,
        policy: &PluginName,
        until: Timestamp,
    ) -> Result<Option<StoredDecision>, StoreError> {
        let mut statement = self.connection.prepare_cached(NEWEST)?;
        let found = statement.query(params![rollout.0, policy.as_str(), millis(until)])?;
        one(&self.connection, found)
    }

    /// Keeps a component's bytes, so that its decisions can be replayed.
    pub fn put_component(&mut self, digest: &Sha256, bytes: &[u8]) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO component (digest, bytes) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![digest.0.as_slice(), bytes],
        )?;
        Ok(())
    }

    /// The bytes of a component, if they are kept.
    pub fn component(&self, digest: &Sha256) -> Result<Option<Vec<u8>>, StoreError> {
        let bytes = self
            .connection
            .query_row(
                "SELECT bytes FROM component WHERE digest = ?1",
                [digest.0.as_slice()],
                |row| row.get(0),
            )
            .optional()?;
        Ok(bytes)
    }

    /// Keeps a policy's settings as canonical JSON, so that its decisions can be replayed.
    pub fn put_settings(&mut self, digest: &Sha256, json: &str) -> Result<(), StoreError> {
        self.connection.execute(
            "INSERT INTO settings (digest, json) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            params![digest.0.as_slice(), json],
        )?;
        Ok(())
    }

    /// The settings of a digest, if they are kept.
    pub fn settings(&self, digest: &Sha256) -> Result<Option<String>, StoreError> {
        let json = self
            .connection
            .query_row(
                "SELECT json FROM settings WHERE digest = ?1",
                [digest.0.as_slice()],
                |row| row.get(0),
            )
            .optional()?;
        Ok(json)
    }
}

/// Memos are kept as bytes beside the JSON, which would write each byte as a number.
pub(crate) fn append(
    connection: &Connection,
    patterns: &mut Patterns,
    rollout: RolloutKey,
    shadow: Option<ShadowKey>,
    record: &DecisionRecord,
) -> Result<(), StoreError> {
    let mut record = record.clone();
    let memo_before = std::mem::take(&mut record.memo_before);
    let memo = match &mut record.answer {
        DecisionAnswer::Decided(decision) => std::mem::take(&mut decision.memo),
        DecisionAnswer::Failed(_) => Vec::new(),
    };
    let json = to_json("decision", &record)?;
    let plain = Parts {
        record: json.as_bytes(),
        memo_before: &memo_before,
        memo: &memo,
    };
    let joined = plain.joined();
    // What is packed is not kept twice.
    let kept = match &joined {
        Some(_) => Parts::default(),
        None => plain,
    };
    connection
        .prepare_cached(
            "INSERT INTO decision (rollout, policy, component, at, record, memo_before, memo, \
             shadow) VALUES (?1, ?2, ?3, ?4, CAST(?5 AS TEXT), ?6, ?7, ?8)",
        )?
        .execute(params![
            rollout.0,
            record.policy.as_str(),
            record.component.0.as_slice(),
            millis(record.at),
            kept.record,
            kept.memo_before,
            kept.memo,
            shadow.map(|shadow| shadow.0),
        ])?;
    match joined {
        Some(joined) => {
            let id = connection.last_insert_rowid();
            patterns.pack(connection, id, rollout, &record.policy, joined)
        }
        None => Ok(()),
    }
}

/// Counts answers that said what the policy's newest decision says.
pub(crate) fn repeat(
    connection: &Connection,
    rollout: RolloutKey,
    repetition: &Repetition,
) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "UPDATE decision SET repeats = repeats + ?3, repeated_at = ?4 WHERE id = \
             (SELECT max(id) FROM decision \
             WHERE rollout = ?1 AND policy = ?2 AND shadow IS NULL)",
        )?
        .execute(params![
            rollout.0,
            repetition.policy.as_str(),
            integer(repetition.times),
            millis(repetition.last),
        ])?;
    Ok(())
}

/// The newest decision of a policy in force in a rollout; 0 if there is none.
pub(crate) fn newest_id(connection: &Connection, rollout: RolloutKey) -> Result<i64, StoreError> {
    let id = connection.query_row(
        "SELECT coalesce(max(id), 0) FROM decision WHERE rollout = ?1 AND shadow IS NULL",
        [rollout.0],
        |row| row.get(0),
    )?;
    Ok(id)
}

/// What a policy begins its next decision with: the memo of its newest, or of a swap since.
pub(crate) fn memo(
    connection: &Connection,
    rollout: RolloutKey,
    policy: &PluginName,
) -> Result<Vec<u8>, StoreError> {
    Ok(match standing(connection, rollout, policy)? {
        Standing::Decided(record) => match record.answer {
            DecisionAnswer::Decided(decision) => decision.memo,
            DecisionAnswer::Failed(_) => record.memo_before,
        },
        Standing::Given(memo) => memo,
        Standing::New => Vec::new(),
    })
}

/// How far a policy is in a rollout.
pub(crate) enum Standing {
    /// It has decided, this last.
    Decided(Box<DecisionRecord>),
    /// It was swapped in with this memo, and has not decided since.
    Given(Vec<u8>),
    /// It was never asked.
    New,
}

pub(crate) fn standing(
    connection: &Connection,
    rollout: RolloutKey,
    policy: &PluginName,
) -> Result<Standing, StoreError> {
    let given = swap::inherited(connection, rollout, policy)?;
    let after = given.as_ref().map_or(0, |(after, _)| *after);
    let newest = newest(connection, rollout, policy, after)?;
    Ok(match (newest, given) {
        (Some(record), _) => Standing::Decided(Box::new(record)),
        (None, Some((_, memo))) => Standing::Given(memo),
        (None, None) => Standing::New,
    })
}

/// The newest decision of one policy after the one of id `after`.
fn newest(
    connection: &Connection,
    rollout: RolloutKey,
    policy: &PluginName,
    after: i64,
) -> Result<Option<DecisionRecord>, StoreError> {
    let mut statement = connection.prepare_cached(concat!(
        decisions!(""),
        "WHERE rollout = ?1 AND policy = ?2 AND shadow IS NULL AND id > ?3 \
         ORDER BY id DESC LIMIT 1"
    ))?;
    let found = statement.query(params![rollout.0, policy.as_str(), after])?;
    Ok(one(connection, found)?.map(|stored| stored.record))
}

/// The newest decision of a shadow.
pub(crate) fn newest_of_shadow(
    connection: &Connection,
    shadow: ShadowKey,
) -> Result<Option<DecisionRecord>, StoreError> {
    let mut statement = connection.prepare_cached(concat!(
        decisions!(""),
        "WHERE shadow = ?1 ORDER BY id DESC LIMIT 1"
    ))?;
    let found = statement.query([shadow.0])?;
    Ok(one(connection, found)?.map(|stored| stored.record))
}

/// The first that was found.
fn one(connection: &Connection, found: Rows<'_>) -> Result<Option<StoredDecision>, StoreError> {
    let rows = DecisionRows::read(connection, found, Enough::Decisions(1))?;
    rows.last().map(|row| row.decision()).transpose()
}
