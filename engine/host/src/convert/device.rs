use std::collections::{BTreeMap, BTreeSet};

use windlass_model::{Connectivity, Device, JsonText, Value};

use super::cut;
use crate::bindings::types::{self, DeviceFields};

/// The device fields that a plugin wants.
#[derive(Clone, Debug)]
pub(crate) struct Projection {
    fields: DeviceFields,
    attributes: BTreeSet<String>,
}

impl Projection {
    fn wants(&self, field: DeviceFields) -> bool {
        self.fields.contains(field)
    }
}

impl From<types::Projection> for Projection {
    fn from(said: types::Projection) -> Self {
        Self {
            fields: said.fields,
            attributes: said.attributes.into_iter().collect(),
        }
    }
}

/// `device` as a plugin with this projection sees it.
pub(crate) fn device_record(device: &Device, projection: &Projection) -> types::Device {
    let wants = |field| projection.wants(field);
    let text = |field, text: &str| {
        if wants(field) {
            text.to_owned()
        } else {
            String::new()
        }
    };
    let option = |field, text: &Option<String>| if wants(field) { text.clone() } else { None };
    let attributes = if wants(DeviceFields::ALL_ATTRIBUTES) {
        device.attributes.iter().map(attribute).collect()
    } else {
        projection
            .attributes
            .iter()
            .filter_map(|name| device.attributes.get_key_value(name))
            .map(attribute)
            .collect()
    };
    types::Device {
        id: device.id.as_str().to_owned(),
        name: text(DeviceFields::NAME, &device.name),
        address: text(DeviceFields::ADDRESS, &device.address),
        kind: option(DeviceFields::KIND, &device.kind),
        version: option(DeviceFields::VERSION, &device.version),
        status: if wants(DeviceFields::STATUS) {
            connectivity(device.status)
        } else {
            types::Connectivity::Unknown
        },
        location: option(DeviceFields::LOCATION, &device.location),
        timezone: option(DeviceFields::TIMEZONE, &device.timezone),
        tags: if wants(DeviceFields::TAGS) {
            device.tags.clone()
        } else {
            Vec::new()
        },
        attributes,
        last_seen: device
            .last_seen
            .filter(|_| wants(DeviceFields::LAST_SEEN))
            .map(|at| at.0),
    }
}

/// Attributes that a guest wrote. Repeated names keep the last value.
pub(crate) fn attributes(said: Vec<types::Attribute>) -> BTreeMap<String, Value> {
    said.into_iter()
        .map(|attribute| (cut(attribute.name), value(attribute.value)))
        .collect()
}

/// A value that a guest wrote. What the model does not allow becomes text.
pub(crate) fn value(said: types::Value) -> Value {
    match said {
        types::Value::Text(text) => Value::Text(cut(text)),
        types::Value::Integer(integer) => Value::Integer(integer),
        types::Value::Real(real) if real.is_finite() => Value::Real(real),
        types::Value::Real(real) => Value::Text(real.to_string()),
        types::Value::Boolean(boolean) => Value::Boolean(boolean),
        types::Value::Json(text) => match serde_json::from_str::<serde_json::Value>(&text) {
            Ok(json) if json.is_array() || json.is_object() => Value::Json(JsonText {
                json: json.to_string(),
            }),
            Ok(_) | Err(_) => Value::Text(cut(text)),
        },
    }
}

fn attribute((name, value): (&String, &Value)) -> types::Attribute {
    types::Attribute {
        name: name.clone(),
        value: match value {
            Value::Boolean(boolean) => types::Value::Boolean(*boolean),
            Value::Integer(integer) => types::Value::Integer(*integer),
            Value::Real(real) => types::Value::Real(*real),
            Value::Text(text) => types::Value::Text(text.clone()),
            Value::Json(JsonText { json }) => types::Value::Json(json.clone()),
        },
    }
}

fn connectivity(status: Connectivity) -> types::Connectivity {
    match status {
        Connectivity::Online => types::Connectivity::Online,
        Connectivity::Offline => types::Connectivity::Offline,
        Connectivity::Unknown => types::Connectivity::Unknown,
    }
}
