//! A fleet that exists only in memory: each device is made from its number when it is looked at.
//!
//! - `made`: of a profile, with records that were given or made up.
//! - `sample`: of past rollouts, as they are or as many as wanted.

mod made;
mod sample;

use std::time::Duration;

use windlass_model::{Connectivity, Device, DeviceId, Timestamp};

use crate::{
    faults::Faults,
    profile::{Profile, Spell},
    recorded::{Behaviour, Presence, RecordedFleet},
    session::Basis,
};

pub use made::Prototype;

use made::Made;
use sample::Sample;

/// A simulated fleet.
#[derive(Clone, Debug)]
pub struct Fleet(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Made(Made),
    Recorded(Sample),
}

/// How long a device takes, on average.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// Its transfers.
    pub(crate) transfer: Duration,
    /// From the end of one until it runs the release.
    pub(crate) install: Duration,
}

impl Timing {
    /// The shortest transfer: half of the average.
    pub(crate) fn quickest(self) -> Duration {
        self.transfer / 2
    }

    /// The longest transfer: as much above the average as the shortest is below.
    pub(crate) fn slowest(self) -> Duration {
        self.transfer + self.transfer / 2
    }

    /// The longest time until the release runs.
    pub(crate) fn latest(self) -> Duration {
        self.slowest() + self.install
    }
}

impl Fleet {
    /// `devices` devices: the records one after the other, and then again with `-1`, `-2` … at
    /// the end of their ids. Without any record they are made up.
    pub fn new(profile: Profile, seed: u64, devices: u64, records: Vec<Prototype>) -> Self {
        Self(Kind::Made(Made::new(profile, seed, devices, records)))
    }

    /// The devices of past rollouts. `devices` of them are taken so that each part of the fleet
    /// keeps its share: devices of one kind, location and version are neighbours, in an order
    /// that the seed draws, and of that row they are taken at even steps. Those taken again have
    /// `-1`, `-2` … at the end of their ids, and luck of their own. Without a number it is the
    /// fleet as it was recorded. `source` says where that is from.
    pub fn recorded(
        recorded: RecordedFleet,
        source: String,
        seed: u64,
        devices: Option<u64>,
    ) -> Self {
        Self(Kind::Recorded(Sample::new(recorded, source, seed, devices)))
    }

    /// How many devices it has; they are numbered from 0.
    pub fn devices(&self) -> u64 {
        match &self.0 {
            Kind::Made(made) => made.devices(),
            Kind::Recorded(sample) => sample.devices(),
        }
    }

    /// Whose connections it has: its profile's word, or where it was recorded.
    pub fn name(&self) -> &str {
        match &self.0 {
            Kind::Made(made) => made.profile().as_str(),
            Kind::Recorded(sample) => sample.source(),
        }
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
        match &self.0 {
            Kind::Made(made) => made.record(number),
            Kind::Recorded(sample) => sample.record(number),
        }
    }

    /// Its id.
    pub(crate) fn id(&self, number: u64) -> DeviceId {
        match &self.0 {
            Kind::Made(made) => made.record(number).id,
            Kind::Recorded(sample) => sample.id(number),
        }
    }

    /// The spell of a device at an instant.
    pub fn spell(&self, number: u64, at: Timestamp) -> Spell {
        match &self.0 {
            Kind::Made(made) => made.spell(number, at),
            Kind::Recorded(sample) => sample.spell(number, at),
        }
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

    /// How long a device takes.
    pub(crate) fn timing(&self, number: u64, faults: &Faults) -> Timing {
        match &self.0 {
            Kind::Made(_) => faults.timing(),
            Kind::Recorded(sample) => sample.behaviour(number).timing(faults),
        }
    }

    /// How long one takes that is like most.
    pub(crate) fn typical(&self, faults: &Faults) -> Timing {
        match &self.0 {
            Kind::Made(_) => faults.timing(),
            Kind::Recorded(sample) => sample.typical().timing(faults),
        }
    }

    /// How long an attempt takes at most. Attempts that took longer than a rollout's limit on
    /// them would have been cut, so of a recorded fleet it is no longer than that.
    pub(crate) fn latest(&self, faults: &Faults, limit: Duration) -> Duration {
        match &self.0 {
            Kind::Made(_) => faults.timing().latest(),
            Kind::Recorded(_) => {
                let each = (0..self.devices()).map(|number| self.timing(number, faults).latest());
                each.max().unwrap_or_default().min(limit)
            }
        }
    }

    /// Whether no device takes longer or fails more often than another, but by luck.
    pub(crate) fn is_alike(&self) -> bool {
        match &self.0 {
            Kind::Made(_) => true,
            Kind::Recorded(_) => false,
        }
    }

    /// How a device of past rollouts behaves; of others the profile and the faults tell.
    pub(crate) fn behaviour(&self, number: u64) -> Option<&Behaviour> {
        match &self.0 {
            Kind::Made(_) => None,
            Kind::Recorded(sample) => Some(sample.behaviour(number)),
        }
    }

    /// A bound on the chance that a connected device loses its connection within `length`.
    pub(crate) fn breaks_within(&self, number: u64, length: Duration) -> f64 {
        match &self.0 {
            Kind::Made(made) => made.profile().breaks_within(length),
            Kind::Recorded(sample) => Presence::of(sample.behaviour(number)).breaks_within(length),
        }
    }

    /// What these devices are known by, if they were recorded.
    pub(crate) fn basis(&self, devices: impl Iterator<Item = u64>) -> Option<Basis> {
        match &self.0 {
            Kind::Made(_) => None,
            Kind::Recorded(sample) => Some(sample.basis(devices)),
        }
    }
}
