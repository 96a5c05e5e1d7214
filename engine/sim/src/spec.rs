//! What a fleet is to be.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{Ipv4Addr, SocketAddr},
};

use windlass_model::{Connectivity, Sha256};

use crate::address::MOST_ADDRESSES;
use crate::behaviour::{Behaviour, Failing, Offline};
use crate::dice::{Dice, Question};
use crate::export::DeviceRecord;

/// What a fleet is to be.
#[derive(Clone, Debug)]
pub struct FleetSpec {
    /// How many devices.
    pub count: usize,
    /// The devices one by one, `count` of them; if there are none they are drawn. See
    /// [`FleetSpec::of`].
    pub devices: Vec<DeviceRecord>,
    /// Everything drawn follows from it.
    pub seed: u64,
    /// Where the devices are reached.
    pub addressing: Addressing,
    /// How a device behaves of which nothing else is said.
    pub default: Behaviour,
    /// Devices by index that behave otherwise. Neither `faults` nor `offline_share` touch
    /// them.
    pub overrides: BTreeMap<usize, Behaviour>,
    /// Shares of the devices that have a fault, each device at most one. They are drawn
    /// device by device, so the share is met on average and not exactly.
    pub faults: Vec<FaultRate>,
    /// Share of the devices that start offline, drawn likewise and independently. A list
    /// says it by itself.
    pub offline_share: f64,
    /// How those are offline.
    pub offline: Offline,
    /// The versions that devices start with, drawn evenly; none means that they have none.
    /// A list says it by itself.
    pub versions: Vec<String>,
    /// The path of a push.
    pub update_path: String,
    /// The path below which resumable uploads are.
    pub upload_path: String,
    /// The path of the version report.
    pub version_path: String,
    /// The digest that every complete body must have, beside the one that its own
    /// `Repr-Digest` names.
    pub expected: Option<Sha256>,
    /// How closely devices look at what they get.
    pub inspect: Inspect,
    /// Where the fleet lets itself be watched and controlled, if anywhere; port 0 picks a
    /// free one. Without authentication, so on loopback.
    pub control: Option<SocketAddr>,
}

impl Default for FleetSpec {
    fn default() -> Self {
        Self {
            count: 1,
            devices: Vec::new(),
            seed: 0,
            addressing: Addressing::default(),
            default: Behaviour::default(),
            overrides: BTreeMap::new(),
            faults: Vec::new(),
            offline_share: 0.0,
            offline: Offline::default(),
            versions: vec!["2.2.0".to_owned()],
            update_path: "/update".to_owned(),
            upload_path: "/uploads".to_owned(),
            version_path: "/version".to_owned(),
            expected: None,
            inspect: Inspect::Full,
            control: None,
        }
    }
}

/// Where the devices are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Addressing {
    /// Each has an address of its own in 127/8, and all share one listener on the
    /// wildcard address; a connection that comes in on any other address is dropped.
    /// Linux only: elsewhere only 127.0.0.1 is on the loopback interface.
    Loopback {
        /// The port; 0 picks a free one.
        port: u16,
    },
    /// Each has a free port of its own on this address. For small fleets: a listener is a
    /// file descriptor.
    Ports {
        /// The address to bind.
        address: Ipv4Addr,
    },
}

impl Default for Addressing {
    fn default() -> Self {
        Self::Loopback { port: 0 }
    }
}

/// A share of the devices that has a fault.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRate {
    /// What goes wrong, and when.
    pub failing: Failing,
    /// Of the devices, 0.0 to 1.0.
    pub share: f64,
}

/// How closely devices look at what they get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inspect {
    /// Hash every body, keep attempt ids and the last request's headers.
    #[default]
    Full,
    /// Count only: for benchmarks of the sender. Digests are not checked.
    Count,
}

/// A specification that makes no sense.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum SpecError {
    #[error("a share must be between 0 and 1, not {0}")]
    Share(f64),
    #[error("the shares of the faults add up to {0}, which is more than all devices")]
    Shares(f64),
    #[error("an override names device {index}, but there are only {count}, counted from 0")]
    NoSuchDevice { index: usize, count: usize },
    #[error("{listed} devices are listed, and there are to be {count}")]
    Listed { listed: usize, count: usize },
    #[error("device {0:?} is listed twice")]
    ListedTwice(String),
    #[error("{0} devices do not fit into 127/8, which has addresses for {MOST_ADDRESSES}")]
    TooMany(usize),
}

impl FleetSpec {
    /// The devices of a list, such as a rollout's device file: they have its ids, names
    /// and versions, and those that it calls offline start so and are connected by
    /// [`Fleet::connect`](crate::Fleet::connect) or after [`FleetSpec::offline`]. One of
    /// unknown status is reachable. The export is the list with the addresses filled in.
    pub fn of(devices: Vec<DeviceRecord>) -> Self {
        Self {
            count: devices.len(),
            devices,
            ..Self::default()
        }
    }

    pub(crate) fn check(&self) -> Result<(), SpecError> {
        let shares = self.faults.iter().map(|rate| rate.share);
        for share in shares.clone().chain([self.offline_share]) {
            if !(0.0..=1.0).contains(&share) {
                return Err(SpecError::Share(share));
            }
        }
        // Shares given as decimals may add up to a little more than 1.
        let sum: f64 = shares.sum();
        if sum > 1.0 + 1e-9 {
            return Err(SpecError::Shares(sum));
        }
        if let Some(&index) = self.overrides.range(self.count..).map(|(at, _)| at).next() {
            let count = self.count;
            return Err(SpecError::NoSuchDevice { index, count });
        }
        if !self.devices.is_empty() && self.devices.len() != self.count {
            let (listed, count) = (self.devices.len(), self.count);
            return Err(SpecError::Listed { listed, count });
        }
        let mut ids = BTreeSet::new();
        if let Some(twice) = self.devices.iter().find(|device| !ids.insert(&device.id)) {
            return Err(SpecError::ListedTwice(twice.id.clone()));
        }
        if matches!(self.addressing, Addressing::Loopback { .. }) && self.count > MOST_ADDRESSES {
            return Err(SpecError::TooMany(self.count));
        }
        Ok(())
    }

    /// The behaviour of the device at `index`.
    pub(crate) fn behaviour(&self, index: usize) -> Behaviour {
        if let Some(behaviour) = self.overrides.get(&index) {
            return behaviour.clone();
        }
        let dice = Dice::new(self.seed, index);
        let mut behaviour = self.default.clone();
        let mut left = dice.unit(Question::Fault, 0);
        for rate in &self.faults {
            if left < rate.share {
                behaviour.failing = Some(rate.failing.clone());
                break;
            }
            left -= rate.share;
        }
        let offline = match self.devices.get(index).map(|record| record.status) {
            Some(Connectivity::Offline) => true,
            Some(Connectivity::Unknown) => {
                behaviour.listed_as = Some(Connectivity::Unknown);
                false
            }
            Some(Connectivity::Online) => false,
            None => dice.chance(Question::Offline, 0, self.offline_share),
        };
        if offline {
            behaviour.offline = Some(self.offline);
        }
        behaviour
    }

    /// What of a path names an upload.
    pub(crate) fn upload_of<'a>(&self, path: &'a str) -> Option<&'a str> {
        path.strip_prefix(self.upload_path.as_str())?
            .strip_prefix('/')
    }
}
