//! What an expression looks at.

use std::collections::BTreeSet;

use windlass_sdk::{Connectivity, Device, DeviceFields, Projection, Value};

use crate::fields::Field;

/// The longest text that an explanation quotes of a device, in characters.
const MAX_QUOTED: usize = 60;

/// The fields and attributes that an expression names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reads {
    /// Without [`Field::Attributes`], which the other two stand for.
    pub(crate) fields: BTreeSet<Field>,
    pub(crate) attributes: BTreeSet<String>,
    /// Whether it looks at attributes that it does not name.
    pub(crate) all_attributes: bool,
}

impl Reads {
    pub(crate) fn projection(&self) -> Projection {
        let mut fields: DeviceFields = self.fields.iter().map(|field| flag(*field)).collect();
        fields.set(DeviceFields::ALL_ATTRIBUTES, self.all_attributes);
        let attributes = if self.all_attributes {
            Vec::new()
        } else {
            self.attributes.iter().cloned().collect()
        };
        Projection { fields, attributes }
    }

    /// What the device has of it, in brackets, for people; empty if nothing.
    pub(crate) fn seen_in(&self, device: &Device) -> String {
        let fields = self
            .fields
            .iter()
            .filter_map(|field| Some((field.name(), text(*field, device)?)));
        let attributes = self
            .attributes
            .iter()
            .filter_map(|name| Some((name.as_str(), show(device.attribute(name)?))));
        let seen: Vec<String> = fields
            .chain(attributes)
            .map(|(name, value)| {
                format!(
                    "{name} is {}",
                    value.chars().take(MAX_QUOTED).collect::<String>()
                )
            })
            .collect();
        if seen.is_empty() {
            String::new()
        } else {
            format!(" ({})", seen.join(", "))
        }
    }
}

fn flag(field: Field) -> DeviceFields {
    match field {
        Field::Id => DeviceFields::empty(),
        Field::Name => DeviceFields::NAME,
        Field::Address => DeviceFields::ADDRESS,
        Field::Kind => DeviceFields::KIND,
        Field::Version => DeviceFields::VERSION,
        Field::Status => DeviceFields::STATUS,
        Field::Location => DeviceFields::LOCATION,
        Field::Timezone => DeviceFields::TIMEZONE,
        Field::Tags => DeviceFields::TAGS,
        Field::Attributes => DeviceFields::ALL_ATTRIBUTES,
        Field::LastSeen => DeviceFields::LAST_SEEN,
    }
}

fn text(field: Field, device: &Device) -> Option<String> {
    let quoted = |text: &str| format!("{text:?}");
    Some(match field {
        Field::Id => quoted(&device.id),
        Field::Name => quoted(&device.name),
        Field::Address => quoted(&device.address),
        Field::Kind => quoted(device.kind.as_deref()?),
        Field::Version => quoted(device.version.as_deref()?),
        Field::Status => match device.status {
            Connectivity::Online => "online".to_owned(),
            Connectivity::Offline => "offline".to_owned(),
            Connectivity::Unknown => "unknown".to_owned(),
        },
        Field::Location => quoted(device.location.as_deref()?),
        Field::Timezone => quoted(device.timezone.as_deref()?),
        Field::Tags => format!("{:?}", device.tags),
        Field::Attributes => return None,
        Field::LastSeen => {
            let instant =
                chrono::DateTime::from_timestamp_millis(i64::try_from(device.last_seen?).ok()?)?;
            instant.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
        }
    })
}

fn show(value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{text:?}"),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Json(json) => json.clone(),
    }
}
