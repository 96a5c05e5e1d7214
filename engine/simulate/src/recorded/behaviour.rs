use std::{collections::BTreeMap, time::Duration};

use windlass_model::{Device, DeviceHistory, FailureKind};

use crate::{faults::Faults, fleet::Timing};

use super::{
    AWAY_UNKNOWN, WEIGHT,
    evidence::{Evidence, median},
};

/// A transfer of no time would let a fleet be updated in an instant.
const LEAST_TRANSFER: Duration = Duration::from_millis(100);

/// Every device of a state file with how it is to behave.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedFleet {
    /// In the order of the state file.
    pub devices: Vec<RecordedDevice>,
    /// Of all together: how a device behaves of which nothing is known.
    pub typical: Behaviour,
    /// Attempts that all this rests on.
    pub attempts: u64,
    /// Waits for a connection that it rests on.
    pub waits: u64,
}

/// A device as the registry knows it, and how it is to behave.
#[derive(Clone, Debug, PartialEq)]
pub struct RecordedDevice {
    /// Its record.
    pub device: Device,
    /// Inferred from its past.
    pub behaviour: Behaviour,
    /// How much past of its own it has.
    pub seen: Seen,
}

/// How often something of a device was recorded. Of what never was, the fleet tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Looks that tell whether it was connected.
    pub looks: u64,
    /// Attempts that tell whether it takes releases.
    pub tries: u64,
    /// Deliveries that tell how long it takes.
    pub deliveries: u64,
}

/// How a device behaves, as far as its past tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    /// The share of time in which it is connected, 0 to 1.
    pub online: f64,
    /// The mean length of a spell in which it is not; zero if it never was away for any time.
    pub away: Duration,
    /// The mean length of a spell in which it is; none: as long as one looks.
    pub connected: Option<Duration>,
    /// The share of attempts that fail although it is connected, 0 to 1.
    pub failing: f64,
    /// How they fail, with how often each was seen: the fleet's, if its own never did. Empty if
    /// none ever failed.
    pub failures: BTreeMap<FailureKind, u64>,
    /// The median length of a delivery; none: no delivery was recorded.
    pub transfer: Option<Duration>,
    /// The median time from its end until it was known to be good; none: as above.
    pub install: Option<Duration>,
}

impl RecordedFleet {
    /// What the histories of a state file tell; see the [module](super).
    pub fn of(histories: impl IntoIterator<Item = DeviceHistory>) -> Self {
        let mut all = Evidence::default();
        let (mut attempts, mut waits) = (0, 0);
        let seen: Vec<_> = histories
            .into_iter()
            .map(|history| {
                let evidence = Evidence::of(&history);
                all.add(&evidence);
                attempts += history.attempts.len() as u64;
                waits += history.waits.len() as u64;
                (history.device, evidence)
            })
            .collect();
        let typical = Behaviour::typical(&all);
        let devices = seen.into_iter().map(|(device, evidence)| RecordedDevice {
            device,
            behaviour: Behaviour::of(&evidence, &typical),
            seen: Seen {
                looks: evidence.looks,
                tries: evidence.tries,
                deliveries: evidence.transfers.len() as u64,
            },
        });
        Self {
            devices: devices.collect(),
            attempts,
            waits,
            typical,
        }
    }
}

impl RecordedFleet {
    /// Whether any rollout has touched it.
    pub fn has_history(&self) -> bool {
        self.attempts > 0 || self.waits > 0
    }

    /// The same fleet, but that each transfer takes `transfer` with its installation.
    #[must_use]
    pub fn with_transfer(mut self, transfer: Duration) -> Self {
        let behaviours = self.devices.iter_mut();
        let behaviours = behaviours.map(|device| &mut device.behaviour);
        for behaviour in behaviours.chain([&mut self.typical]) {
            behaviour.transfer = Some(transfer);
            behaviour.install = None;
        }
        self
    }
}

impl Behaviour {
    /// How long it takes; as the faults say if nothing tells.
    pub(crate) fn timing(&self, faults: &Faults) -> Timing {
        match self.transfer {
            Some(transfer) => Timing {
                transfer: transfer.max(LEAST_TRANSFER),
                install: self.install.unwrap_or_default(),
            },
            None => faults.timing(),
        }
    }

    /// Of nothing seen: always connected, never failing.
    fn typical(all: &Evidence) -> Self {
        let share = |part: u64, of: u64, none: f64| {
            if of == 0 {
                none
            } else {
                part as f64 / of as f64
            }
        };
        let online = share(all.connected, all.looks, 1.0);
        let away = if all.came == 0 && online < 1.0 {
            // Nobody knows how long it lasts, but longer than was waited.
            AWAY_UNKNOWN.max(all.waited)
        } else {
            spell(all).unwrap_or_default()
        };
        Self {
            online,
            away,
            connected: connected(online, away),
            failing: share(all.failed(), all.tries, 0.0),
            failures: all.failures.clone(),
            transfer: median(&all.transfers),
            install: median(&all.installs),
        }
    }

    fn of(seen: &Evidence, fleet: &Self) -> Self {
        let leaning =
            |part: u64, of: u64, fleet: f64| (part as f64 + WEIGHT * fleet) / (of as f64 + WEIGHT);
        let online = leaning(seen.connected, seen.looks, fleet.online);
        let away = if seen.came == 0 {
            // It stays away for as long as was waited for it in vain, or longer.
            fleet.away.max(seen.waited)
        } else {
            spell(seen).unwrap_or_default()
        };
        let failures = if seen.failures.is_empty() {
            fleet.failures.clone()
        } else {
            seen.failures.clone()
        };
        Self {
            online,
            away,
            connected: connected(online, away),
            failing: leaning(seen.failed(), seen.tries, fleet.failing),
            failures,
            transfer: median(&seen.transfers).or(fleet.transfer),
            install: median(&seen.installs).or(fleet.install),
        }
    }
}

/// The likeliest mean length of a spell away, if one ended or any time was waited.
fn spell(seen: &Evidence) -> Option<Duration> {
    let ended = u32::try_from(seen.came.max(1)).unwrap_or(u32::MAX);
    (!seen.waited.is_zero()).then(|| seen.waited / ended)
}

/// What a spell with a connection must last, so that spells of `away` leave this share.
fn connected(online: f64, away: Duration) -> Option<Duration> {
    let odds = online / (1.0 - online).max(f64::MIN_POSITIVE);
    let spell = away.as_secs_f64() * odds;
    (online < 1.0)
        .then(|| Duration::try_from_secs_f64(spell).ok())
        .flatten()
}
