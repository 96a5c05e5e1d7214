//! A filter's hint as SQL. What limits a page is part of the query, never applied to its
//! result (pitfalls GO-D18: pages came out short).

use rusqlite::{Connection, types};
use windlass_model::{Condition, Connectivity, DeviceKey, IndexedField, Relation, Value};

use super::{DEVICE_COLUMNS, labels::Label};
use crate::{
    StoreError,
    codes::{Code as _, integer},
};

#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) sql: String,
    pub(crate) parameters: Vec<types::Value>,
}

/// One condition as the index sees it: a column of `device`, or labels.
enum Term {
    Column(&'static str, Vec<types::Value>),
    Labels(Vec<i64>),
}

/// None if no device can fulfil the conditions.
pub(crate) fn query(
    connection: &Connection,
    after: Option<DeviceKey>,
    limit: usize,
    narrow: &[Condition],
) -> Result<Option<Query>, StoreError> {
    let mut terms = Vec::new();
    for condition in narrow {
        match term(connection, condition)? {
            Some(Term::Column(_, values)) if values.is_empty() => return Ok(None),
            Some(Term::Labels(labels)) if labels.is_empty() => return Ok(None),
            Some(term) => terms.push(term),
            None => {}
        }
    }
    let after = types::Value::Integer(after.map_or(0, |key| key.0));
    let mut parameters = Vec::new();
    let mut sql = format!("SELECT {DEVICE_COLUMNS} FROM ");
    let key = match leading_label(&mut terms) {
        // The devices of one label lie in the order of the page.
        Some(label) => {
            sql += "device_label AS l CROSS JOIN device AS d ON d.key = l.device WHERE l.label = ?";
            parameters.push(types::Value::Integer(label));
            "l.device"
        }
        None => {
            sql += "device AS d WHERE true";
            "d.key"
        }
    };
    sql += &format!(" AND {key} > ? AND d.listed");
    parameters.push(after);
    for term in terms {
        match term {
            Term::Column(column, values) => {
                sql += &format!(" AND d.{column} {}", one_of(values.len()));
                parameters.extend(values);
            }
            Term::Labels(labels) => {
                sql += &format!(
                    " AND EXISTS (SELECT 1 FROM device_label WHERE label {} AND device = {key})",
                    one_of(labels.len())
                );
                parameters.extend(labels.into_iter().map(types::Value::Integer));
            }
        }
    }
    sql += &format!(" ORDER BY {key} LIMIT ?");
    parameters.push(types::Value::Integer(integer(limit as u64)));
    Ok(Some(Query { sql, parameters }))
}

/// Takes out the label to walk along, unless an id says it all.
fn leading_label(terms: &mut Vec<Term>) -> Option<i64> {
    if terms
        .iter()
        .any(|term| matches!(term, Term::Column("id", _)))
    {
        return None;
    }
    let (position, label) = terms
        .iter()
        .enumerate()
        .find_map(|(position, term)| match term {
            Term::Labels(labels) => match labels.as_slice() {
                [label] => Some((position, *label)),
                _ => None,
            },
            Term::Column(..) => None,
        })?;
    terms.remove(position);
    Some(label)
}

fn one_of(count: usize) -> String {
    match count {
        1 => "= ?".to_owned(),
        _ => format!("IN (?{})", ", ?".repeat(count.saturating_sub(1))),
    }
}

/// None if the index cannot answer.
fn term(connection: &Connection, condition: &Condition) -> Result<Option<Term>, StoreError> {
    let values = match &condition.relation {
        Relation::Equals(value) => std::slice::from_ref(value),
        Relation::OneOf(values) => values,
    };
    let column = |name| Ok(Some(Term::Column(name, texts(values))));
    match &condition.field {
        IndexedField::Id => column("id"),
        IndexedField::Kind => column("kind"),
        IndexedField::Version => column("version"),
        IndexedField::Location => column("location"),
        IndexedField::Status => Ok(Some(Term::Column("status", statuses(values)))),
        IndexedField::Tag => {
            let tags = values.iter().filter_map(|value| match value {
                Value::Text(tag) => Some(Label::tag(tag)),
                // A tag is a text: nothing else equals one.
                Value::Boolean(_) | Value::Integer(_) | Value::Real(_) | Value::Json(_) => None,
            });
            labels(connection, tags)
        }
        IndexedField::Attribute(name) => labels(
            connection,
            values.iter().map(|value| Label::attribute(name, value)),
        ),
    }
}

/// The rows of labels; none if one of them cannot be in the index.
fn labels<'a>(
    connection: &Connection,
    labels: impl Iterator<Item = Option<Label<'a>>>,
) -> Result<Option<Term>, StoreError> {
    let mut ids = Vec::new();
    for label in labels {
        let Some(label) = label else {
            return Ok(None);
        };
        ids.extend(label.find(connection)?);
    }
    Ok(Some(Term::Labels(ids)))
}

/// These columns hold texts: nothing else equals one.
fn texts(values: &[Value]) -> Vec<types::Value> {
    values
        .iter()
        .filter_map(|value| match value {
            Value::Text(text) => Some(types::Value::Text(text.clone())),
            Value::Boolean(_) | Value::Integer(_) | Value::Real(_) | Value::Json(_) => None,
        })
        .collect()
}

fn statuses(values: &[Value]) -> Vec<types::Value> {
    let code = |text: &str| match text {
        "online" => Some(Connectivity::Online),
        "offline" => Some(Connectivity::Offline),
        "unknown" => Some(Connectivity::Unknown),
        _ => None,
    };
    values
        .iter()
        .filter_map(|value| match value {
            Value::Text(text) => Some(types::Value::Integer(code(text)?.code())),
            Value::Boolean(_) | Value::Integer(_) | Value::Real(_) | Value::Json(_) => None,
        })
        .collect()
}
