//! What happened, for people and for checks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use windlass_model::{AttemptId, Sha256, Timestamp};

use crate::record::PushRecord;

/// The fleet's counters at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Pushes whose head was read.
    pub begun: u64,
    /// Pushes whose whole body arrived.
    pub completed: u64,
    /// Pushes whose sender stopped in the middle of the body.
    pub aborted: u64,
    /// Pushes that the device cut by a fault of its own.
    pub cut: u64,
    /// Releases installed.
    pub installed: u64,
    /// Pushes not yet answered.
    pub in_flight: usize,
    /// Open connections.
    pub connections: usize,
}

/// What happened in a fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The sums.
    pub totals: Totals,
    /// Every device, by index.
    pub devices: Vec<DeviceReport>,
}

/// Sums over a fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Devices in the fleet.
    pub devices: u64,
    /// Devices that were pushed to.
    pub pushed_to: u64,
    /// Devices that installed something.
    pub updated: u64,
    /// Connections made, those turned away included.
    pub connections: u64,
    /// Connections turned away because the device was offline or refused.
    pub refused: u64,
    /// Connections to addresses that no device has.
    pub strays: u64,
    /// Requests of every kind.
    pub requests: u64,
    /// Pushes whose head was read.
    pub begun: u64,
    /// Pushes whose whole body arrived.
    pub completed: u64,
    /// Pushes whose sender stopped in the middle of the body.
    pub aborted: u64,
    /// Pushes that the device cut by a fault of its own.
    pub cut: u64,
    /// Releases installed.
    pub installed: u64,
    /// Whole bodies whose digest was not the one announced or expected.
    pub wrong_bytes: u64,
    /// Bytes of bodies, of broken ones too.
    pub bytes: u64,
    /// The most pushes there were at once.
    pub peak_pushes: u64,
    /// The most connections there were at once.
    pub peak_connections: u64,
    /// When the first push began.
    pub first_push: Option<Timestamp>,
    /// When the last push ended.
    pub last_push: Option<Timestamp>,
}

/// What happened to a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceReport {
    /// Its place in the fleet, from 0.
    pub index: usize,
    /// Its id in the export.
    pub id: String,
    /// Whether it is on the network.
    pub online: bool,
    /// Connections made, those turned away included.
    pub connections: u64,
    /// Connections turned away because it was offline or refused.
    pub refused: u64,
    /// Requests of every kind.
    pub requests: u64,
    /// Pushes whose head was read.
    pub begun: u64,
    /// Pushes whose whole body arrived.
    pub completed: u64,
    /// Pushes whose sender stopped in the middle of the body.
    pub aborted: u64,
    /// Pushes that the device cut by a fault of its own.
    pub cut: u64,
    /// Releases installed.
    pub installed: u64,
    /// Whole bodies whose digest was not the one announced or expected.
    pub wrong_bytes: u64,
    /// Bytes of bodies, of broken ones too.
    pub bytes: u64,
    /// The most pushes there were at once.
    pub peak_pushes: u64,
    /// Of the last whole body, if it was hashed.
    pub last_sha256: Option<Sha256>,
    /// Whether that was the one announced and expected; `None` if nothing was.
    pub last_right: Option<bool>,
    /// Of what was installed last, if it was hashed.
    pub installed_sha256: Option<Sha256>,
    /// The version that runs.
    pub version: String,
    /// Every version installed, in order, with the one it started with; the last 16.
    pub versions: Vec<String>,
    /// `X-Attempt-Id` of every push that had one, in order; the last 64. An upload that the
    /// same attempt goes on with is one push.
    pub attempts: Vec<AttemptId>,
    /// Every push, in order; the last 64, and of those that installed something the last
    /// 64 whatever came after. Empty where bodies are only counted.
    pub pushes: Vec<PushRecord>,
    /// When the first push began.
    pub first_push: Option<Timestamp>,
    /// When the last push ended.
    pub last_push: Option<Timestamp>,
}

/// Something that must not happen to a device in a rollout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum Violation {
    #[error("{device} was updated {times} times")]
    UpdatedAgain { device: String, times: u64 },
    #[error("{device} installed version {version:?} {times} times")]
    VersionAgain {
        device: String,
        version: String,
        times: u64,
    },
    #[error("{device} received {times} complete bodies with wrong bytes")]
    WrongBytes { device: String, times: u64 },
    #[error("{device} installed {found}, which is not the release")]
    OtherRelease { device: String, found: Sha256 },
    #[error("{device} installed something that was not hashed")]
    Unhashed { device: String },
    #[error("{device} was pushed to {times} times by attempt {attempt}")]
    AttemptRepeated {
        device: String,
        attempt: AttemptId,
        times: usize,
    },
}

impl Report {
    /// Checks that every device that was updated holds exactly `expected`, and was updated
    /// once, with no body of wrong bytes and no attempt that pushed twice. Devices that
    /// were not updated are no violation: how many there should be, the caller knows.
    pub fn exactly_once(&self, expected: Sha256) -> Vec<Violation> {
        self.devices
            .iter()
            .flat_map(|device| device.violations(expected))
            .collect()
    }

    /// Checks that no device installed a version more than once, and that no attempt pushed
    /// twice. Other than [`exactly_once`](Self::exactly_once) it holds for fleets that get
    /// several releases, such as one that is rolled back.
    pub fn no_version_twice(&self) -> Vec<Violation> {
        let devices = self.devices.iter();
        devices
            .flat_map(|device| device.repeated_versions().chain(device.repeated_attempts()))
            .collect()
    }

    pub(crate) fn sum(devices: Vec<DeviceReport>) -> Self {
        let mut totals = Totals {
            devices: devices.len() as u64,
            ..Totals::default()
        };
        for device in &devices {
            totals.pushed_to += u64::from(device.begun > 0);
            totals.updated += u64::from(device.installed > 0);
            totals.connections += device.connections;
            totals.refused += device.refused;
            totals.requests += device.requests;
            totals.begun += device.begun;
            totals.completed += device.completed;
            totals.aborted += device.aborted;
            totals.cut += device.cut;
            totals.installed += device.installed;
            totals.wrong_bytes += device.wrong_bytes;
            totals.bytes += device.bytes;
            totals.last_push = totals.last_push.max(device.last_push);
        }
        totals.first_push = devices.iter().filter_map(|device| device.first_push).min();
        Self { totals, devices }
    }
}

impl DeviceReport {
    /// How many bytes of bodies this attempt brought. Those under way are not counted.
    pub fn bytes_of(&self, attempt: AttemptId) -> u64 {
        let pushes = self.pushes.iter();
        pushes
            .filter(|push| push.attempt == Some(attempt))
            .map(|push| push.bytes)
            .sum()
    }

    fn repeated_versions(&self) -> impl Iterator<Item = Violation> {
        let mut installs = BTreeMap::<&str, u64>::new();
        for push in self.pushes.iter().filter(|push| push.installed) {
            let version = push.version.as_deref().unwrap_or_default();
            *installs.entry(version).or_default() += 1;
        }
        let repeated = installs.into_iter().filter(|(_, times)| *times > 1);
        repeated.map(|(version, times)| Violation::VersionAgain {
            device: self.id.clone(),
            version: version.to_owned(),
            times,
        })
    }

    fn repeated_attempts(&self) -> impl Iterator<Item = Violation> {
        let mut pushes = BTreeMap::<AttemptId, usize>::new();
        for attempt in &self.attempts {
            *pushes.entry(*attempt).or_default() += 1;
        }
        let repeated = pushes.into_iter().filter(|(_, times)| *times > 1);
        repeated.map(|(attempt, times)| Violation::AttemptRepeated {
            device: self.id.clone(),
            attempt,
            times,
        })
    }

    fn violations(&self, expected: Sha256) -> Vec<Violation> {
        let device = || self.id.clone();
        let mut found = Vec::new();
        if self.installed > 1 {
            let (device, times) = (device(), self.installed);
            found.push(Violation::UpdatedAgain { device, times });
        }
        if self.wrong_bytes > 0 {
            let (device, times) = (device(), self.wrong_bytes);
            found.push(Violation::WrongBytes { device, times });
        }
        match self.installed_sha256 {
            Some(sha256) if sha256 != expected => found.push(Violation::OtherRelease {
                device: device(),
                found: sha256,
            }),
            None if self.installed > 0 => found.push(Violation::Unhashed { device: device() }),
            Some(_) | None => {}
        }
        found.extend(self.repeated_attempts());
        found
    }
}
