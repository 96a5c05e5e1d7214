//! What policies answered, and the components and settings that did.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use windlass_model::{DecisionAnswer, DecisionRecord, PluginName, RolloutKey, Sha256, Timestamp};

use crate::{
    Store, StoreError,
    codes::{integer, millis},
    json::{parse, to_json},
};

/// A decision with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredDecision {
    /// Ascending in the order in which they were taken.
    pub id: i64,
    /// The decision.
    pub record: DecisionRecord,
}

impl Store {
    /// At most `limit` decisions of a rollout after the one of id `after`, in order; from
    /// the first: 0.
    pub fn decisions(
        &self,
        rollout: RolloutKey,
        after: i64,
        limit: usize,
    ) -> Result<Vec<StoredDecision>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, record, memo_before, memo FROM decision \
             WHERE rollout = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
        )?;
        let mut rows = statement.query(params![rollout.0, after, integer(limit as u64)])?;
        let mut decisions = Vec::new();
        while let Some(row) = rows.next()? {
            decisions.push(from_row(row)?);
        }
        Ok(decisions)
    }

    /// The id after which [`decisions`](Self::decisions) has the newest `count` of a rollout.
    pub fn decision_before(&self, rollout: RolloutKey, count: usize) -> Result<i64, StoreError> {
        let id = self
            .connection
            .query_row(
                "SELECT id FROM decision WHERE rollout = ?1 ORDER BY id DESC LIMIT 1 OFFSET ?2",
                params![rollout.0, integer(count as u64)],
                |row| row.get(0),
            )
            .optional()?;
        Ok(id.unwrap_or(0))
    }

    /// The newest decision that a policy of a rollout took up to `until`.
    pub fn newest_decision(
        &self,
        rollout: RolloutKey,
        policy: &PluginName,
        until: Timestamp,
    ) -> Result<Option<StoredDecision>, StoreError> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, record, memo_before, memo FROM decision INDEXED BY decision_policy \
             WHERE rollout = ?1 AND policy = ?2 AND at <= ?3 ORDER BY id DESC LIMIT 1",
        )?;
        let mut rows = statement.query(params![rollout.0, policy.as_str(), millis(until)])?;
        rows.next()?.map(from_row).transpose()
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
    rollout: RolloutKey,
    record: &DecisionRecord,
) -> Result<(), StoreError> {
    let mut record = record.clone();
    let memo_before = std::mem::take(&mut record.memo_before);
    let memo = match &mut record.answer {
        DecisionAnswer::Decided(decision) => std::mem::take(&mut decision.memo),
        DecisionAnswer::Failed(_) => Vec::new(),
    };
    connection
        .prepare_cached(
            "INSERT INTO decision (rollout, policy, component, at, record, memo_before, memo) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            rollout.0,
            record.policy.as_str(),
            record.component.0.as_slice(),
            millis(record.at),
            to_json("decision", &record)?,
            memo_before,
            memo,
        ])?;
    Ok(())
}

/// The newest decision of one policy.
pub(crate) fn newest(
    connection: &Connection,
    rollout: RolloutKey,
    policy: &PluginName,
) -> Result<Option<DecisionRecord>, StoreError> {
    let mut statement = connection.prepare_cached(
        "SELECT id, record, memo_before, memo FROM decision \
         WHERE rollout = ?1 AND policy = ?2 ORDER BY id DESC LIMIT 1",
    )?;
    let mut rows = statement.query(params![rollout.0, policy.as_str()])?;
    match rows.next()? {
        Some(row) => Ok(Some(from_row(row)?.record)),
        None => Ok(None),
    }
}

fn from_row(row: &Row<'_>) -> Result<StoredDecision, StoreError> {
    let text: String = row.get(1)?;
    let mut record: DecisionRecord = parse("decision", &text)?;
    record.memo_before = row.get(2)?;
    if let DecisionAnswer::Decided(decision) = &mut record.answer {
        decision.memo = row.get(3)?;
    }
    Ok(StoredDecision {
        id: row.get(0)?,
        record,
    })
}
