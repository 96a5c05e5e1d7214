//! Why devices are put off: each reason is kept once, whomever it keeps back.

use rusqlite::{Connection, OptionalExtension as _, params};
use windlass_model::{Reason, Value};

use crate::{StoreError, json::to_json};

/// Longest JSON of a reason that is kept. Reasons that differ from device to device take their
/// room once a device, and all that is kept of a device in a rollout should stay within 512
/// bytes.
const MAX_BYTES: usize = 256;

/// What of a sentence is kept whatever else gives way.
const MIN_TEXT_BYTES: usize = 64;

/// What stands for the end of a sentence that was cut.
const ELLIPSIS: char = '…';

/// The row of a reason; it is made if there is none yet.
pub(crate) fn intern(connection: &Connection, reason: &Reason) -> Result<i64, StoreError> {
    let json = fitted(reason)?;
    let hash = hash(&json);
    let known = connection
        .prepare_cached("SELECT id FROM reason WHERE hash = ?1 AND json = ?2")?
        .query_row(params![hash, json], |row| row.get(0))
        .optional()?;
    if let Some(id) = known {
        return Ok(id);
    }
    connection
        .prepare_cached("INSERT INTO reason (hash, json) VALUES (?1, ?2)")?
        .execute(params![hash, json])?;
    Ok(connection.last_insert_rowid())
}

/// Its JSON, with the end of its text and the longest of its parameters left out until it is
/// short enough.
fn fitted(reason: &Reason) -> Result<String, StoreError> {
    let json = |reason: &Reason| to_json("reason", reason);
    let whole = json(reason)?;
    if whole.len() <= MAX_BYTES {
        return Ok(whole);
    }
    let mut short = reason.clone();
    shorten(&mut short.text, whole.len() - MAX_BYTES, MIN_TEXT_BYTES);
    loop {
        let text = json(&short)?;
        if text.len() <= MAX_BYTES {
            return Ok(text);
        }
        let size =
            |value: &Value| to_json("parameter of a reason", value).map_or(0, |json| json.len());
        let longest = short
            .parameters
            .iter()
            .max_by_key(|(name, value)| name.len() + size(value))
            .map(|(name, _)| name.clone());
        let over = text.len() - MAX_BYTES;
        match longest {
            Some(name) => drop(short.parameters.remove(&name)),
            None if !short.text.is_empty() => shorten(&mut short.text, over, 0),
            None if !short.code.is_empty() => shorten(&mut short.code, over, 0),
            None => return Ok(text),
        }
    }
}

/// Takes at least `over` bytes from the end, as far as more than `least` are left.
fn shorten(text: &mut String, over: usize, least: usize) {
    let wanted = text
        .len()
        .saturating_sub(over + ELLIPSIS.len_utf8())
        .max(least);
    if wanted < text.len() {
        text.truncate(text.floor_char_boundary(wanted));
        if wanted > 0 {
            text.push(ELLIPSIS);
        }
    }
}

/// FNV-1a: what is on disk must mean the same to every build.
fn hash(text: &str) -> i64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let hash = text.bytes().fold(OFFSET, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(PRIME)
    });
    hash.cast_signed()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn kept(text: &str, code: &str, parameter: &str) -> Reason {
        let reason = Reason {
            code: code.to_owned(),
            cohort: None,
            parameters: BTreeMap::from([
                ("cause".to_owned(), Value::Text(parameter.to_owned())),
                ("until".to_owned(), Value::Integer(1_790_000_000_000)),
            ]),
            text: text.to_owned(),
        };
        let json = fitted(&reason).expect("a reason is JSON");
        assert!(json.len() <= MAX_BYTES, "{json}");
        serde_json::from_str(&json).expect("it is a reason")
    }

    /// Design §6: whatever a policy or a person writes, what is kept of it is bounded, and is
    /// a reason still.
    #[test]
    fn a_long_reason_gives_way_where_it_costs_least() {
        let whole = kept("on hold by ann: in repair", "hold", "in repair");
        assert_eq!(whole.text, "on hold by ann: in repair");
        assert_eq!(whole.parameters.len(), 2);

        let cut = kept(&"ä".repeat(300), "hold", "in repair");
        assert!(cut.text.ends_with('…') && cut.text.len() > MIN_TEXT_BYTES);
        assert_eq!(cut.parameters.len(), 2);

        let cause = kept(&"x".repeat(300), "hold", &"y".repeat(300));
        assert_eq!(cause.parameters.keys().collect::<Vec<_>>(), ["until"]);

        let escaped = kept(&"\u{1}".repeat(300), &"\u{1}".repeat(300), "");
        assert!(escaped.text.len() < MIN_TEXT_BYTES);
    }
}
