//! Tags and short scalar attributes, as the rows of an inverted index.

use std::collections::{BTreeSet, HashMap};

use rusqlite::{Connection, OptionalExtension as _, params, types};
use windlass_model::{Device, Value};

use crate::StoreError;

/// Longer names and texts are not indexed: nobody compares them for equality, and each
/// would be a row of its own.
const LONGEST_INDEXED: usize = 128;

/// Ids remembered during an import; above it those of unique values would only take memory.
const REMEMBERED_LABELS: usize = 65_536;

/// A tag's name in the index; an attribute cannot have it.
const TAG: &str = "";

/// A name and value that the index can hold.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Label<'a> {
    name: &'a str,
    value: types::Value,
}

impl<'a> Label<'a> {
    /// None if it is too long to be indexed.
    pub(super) fn tag(tag: &'a str) -> Option<Self> {
        Some(Self {
            name: TAG,
            value: text(tag)?,
        })
    }

    /// None if it is too long or no scalar.
    pub(super) fn attribute(name: &'a str, value: &Value) -> Option<Self> {
        if name == TAG || name.len() > LONGEST_INDEXED {
            return None;
        }
        let value = match value {
            Value::Boolean(value) => types::Value::Blob(vec![u8::from(*value)]),
            Value::Integer(value) => types::Value::Integer(*value),
            Value::Real(value) => types::Value::Real(*value),
            Value::Text(value) => text(value)?,
            Value::Json(_) => return None,
        };
        Some(Self { name, value })
    }

    /// Its row, if any device ever had it.
    pub(super) fn find(&self, connection: &Connection) -> Result<Option<i64>, StoreError> {
        Ok(connection
            .prepare_cached("SELECT id FROM label WHERE name = ?1 AND value = ?2")?
            .query_row(params![self.name, self.value], |row| row.get(0))
            .optional()?)
    }

    fn find_or_insert(&self, connection: &Connection) -> Result<i64, StoreError> {
        if let Some(id) = self.find(connection)? {
            return Ok(id);
        }
        connection
            .prepare_cached("INSERT INTO label (name, value) VALUES (?1, ?2)")?
            .execute(params![self.name, self.value])?;
        Ok(connection.last_insert_rowid())
    }

    /// Equal for equal labels, and for no others.
    fn cache_key(&self) -> Vec<u8> {
        let (kind, bytes): (u8, &[u8]) = match &self.value {
            types::Value::Null => (0, &[]),
            types::Value::Integer(value) => (1, &value.to_ne_bytes()),
            types::Value::Real(value) => (2, &value.to_ne_bytes()),
            types::Value::Text(value) => (3, value.as_bytes()),
            types::Value::Blob(value) => (4, value),
        };
        // No name or text holds the byte 0xFF, which UTF-8 never uses.
        [self.name.as_bytes(), &[0xFF, kind], bytes].concat()
    }
}

fn text(text: &str) -> Option<types::Value> {
    (text.len() <= LONGEST_INDEXED).then(|| types::Value::Text(text.to_owned()))
}

/// Finds and makes labels, and remembers those that it saw.
#[derive(Default)]
pub(super) struct Labels {
    ids: HashMap<Vec<u8>, i64>,
}

impl Labels {
    /// Makes the index say of the device `key` what `device` has; `before` is what it
    /// says now.
    pub(super) fn replace(
        &mut self,
        connection: &Connection,
        key: i64,
        before: Option<&Device>,
        device: &Device,
    ) -> Result<(), StoreError> {
        let old = match before {
            Some(before) if same_labels(before, device) => return Ok(()),
            Some(before) => self.of(connection, before)?,
            None => BTreeSet::new(),
        };
        let new = self.of(connection, device)?;
        let mut remove = connection
            .prepare_cached("DELETE FROM device_label WHERE label = ?1 AND device = ?2")?;
        for label in old.difference(&new) {
            remove.execute([*label, key])?;
        }
        let mut insert = connection
            .prepare_cached("INSERT INTO device_label (label, device) VALUES (?1, ?2)")?;
        for label in new.difference(&old) {
            insert.execute([*label, key])?;
        }
        Ok(())
    }

    fn of(
        &mut self,
        connection: &Connection,
        device: &Device,
    ) -> Result<BTreeSet<i64>, StoreError> {
        let tags = device.tags.iter().filter_map(|tag| Label::tag(tag));
        let attributes = device
            .attributes
            .iter()
            .filter_map(|(name, value)| Label::attribute(name, value));
        tags.chain(attributes)
            .map(|label| self.id(connection, &label))
            .collect()
    }

    fn id(&mut self, connection: &Connection, label: &Label<'_>) -> Result<i64, StoreError> {
        let key = label.cache_key();
        if let Some(id) = self.ids.get(&key) {
            return Ok(*id);
        }
        let id = label.find_or_insert(connection)?;
        if self.ids.len() < REMEMBERED_LABELS {
            self.ids.insert(key, id);
        }
        Ok(id)
    }
}

fn same_labels(a: &Device, b: &Device) -> bool {
    a.tags == b.tags && a.attributes == b.attributes
}
