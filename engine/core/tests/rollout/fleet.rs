//! Devices that fail in all the ways that devices do.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use windlass_model::{
    self as model, Admission, AttemptOutcome, Connectivity, DeviceId, DeviceKey, Failure,
    FailureKind, Release, Timestamp, Verification,
};

pub(crate) const RELEASE_SIZE: u64 = 1000;
/// How far a push comes that is cut off.
pub(crate) const CUT_OFF_AT: u64 = 500;
/// Below the settle grace of the tests.
const FLASHING: Duration = Duration::from_secs(40);
/// How long a device runs the release that falls back.
pub(crate) const LASTS: Duration = Duration::from_secs(20);
/// Sites that the devices are spread over.
const SITES: i64 = 3;
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
    /// Says that it runs the release, and falls back after a while.
    FallsBack,
}

impl Mood {
    pub(crate) const ALL: [Self; 15] = [
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
        Self::FallsBack,
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
    /// By the release's name: the version, and since when it runs.
    runs: BTreeMap<String, (String, Timestamp)>,
    mute_until: Timestamp,
    /// Its delivery traps when it asks it.
    pub(crate) traps: bool,
    /// It falls back once it has said that it runs the release.
    is_unstable: bool,
    falls_at: Option<Timestamp>,
    /// The releases that it fell back from.
    pub(crate) fell: BTreeSet<(String, String)>,
    /// How often each release was installed.
    pub(crate) installs: BTreeMap<(String, String), u32>,
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
                        runs: BTreeMap::new(),
                        mute_until: Timestamp(0),
                        traps: false,
                        is_unstable: false,
                        falls_at: None,
                        fell: BTreeSet::new(),
                        installs: BTreeMap::new(),
                    };
                    (key, device)
                })
                .collect(),
        )
    }

    /// Everybody is back.
    pub(crate) fn connect(&mut self) {
        for device in self.0.values_mut() {
            if device.is_away() {
                device.presence = Presence::There;
            }
        }
    }

    pub(crate) fn device(&mut self, key: DeviceKey) -> &mut Device {
        self.0.get_mut(&key).expect("a device of the fleet")
    }
}

/// The device as the registry has it, but for what was observed.
pub(crate) fn record(key: DeviceKey) -> model::Device {
    model::Device {
        id: DeviceId::new(format!("device-{key}")),
        name: String::new(),
        address: format!("http://device-{key}"),
        kind: None,
        version: None,
        status: Connectivity::Unknown,
        location: Some(site(key)),
        timezone: None,
        tags: Vec::new(),
        attributes: BTreeMap::new(),
        last_seen: None,
    }
}

pub(crate) fn site(key: DeviceKey) -> String {
    format!("site-{}", key.0 % SITES)
}

impl Device {
    /// What a look at the device finds.
    pub(crate) fn look(&mut self, now: Timestamp, release: &Release) -> Found {
        let mut found = Found {
            status: Connectivity::Online,
            runs: None,
            admission: Admission {
                order_key: u64::from(self.moods.len() as u32 % 3),
                ..Admission::default()
            },
        };
        match &mut self.presence {
            Presence::Away(looks) if *looks > 0 => {
                *looks -= 1;
                found.status = Connectivity::Offline;
            }
            Presence::Later(minutes) if *minutes > 0 => {
                let opens = now.plus(Duration::from_secs(60 * u64::from(*minutes)));
                found.admission.not_before = Some(opens);
                *minutes = 0;
            }
            Presence::Current => found.runs = Some(release.version.clone()),
            Presence::There | Presence::Away(_) | Presence::Later(_) => {}
        }
        found
    }

    pub(crate) fn is_away(&self) -> bool {
        matches!(self.presence, Presence::Away(looks) if looks > 0)
    }

    /// What came of it, and how far into the payload it came.
    pub(crate) fn push(&mut self, now: Timestamp, release: &Release) -> (AttemptOutcome, u64) {
        let failed = |kind| AttemptOutcome::Failed(Failure::new(kind, "simulated"));
        match self.moods.pop().unwrap_or(Mood::Takes) {
            Mood::Takes => {
                self.install(release, now);
                (AttemptOutcome::Delivered, RELEASE_SIZE)
            }
            Mood::Flashes => {
                self.install(release, now.plus(FLASHING));
                (AttemptOutcome::Delivered, RELEASE_SIZE)
            }
            Mood::FallsSilent => {
                self.install(release, now);
                self.mute_until = now.plus(MUTE);
                (AttemptOutcome::Delivered, RELEASE_SIZE)
            }
            Mood::LosesAnswer => {
                self.install(release, now.plus(FLASHING));
                (failed(FailureKind::TimedOut), RELEASE_SIZE)
            }
            Mood::DropsAll => (failed(FailureKind::Interrupted), RELEASE_SIZE),
            Mood::Lies => (AttemptOutcome::Delivered, RELEASE_SIZE),
            Mood::CutsOff => (failed(FailureKind::Interrupted), CUT_OFF_AT),
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
                self.install(release, now.plus(FLASHING));
                (AttemptOutcome::Offered("offer".to_owned()), 0)
            }
            Mood::Forgets => (AttemptOutcome::Offered("offer".to_owned()), 0),
            Mood::FallsBack => {
                self.install(release, now);
                self.is_unstable = true;
                (AttemptOutcome::Delivered, RELEASE_SIZE)
            }
        }
    }

    /// Whether it runs its release no more, and did not at `then`.
    pub(crate) fn fell_before(&self, then: Timestamp) -> bool {
        self.falls_at.is_some_and(|at| at <= then)
    }

    /// It is not heard of for so long.
    pub(crate) fn mute(&mut self, now: Timestamp, length: Duration) {
        self.mute_until = now.plus(length);
    }

    /// What it runs is no more if its time has come: to bring it again is no second update.
    fn fall_back(&mut self, now: Timestamp, release: &Release) {
        if self.falls_at.is_some_and(|at| at <= now) {
            self.falls_at = None;
            self.is_unstable = false;
            let Release { name, version, .. } = release.clone();
            self.runs.remove(&name);
            let lost = (name, version);
            self.installs.remove(&lost);
            self.fell.insert(lost);
        }
    }

    fn install(&mut self, release: &Release, at: Timestamp) {
        self.is_unstable = false;
        self.falls_at = None;
        let Release { name, version, .. } = release.clone();
        *self
            .installs
            .entry((name.clone(), version.clone()))
            .or_default() += 1;
        self.runs.insert(name, (version, at));
    }

    pub(crate) fn verify(
        &mut self,
        now: Timestamp,
        release: &Release,
    ) -> Result<Verification, Failure> {
        if self.traps {
            return Err(Failure::new(FailureKind::Plugin, "trapped"));
        }
        self.fall_back(now, release);
        if now < self.mute_until {
            return Err(Failure::new(FailureKind::Unreachable, "mute"));
        }
        match self.runs.get(&release.name) {
            Some((version, from)) if *version == release.version && now >= *from => {
                if self.is_unstable {
                    self.falls_at.get_or_insert(now.plus(LASTS));
                }
                Ok(Verification::RunsRelease)
            }
            // A sentence and no version: what ran before says nothing of the order.
            _ => Ok(Verification::RunsOther("an old one".to_owned())),
        }
    }
}

/// What a look at a device finds.
pub(crate) struct Found {
    pub(crate) status: Connectivity,
    pub(crate) runs: Option<String>,
    pub(crate) admission: Admission,
}
