//! What a fleet is to be.

use std::{collections::BTreeMap, net::Ipv4Addr};

use windlass_model::Sha256;

use crate::address::MOST_ADDRESSES;
use crate::behaviour::{Behaviour, Failing, Offline};
use crate::dice::{Dice, Question};

/// What a fleet is to be.
#[derive(Clone, Debug)]
pub struct FleetSpec {
    /// How many devices.
    pub count: usize,
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
    /// Share of the devices that start offline, drawn likewise and independently.
    pub offline_share: f64,
    /// How those are offline.
    pub offline: Offline,
    /// The versions that devices start with, drawn evenly; none means that they have none.
    pub versions: Vec<String>,
    /// The path of a push.
    pub update_path: String,
    /// The path of the version report.
    pub version_path: String,
    /// The digest that every complete body must have, beside the one that its own
    /// `Repr-Digest` names.
    pub expected: Option<Sha256>,
    /// How closely devices look at what they get.
    pub inspect: Inspect,
}

impl Default for FleetSpec {
    fn default() -> Self {
        Self {
            count: 1,
            seed: 0,
            addressing: Addressing::default(),
            default: Behaviour::default(),
            overrides: BTreeMap::new(),
            faults: Vec::new(),
            offline_share: 0.0,
            offline: Offline::default(),
            versions: vec!["2.2.0".to_owned()],
            update_path: "/update".to_owned(),
            version_path: "/version".to_owned(),
            expected: None,
            inspect: Inspect::Full,
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
    #[error("{0} devices do not fit into 127/8, which has addresses for {MOST_ADDRESSES}")]
    TooMany(usize),
}

impl FleetSpec {
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
        if dice.chance(Question::Offline, 0, self.offline_share) {
            behaviour.offline = Some(self.offline);
        }
        behaviour
    }
}
