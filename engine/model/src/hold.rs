use serde::{Deserialize, Serialize};

use crate::{Device, DeviceId, GroupField, Timestamp};

/// A person's order that keeps devices out of every rollout, or on a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Which devices.
    pub subject: HoldSubject,
    /// What is kept from them.
    pub kind: HoldKind,
    /// When it lapses by itself.
    pub until: Option<Timestamp>,
    /// Who.
    pub actor: String,
    /// Why; may be empty.
    pub reason: String,
    /// Since when.
    pub at: Timestamp,
}

/// The devices that a hold speaks of; a subject has one hold at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldSubject {
    /// One device.
    Device(DeviceId),
    /// All with this value of a field, such as a site.
    Group {
        /// The field.
        field: GroupField,
        /// Its value.
        value: String,
    },
}

/// What a hold keeps from its devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldKind {
    /// Every rollout.
    Hold,
    /// Every rollout to another version than this.
    Pin(String),
}

impl Hold {
    /// Whether it keeps `device` from a release of `version` at `now`.
    pub fn keeps(&self, device: &Device, version: &str, now: Timestamp) -> bool {
        let meant = match &self.subject {
            HoldSubject::Device(id) => *id == device.id,
            HoldSubject::Group { field, value } => field.of(device).as_ref() == Some(value),
        };
        let other = match &self.kind {
            HoldKind::Hold => true,
            HoldKind::Pin(pinned) => pinned != version,
        };
        meant && other && self.until.is_none_or(|until| now < until)
    }
}
