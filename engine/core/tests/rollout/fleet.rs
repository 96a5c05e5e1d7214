//! Devices that fail in all the ways that devices do.

use std::{collections::BTreeMap, time::Duration};

use windlass_core::Gate;
use windlass_model::{
    AttemptOutcome, DeviceKey, Failure, FailureKind, SkipReason, Timestamp, Verification,
};

pub(crate) const RELEASE_SIZE: u64 = 1000;
/// Below the settle grace of the tests.
const FLASHING: Duration = Duration::from_secs(40);
/// Beyond the attempt limit of the tests.
const MUTE: Duration = Duration::from_secs(900);

/// What a device does with one push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Takes,
    /// Runs the old version for a while after it took the release.
    Flashes,
    /// Takes it and is not heard of for a while.
    FallsSilent,
    /// Takes it, but the answer is lost.
    LosesAnswer,
    /// Gets every byte, drops them, and the answer is lost.
    DropsAll,
    /// Says that it took it, and goes on as before.
    Lies,
    CutsOff,
    Refuses,
    AsksForTime,
    Rejects,
    Breaks,
    PluginTraps,
    /// Is offered the release and fetches it.
    Fetches,
    /// Is offered the release and forgets it.
    Forgets,
}

impl Mood {
    pub(crate) const ALL: [Self; 14] = [
        Self::Takes,
        Self::Flashes,
        Self::FallsSilent,
        Self::LosesAnswer,
        Self::DropsAll,
        Self::Lies,
        Self::CutsOff,
        Self::Refuses,
        Self::AsksForTime,
        Self::Rejects,
        Self::Breaks,
        Self::PluginTraps,
        Self::Fetches,
        Self::Forgets,
    ];
}

/// What is found when a device's turn comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    There,
    /// Offline for so many looks.
    Away(u8),
    /// In a window that opens then.
    Later(u8),
    Current,
}

#[derive(Debug)]
pub(crate) struct Device {
    moods: Vec<Mood>,
    presence: Presence,
    installed: bool,
    runs_release_from: Timestamp,
    mute_until: Timestamp,
    pub(crate) installs: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Fleet(pub(crate) BTreeMap<DeviceKey, Device>);

impl Fleet {
    pub(crate) fn new(devices: impl IntoIterator<Item = (Vec<Mood>, Presence)>) -> Self {
        let devices = (1..).map(DeviceKey).zip(devices);
        Self(
            devices
                .map(|(key, (mut moods, presence))| {
                    moods.reverse();
                    let device = Device {
                        moods,
                        presence,
                        installed: false,
                        runs_release_from: Timestamp(0),
                        mute_until: Timestamp(0),
                        installs: 0,
                    };
                    (key, device)
                })
                .collect(),
        )
    }

    pub(crate) fn device(&mut self, key: DeviceKey) -> &mut Device {
        self.0.get_mut(&key).expect("a device of the fleet")
    }
}

impl Device {
    pub(crate) fn gate(&mut self, now: Timestamp) -> Gate {
        match &mut self.presence {
            Presence::Away(looks) if *looks > 0 => {
                *looks -= 1;
                Gate::Defer {
                    until: now.plus(Duration::from_secs(30)),
                    needs_connection: true,
                    reason: None,
                }
            }
            Presence::Later(minutes) if *minutes > 0 => {
                let until = now.plus(Duration::from_secs(60 * u64::from(*minutes)));
                *minutes = 0;
                Gate::Defer {
                    until,
                    needs_connection: false,
                    reason: None,
                }
            }
            Presence::Current => Gate::Skip(SkipReason::AlreadyCurrent),
            Presence::There | Presence::Away(_) | Presence::Later(_) => Gate::Start {
                order_key: u64::from(self.moods.len() as u32 % 3),
            },
        }
    }

    pub(crate) fn push(&mut self, now: Timestamp) -> (AttemptOutcome, u64) {
        let failed = |kind| AttemptOutcome::Failed(Failure::new(kind, "simulated"));
        match self.moods.pop().unwrap_or(Mood::Takes) {
            Mood::Takes => {
                self.install(now);
                (AttemptOutcome::Delivered, RELEASE_SIZE)
            }
            Mood::Flashes => {
                self.install(now.plus(FLASHING));
                (AttemptOutcome::Delivered, RELEASE_SIZE)
            }
            Mood::FallsSilent => {
                self.install(now);
                self.mute_until = now.plus(MUTE);
                (AttemptOutcome::Delivered, RELEASE_SIZE)
            }
            Mood::LosesAnswer => {
                self.install(now.plus(FLASHING));
                (failed(FailureKind::TimedOut), RELEASE_SIZE)
            }
            Mood::DropsAll => (failed(FailureKind::Interrupted), RELEASE_SIZE),
            Mood::Lies => (AttemptOutcome::Delivered, RELEASE_SIZE),
            Mood::CutsOff => (failed(FailureKind::Interrupted), RELEASE_SIZE / 2),
            Mood::Refuses => (failed(FailureKind::Unreachable), 0),
            Mood::AsksForTime => {
                let mut failure = Failure::new(FailureKind::Busy, "simulated");
                failure.retry_after = Some(Duration::from_secs(45));
                (AttemptOutcome::Failed(failure), 0)
            }
            Mood::Rejects => (failed(FailureKind::Rejected), 0),
            Mood::Breaks => (failed(FailureKind::Other), 0),
            Mood::PluginTraps => (failed(FailureKind::Plugin), 0),
            Mood::Fetches => {
                self.install(now.plus(FLASHING));
                (AttemptOutcome::Offered("offer".to_owned()), 0)
            }
            Mood::Forgets => (AttemptOutcome::Offered("offer".to_owned()), 0),
        }
    }

    fn install(&mut self, at: Timestamp) {
        self.installs += 1;
        self.installed = true;
        self.runs_release_from = at;
    }

    pub(crate) fn verify(&self, now: Timestamp) -> Result<Verification, Failure> {
        if now < self.mute_until {
            Err(Failure::new(FailureKind::Unreachable, "mute"))
        } else if self.installed && now >= self.runs_release_from {
            Ok(Verification::RunsRelease)
        } else {
            Ok(Verification::RunsOther("1.0.0".to_owned()))
        }
    }
}
