//! How devices are ranked and spread before cohorts are cut.

use windlass_sdk::settings::Period;
use windlass_sdk::{
    Connectivity, Device, DeviceFields, Placement, Problem, Projection, Timestamp, Value,
};

use crate::settings::Settings;

/// What a device's place depends on.
#[derive(Clone, Debug, Default)]
pub(crate) struct Strata {
    by: Option<By>,
    online: bool,
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
    pub(crate) fn of(settings: &Settings) -> Result<Self, Problem> {
        let by = match settings.stratify_by.as_deref() {
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
            online: settings.online_first,
            recent: settings.recently_seen_first.map(Period::millis),
        })
    }

    pub(crate) fn reads(&self) -> Projection {
        let mut fields = DeviceFields::empty();
        fields.set(DeviceFields::LAST_SEEN, self.recent.is_some());
        fields.set(DeviceFields::STATUS, self.online);
        match &self.by {
            None => Projection::of(fields),
            Some(By::Kind) => Projection::of(fields | DeviceFields::KIND),
            Some(By::Location) => Projection::of(fields | DeviceFields::LOCATION),
            Some(By::Timezone) => Projection::of(fields | DeviceFields::TIMEZONE),
            Some(By::Attribute(name)) => Projection::of(fields).and_attribute(name),
        }
    }

    /// Devices without the field that it is stratified by are in a stratum of their own.
    pub(crate) fn place(&self, now: Timestamp, device: &Device) -> Placement {
        let stratum = match &self.by {
            None => None,
            Some(By::Kind) => device.kind.clone(),
            Some(By::Location) => device.location.clone(),
            Some(By::Timezone) => device.timezone.clone(),
            Some(By::Attribute(name)) => device.attribute(name).map(spell),
        };
        Placement {
            tier: self.tier(now, device),
            stratum: stratum.unwrap_or_default(),
        }
    }

    /// Online devices first, then those recently seen, then the rest; as far as either
    /// is asked for.
    fn tier(&self, now: Timestamp, device: &Device) -> u32 {
        let online = self
            .online
            .then_some(matches!(device.status, Connectivity::Online));
        let recent = self.recent.map(|recent| {
            device
                .last_seen
                .is_some_and(|seen| now.saturating_sub(seen) <= recent)
        });
        let ahead = [online, recent].into_iter().flatten();
        ahead.take_while(|is_ahead| !is_ahead).map(|_| 1).sum()
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
