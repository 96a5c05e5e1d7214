//! Members of a group that are out of service, as far as is stored.

use rusqlite::types;
use windlass_model::{DeviceKey, GroupField, RolloutKey, Value};

use super::{
    DEVICE_COLUMN_COUNT, DEVICE_COLUMNS, decommissioned::IN_SERVICE, labels::Label, stored_device,
};
use crate::{Store, StoreError};

/// Whether a device is known to be offline, or failed and was neither seen online nor
/// updated since.
const DOWN: &str = "(d.status = 1 OR EXISTS \
     (SELECT 1 FROM assignment AS f INDEXED BY assignment_failed \
      WHERE f.device = d.key AND f.state IN (10, 15) \
      AND NOT (d.status = 0 AND d.status_at > coalesce(f.last_failure_at, 0)) \
      AND NOT EXISTS (SELECT 1 FROM assignment AS s CROSS JOIN attempt AS t \
       ON t.assignment = s.id WHERE s.device = f.device AND s.state = 9 \
       AND t.settled_at > coalesce(f.last_failure_at, 0))))";

/// The rollout whose attempt at a device is not settled; there is one at most.
const BUSY_WITH: &str = "(SELECT a.rollout FROM attempt AS u CROSS JOIN assignment AS a \
     ON a.id = u.assignment WHERE u.device = d.key AND u.settled_at IS NULL)";

/// A label that members of a group have.
pub(super) struct GroupLabel {
    pub(super) id: i64,
    /// Whether no other device has it: 3 and 3.0 have one label, and only the first makes a
    /// group.
    pub(super) exact: bool,
}

/// Where the members of a group are found.
pub(super) enum Members {
    /// By an index over this column of `device`.
    Column(&'static str, String),
    /// By these labels: of a text, and of the number or boolean that reads like it.
    Labels(Vec<GroupLabel>),
    /// By looking at every device: the index of labels does not hold the value.
    Anywhere,
}

impl Store {
    /// The devices of each group that are out of service: offline, with an attempt that is
    /// not settled, or failed or dead-lettered in a rollout without having been seen online
    /// or updated since. Attempts of the rollouts in `driven` do not count: whoever drives
    /// those knows better. Devices that were decommissioned are in no group; those that the
    /// latest import did not list are. In the order of `groups`, each in the order of the
    /// devices' rows.
    pub fn down(
        &self,
        groups: &[(GroupField, String)],
        driven: &[RolloutKey],
    ) -> Result<Vec<Vec<DeviceKey>>, StoreError> {
        groups
            .iter()
            .map(|(field, value)| self.down_in(field, value, driven))
            .collect()
    }

    fn down_in(
        &self,
        field: &GroupField,
        value: &str,
        driven: &[RolloutKey],
    ) -> Result<Vec<DeviceKey>, StoreError> {
        let (sources, parameters) = match self.members(field, value)? {
            Members::Column(column, value) => {
                (vec![by_column(column)], vec![types::Value::Text(value)])
            }
            Members::Labels(labels) => (
                vec![by_label(); labels.len()],
                labels
                    .into_iter()
                    .map(|label| types::Value::Integer(label.id))
                    .collect(),
            ),
            Members::Anywhere => (vec![anywhere()], vec![types::Value::Null]),
        };
        let mut down = Vec::new();
        for (sql, parameter) in sources.iter().zip(parameters) {
            let mut statement = self.connection.prepare_cached(sql)?;
            let mut rows = statement.query([parameter])?;
            while let Some(row) = rows.next()? {
                let busy_with: Option<i64> = row.get(DEVICE_COLUMN_COUNT + 1)?;
                let busy = busy_with.is_some_and(|rollout| !driven.contains(&RolloutKey(rollout)));
                if !busy && !row.get::<_, bool>(DEVICE_COLUMN_COUNT)? {
                    continue;
                }
                let stored = stored_device(row, 0)?;
                if field.of(&stored.device).as_deref() == Some(value) {
                    down.push(stored.key);
                }
            }
        }
        down.sort_unstable();
        Ok(down)
    }

    pub(super) fn members(&self, field: &GroupField, value: &str) -> Result<Members, StoreError> {
        let name = match field {
            GroupField::Location => return Ok(Members::Column("location", value.to_owned())),
            GroupField::Kind => return Ok(Members::Column("kind", value.to_owned())),
            GroupField::Attribute(name) => name,
        };
        let mut labels = Vec::new();
        for value in readings(value) {
            let Some(label) = Label::attribute(name, &value) else {
                return Ok(Members::Anywhere);
            };
            let exact = !matches!(value, Value::Integer(_));
            let id = label.find(&self.connection)?;
            labels.extend(id.map(|id| GroupLabel { id, exact }));
        }
        Ok(Members::Labels(labels))
    }
}

/// The attribute values that [`GroupField::of`] writes as this text.
fn readings(text: &str) -> Vec<Value> {
    let integer = text.parse().map(Value::Integer);
    let boolean = text.parse().map(Value::Boolean);
    let text = Value::Text(text.to_owned());
    [Some(text), integer.ok(), boolean.ok()]
        .into_iter()
        .flatten()
        .collect()
}

pub(crate) fn by_column(column: &str) -> String {
    members("device AS d", &format!("d.{column} = ?1"))
}

pub(crate) fn by_label() -> String {
    let labelled = "device_label AS l CROSS JOIN device AS d ON d.key = l.device";
    members(labelled, "l.label = ?1")
}

fn anywhere() -> String {
    members("device AS d", "?1 IS NULL")
}

fn members(tables: &str, which: &str) -> String {
    format!(
        "SELECT {DEVICE_COLUMNS}, {DOWN}, {BUSY_WITH} FROM {tables} \
         WHERE {which} AND {IN_SERVICE}"
    )
}
