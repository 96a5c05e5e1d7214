//! What decisions are packed with.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};
use windlass_model::{PluginName, RolloutKey};

use super::packed;
use crate::StoreError;

/// The patterns of policies that have decided since the state file was opened. Whoever opens it
/// begins with none, and so the writer never reads one.
///
/// They are only true of what is committed: a transaction takes them, and gives them back once
/// it is.
#[derive(Debug, Default)]
pub(crate) struct Patterns(BTreeMap<(RolloutKey, PluginName), Pattern>);

/// What the next decisions of a policy are packed with.
#[derive(Debug)]
struct Pattern {
    id: i64,
    bytes: Vec<u8>,
    /// Of the decision that took the fewest bytes, but for the pattern itself.
    fewest: usize,
    /// Bytes that the others took beyond that.
    lost: usize,
}

impl Patterns {
    /// Packs what a policy's next decision says, in one piece. It becomes the pattern if there
    /// is none, or if the one that there is has cost as many bytes as it takes: then patterns
    /// take no more than what is packed with them, however little decisions are alike.
    pub(super) fn pack(
        &mut self,
        connection: &Connection,
        decision: i64,
        rollout: RolloutKey,
        policy: &PluginName,
        joined: Vec<u8>,
    ) -> Result<(), StoreError> {
        let key = (rollout, policy.clone());
        if let Some(pattern) = self.0.get_mut(&key) {
            let bytes = packed::pack(&joined, &pattern.bytes);
            pattern.fewest = pattern.fewest.min(bytes.len());
            pattern.lost += bytes.len() - pattern.fewest;
            if pattern.lost <= joined.len() {
                return keep(connection, decision, pattern.id, &bytes);
            }
        }
        connection
            .prepare_cached(
                "INSERT INTO pattern (id, rollout, policy, bytes) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![decision, rollout.0, policy.as_str(), joined])?;
        keep(
            connection,
            decision,
            decision,
            &packed::pack(&joined, &joined),
        )?;
        let pattern = Pattern {
            id: decision,
            bytes: joined,
            fewest: usize::MAX,
            lost: 0,
        };
        self.0.insert(key, pattern);
        Ok(())
    }

    /// Of a rollout that is over.
    pub(crate) fn forget(&mut self, rollout: RolloutKey) {
        self.0.retain(|(of, _), _| *of != rollout);
    }
}

fn keep(
    connection: &Connection,
    decision: i64,
    pattern: i64,
    bytes: &[u8],
) -> Result<(), StoreError> {
    connection
        .prepare_cached("INSERT INTO packed (decision, pattern, bytes) VALUES (?1, ?2, ?3)")?
        .execute(params![decision, pattern, bytes])?;
    Ok(())
}

/// The bytes of a pattern, if it is kept.
pub(super) fn read(connection: &Connection, id: i64) -> Result<Option<Vec<u8>>, StoreError> {
    let bytes = connection
        .prepare_cached("SELECT bytes FROM pattern WHERE id = ?1")?
        .query_row([id], |row| row.get(0))
        .optional()?;
    Ok(bytes)
}
