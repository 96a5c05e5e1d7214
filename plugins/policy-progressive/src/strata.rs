//! How devices are ranked and spread before cohorts are cut.

use windlass_sdk::settings::Period;
use windlass_sdk::{Device, DeviceFields, Placement, Problem, Projection, Timestamp, Value};

/// What a device's place depends on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strata {
    by: Option<By>,
    /// In milliseconds.
    recent: Option<u64>,
}

#[derive(Clone, Debug)]
enum By {
    Kind,
    Location,
    Timezone,
    Attribute(String),
}

impl Strata {
    pub(crate) fn of(by: Option<&str>, recent: Option<Period>) -> Result<Self, Problem> {
        let by = match by {
            None => None,
            Some("kind") => Some(By::Kind),
            Some("location") => Some(By::Location),
            Some("timezone") => Some(By::Timezone),
            Some(other) => match other.strip_prefix("attributes.") {
                Some(name) if !name.is_empty() => Some(By::Attribute(name.to_owned())),
                Some(_) | None => {
                    let problem = Problem::setting(
                        "/stratify_by",
                        format!("devices are not stratified by `{other}`"),
                    );
                    let hint = format!(
                        "write kind, location, timezone, or attributes.{other} for an attribute"
                    );
                    return Err(problem.hint(hint));
                }
            },
        };
        Ok(Self {
            by,
            recent: recent.map(Period::millis),
        })
    }

    pub(crate) fn reads(&self) -> Projection {
        let mut fields = DeviceFields::empty();
        fields.set(DeviceFields::LAST_SEEN, self.recent.is_some());
        match &self.by {
            None => Projection::of(fields),
            Some(By::Kind) => Projection::of(fields | DeviceFields::KIND),
            Some(By::Location) => Projection::of(fields | DeviceFields::LOCATION),
            Some(By::Timezone) => Projection::of(fields | DeviceFields::TIMEZONE),
            Some(By::Attribute(name)) => Projection::of(fields).and_attribute(name),
        }
    }

    /// Recently seen devices are in the first tier, devices without the field
    /// that it is stratified by in a stratum of their own.
    pub(crate) fn place(&self, now: Timestamp, device: &Device) -> Placement {
        let recent = self.recent.is_none_or(|recent| {
            device
                .last_seen
                .is_some_and(|seen| now.saturating_sub(seen) <= recent)
        });
        let stratum = match &self.by {
            None => None,
            Some(By::Kind) => device.kind.clone(),
            Some(By::Location) => device.location.clone(),
            Some(By::Timezone) => device.timezone.clone(),
            Some(By::Attribute(name)) => device.attribute(name).map(spell),
        };
        Placement {
            tier: u32::from(!recent),
            stratum: stratum.unwrap_or_default(),
        }
    }
}

fn spell(value: &Value) -> String {
    match value {
        Value::Text(text) | Value::Json(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Real(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
    }
}
