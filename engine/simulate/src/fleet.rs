//! A fleet that exists only in memory: each device is made from its number when it is looked at.

use std::time::Duration;

use windlass_model::{Connectivity, Device, DeviceId, Timestamp};

use crate::{
    draw::Dice,
    profile::{Profile, Spell},
};

/// A record that simulated devices are made from.
#[derive(Clone, Debug)]
pub struct Prototype {
    /// The device; its connection is the profile's matter.
    pub device: Device,
    /// The offset of its clock from UTC, in seconds. Clocks are not set during a session.
    pub utc_offset: i32,
}

/// A simulated fleet.
#[derive(Clone, Debug)]
pub struct Fleet {
    profile: Profile,
    dice: Dice,
    devices: u64,
    records: Records,
}

#[derive(Clone, Debug)]
enum Records {
    Given(Vec<Prototype>),
    Made,
}

/// Where devices without a record are: a zone and the offset of its clocks in winter, in seconds.
const ZONES: [(&str, i32); 8] = [
    ("America/Los_Angeles", -8 * 3600),
    ("America/Chicago", -6 * 3600),
    ("America/New_York", -5 * 3600),
    ("Europe/London", 0),
    ("Europe/Berlin", 3600),
    ("Europe/Athens", 2 * 3600),
    ("Asia/Kolkata", 19_800),
    ("Asia/Tokyo", 9 * 3600),
];

/// The version that devices without a record run: below any release.
const OLD_VERSION: &str = "0.0.0";

impl Fleet {
    /// `devices` devices: the records one after the other, and then again with `-1`, `-2` … at
    /// the end of their ids. Without any record they are made up.
    pub fn new(profile: Profile, seed: u64, devices: u64, records: Vec<Prototype>) -> Self {
        Self {
            profile,
            dice: Dice::new(seed),
            devices,
            records: if records.is_empty() {
                Records::Made
            } else {
                Records::Given(records)
            },
        }
    }

    /// How many devices it has; they are numbered from 0.
    pub fn devices(&self) -> u64 {
        self.devices
    }

    /// Whose connections it has.
    pub fn profile(&self) -> Profile {
        self.profile
    }

    /// A device as a registry would know it that hears of every change.
    pub fn device(&self, number: u64, at: Timestamp) -> Device {
        let mut device = self.record(number);
        let spell = self.spell(number, at);
        device.status = if spell.online {
            Connectivity::Online
        } else {
            Connectivity::Offline
        };
        device.last_seen = Some(if spell.online { at } else { spell.since });
        device
    }

    /// A device as it is whatever the time.
    pub(crate) fn record(&self, number: u64) -> Device {
        match &self.records {
            Records::Made => self.made(number),
            Records::Given(records) => {
                let count = records.len() as u64;
                let Some(of) = self.given(records, number) else {
                    return self.made(number);
                };
                let mut device = of.device.clone();
                if number >= count {
                    device.id = DeviceId::new(format!("{}-{}", device.id, number / count));
                }
                device
            }
        }
    }

    /// Its id.
    pub(crate) fn id(&self, number: u64) -> DeviceId {
        self.record(number).id
    }

    fn given<'a>(&self, records: &'a [Prototype], number: u64) -> Option<&'a Prototype> {
        let index = number.checked_rem(records.len() as u64)?;
        records.get(usize::try_from(index).ok()?)
    }

    fn made(&self, number: u64) -> Device {
        let (kind, site) = match self.profile {
            Profile::Pos => ("till", "store"),
            Profile::Vehicle => ("vehicle", "depot"),
            Profile::Iot => ("sensor", "plant"),
            Profile::Signage => ("screen", "place"),
        };
        let site_number = self.site(number);
        let id = format!("{kind}-{number:07}");
        Device {
            address: format!("https://{id}.example"),
            name: String::new(),
            id: DeviceId::new(id),
            kind: Some(kind.to_owned()),
            version: Some(OLD_VERSION.to_owned()),
            status: Connectivity::Unknown,
            location: Some(format!("{site}-{site_number:06}")),
            timezone: Some(zone(site_number).0.to_owned()),
            tags: Vec::new(),
            attributes: std::collections::BTreeMap::new(),
            last_seen: None,
        }
    }

    /// Made up devices are of sites, each in one zone.
    fn site(&self, number: u64) -> u64 {
        let members = match self.profile {
            Profile::Pos => 8,
            Profile::Vehicle => 50,
            Profile::Iot => 100,
            Profile::Signage => 5,
        };
        number / members
    }

    fn utc_offset(&self, number: u64) -> i32 {
        match &self.records {
            Records::Given(records) => self.given(records, number).map_or(0, |of| of.utc_offset),
            Records::Made => zone(self.site(number)).1,
        }
    }

    /// The spell of a device at an instant.
    pub fn spell(&self, number: u64, at: Timestamp) -> Spell {
        let offset = self.utc_offset(number);
        self.profile.spell(self.dice, number, offset, at)
    }

    /// The first of the instants `first`, `first + every`, … at which a device is online; the
    /// first after `end` if it is not before.
    pub(crate) fn met(
        &self,
        number: u64,
        first: Timestamp,
        every: Duration,
        end: Timestamp,
    ) -> Timestamp {
        let every = u64::try_from(every.as_millis()).unwrap_or(u64::MAX).max(1);
        let mut at = first;
        while at <= end {
            let spell = self.spell(number, at);
            if spell.online {
                return at;
            }
            let missed = spell.until.0.saturating_sub(at.0).div_ceil(every).max(1);
            at = Timestamp(at.0.saturating_add(missed.saturating_mul(every)));
        }
        at
    }

    /// A bound on the share of connected devices that lose their connection within `length`.
    pub(crate) fn breaks_within(&self, length: Duration) -> f64 {
        self.profile.breaks_within(length)
    }
}

fn zone(site: u64) -> (&'static str, i32) {
    ZONES[(site % ZONES.len() as u64) as usize]
}
