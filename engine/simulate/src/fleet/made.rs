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

/// Devices of a profile.
#[derive(Clone, Debug)]
pub(super) struct Made {
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

impl Made {
    pub(super) fn new(profile: Profile, seed: u64, devices: u64, records: Vec<Prototype>) -> Self {
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

    pub(super) fn devices(&self) -> u64 {
        self.devices
    }

    pub(super) fn profile(&self) -> Profile {
        self.profile
    }

    pub(super) fn record(&self, number: u64) -> Device {
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

    pub(super) fn spell(&self, number: u64, at: Timestamp) -> Spell {
        let offset = self.utc_offset(number);
        self.profile.spell(self.dice, number, offset, at)
    }
}

fn zone(site: u64) -> (&'static str, i32) {
    ZONES[(site % ZONES.len() as u64) as usize]
}
