use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use windlass_core::{Candidate, DecideRequest, DeliveryFacts, admission};
use windlass_model::{
    Admission, Assignment, AssignmentState, AttemptOutcome, Connectivity, Decision, DeviceId,
    Failure, FailureKind, Release, RolloutSettings, Timestamp, Verification,
};
use windlass_runtime::{Attempt, AttemptEnd, Executor, Surroundings};

use super::{
    device::{Arrival, Device, Mood},
    gauge::Gauge,
    lottery::Lottery,
    policy::Policy,
};

/// What all rollouts of a world meet: its devices, and what is drawn about them.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) devices: BTreeMap<DeviceId, Device>,
    pub(super) gauge: Gauge,
    pub(super) lottery: Lottery,
    /// Nothing goes wrong any more.
    pub(super) calm: bool,
    /// Transfers at once.
    pub(super) most: u64,
    /// Transfers at once to one group.
    pub(super) most_of_group: Option<u64>,
    /// Below the settle grace, so that devices that flash are given their time.
    pub(super) install: (u64, u64),
}

/// One rollout's side of a world.
#[derive(Debug)]
pub(super) struct WorldExecutor {
    pub(super) site: Arc<Mutex<Site>>,
    pub(super) release: Release,
    pub(super) settings: RolloutSettings,
    pub(super) policies: Vec<Policy>,
    pub(super) facts: DeliveryFacts,
}

/// A push that sends. When it ends, however it ends, it sends no more.
struct Sending<'a> {
    site: &'a Mutex<Site>,
    device: DeviceId,
    group: String,
}

impl<'a> Sending<'a> {
    fn begin(site: &'a Mutex<Site>, device: &windlass_model::Device) -> Self {
        let group = device.location.clone().unwrap_or_default();
        let mut locked = lock(site);
        let Site {
            devices,
            gauge,
            most,
            most_of_group,
            ..
        } = &mut *locked;
        gauge.begin(&group, *most, *most_of_group);
        if let Some(virtual_device) = devices.get_mut(&device.id) {
            virtual_device.sending += 1;
            if virtual_device.sending > 1 {
                let id = &device.id;
                gauge.violations.push(format!("two pushes at once to {id}"));
            }
        }
        Self {
            site,
            device: device.id.clone(),
            group,
        }
    }
}

impl Drop for Sending<'_> {
    fn drop(&mut self) {
        let mut site = lock(self.site);
        site.gauge.end(&self.group);
        if let Some(device) = site.devices.get_mut(&self.device) {
            device.sending -= 1;
        }
    }
}

pub(super) fn lock(site: &Mutex<Site>) -> MutexGuard<'_, Site> {
    site.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Site {
    fn mood(&mut self) -> Mood {
        if self.calm {
            return Mood::Takes;
        }
        match self.lottery.below(24) {
            0 | 1 => Mood::LosesAnswer,
            2 => Mood::Drops,
            3 | 4 => Mood::CutsOff,
            5 => Mood::Breaks,
            6 => Mood::IsBusy,
            7 => Mood::Traps,
            8 if self.lottery.once_in(4) => Mood::Rejects,
            _ => Mood::Takes,
        }
    }

    /// The body arrived whole.
    fn arrived(&mut self, id: &DeviceId, version: &str, mood: Mood) {
        let (least, most) = self.install;
        let install = self.lottery.seconds(least, most);
        let installs = (mood != Mood::Drops).then_some(install);
        if let Some(device) = self.devices.get_mut(id)
            && device.take(version, installs) == Arrival::Again
            // One that never tells may be pushed to again, if the delivery says that is safe.
            && !device.mute
        {
            self.gauge
                .violations
                .push(format!("{version} arrived twice at {id}"));
        }
    }

    fn reaches(&mut self, id: &DeviceId) -> bool {
        let leaves = !self.calm && self.lottery.once_in(20);
        let how_long = self.lottery.seconds(5, 1800);
        self.devices.get_mut(id).is_some_and(|device| {
            if leaves {
                device.leave(how_long);
            }
            !device.is_away()
        })
    }
}

impl WorldExecutor {
    async fn send(&self, attempt: &Attempt) -> AttemptEnd {
        let id = &attempt.device.id;
        let (mood, reached, transfer, answer) = {
            let mut site = lock(&self.site);
            let mood = site.mood();
            let reached = site.reaches(id);
            (
                mood,
                reached,
                site.lottery.millis(50, 8000),
                site.lottery.millis(1, 4000),
            )
        };
        if !reached {
            tokio::time::sleep(answer).await;
            return failed(FailureKind::Unreachable, 0, 0);
        }
        let size = self.release.size;
        let half = size / 2;
        // Attempts after the first go on from the middle.
        let base = if attempt.number > 1 { half } else { 0 };
        tokio::time::sleep(transfer / 2).await;
        match mood {
            Mood::CutsOff => return failed(FailureKind::Interrupted, base, half),
            Mood::Traps => return failed(FailureKind::Plugin, base, half),
            Mood::IsBusy => return failed(FailureKind::Busy, base, base),
            Mood::Rejects => return failed(FailureKind::Rejected, base, base),
            Mood::Takes | Mood::LosesAnswer | Mood::Drops | Mood::Breaks => {}
        }
        tokio::time::sleep(transfer / 2).await;
        if mood != Mood::Breaks {
            lock(&self.site).arrived(id, &self.release.version, mood);
        }
        // From here on the device has it, whether or not anybody hears of that.
        tokio::time::sleep(answer).await;
        match mood {
            Mood::Breaks => failed(FailureKind::DeviceError, base, size),
            Mood::LosesAnswer => failed(FailureKind::Interrupted, base, size),
            _ => AttemptEnd {
                outcome: AttemptOutcome::Delivered,
                bytes: size - base,
                reached: size,
            },
        }
    }
}

/// One that went on from `base` and came to `reached`.
fn failed(kind: FailureKind, base: u64, reached: u64) -> AttemptEnd {
    AttemptEnd {
        outcome: AttemptOutcome::Failed(Failure::new(kind, "as the seed has it")),
        bytes: reached - base,
        reached,
    }
}

impl Executor for WorldExecutor {
    /// Nobody swaps policies there.
    type Policies = std::convert::Infallible;

    fn prepare(&self, policies: Self::Policies) {
        match policies {}
    }

    fn ask(&self, _: &[windlass_model::PluginPin]) {}

    fn facts(&self) -> DeliveryFacts {
        self.facts
    }

    async fn consider(
        &self,
        rows: Vec<(Assignment, Arc<windlass_model::Device>)>,
        around: Surroundings,
        now: Timestamp,
    ) -> Vec<Candidate> {
        let pause = lock(&self.site).lottery.millis(0, 300);
        tokio::time::sleep(pause).await;
        rows.into_iter()
            .map(|(assignment, device)| {
                let mut device = windlass_model::Device::clone(&device);
                let waits = matches!(assignment.state, AssignmentState::Deferred(deferral) if deferral.needs_connection);
                if waits && lock(&self.site).reaches(&device.id) {
                    device.status = Connectivity::Online;
                }
                let gate = admission::gate(&admission::Circumstances {
                    device: &device,
                    release: &self.release,
                    settings: &self.settings,
                    matches: true,
                    admission: Admission::default(),
                    holds: &around.holds,
                    rivals: around.rivals_of(assignment.device),
                    driven: &around.driven,
                    rollout: around.rollout,
                    now,
                });
                Candidate {
                    assignment,
                    gate,
                    groups: Vec::new(),
                }
            })
            .collect()
    }

    async fn push(&self, attempt: Attempt) -> AttemptEnd {
        let _sending = Sending::begin(&self.site, &attempt.device);
        tokio::select! {
            biased;
            () = attempt.cancel.cancelled() => AttemptEnd {
                outcome: AttemptOutcome::Cancelled,
                bytes: 0,
                reached: 0,
            },
            end = self.send(&attempt) => end,
        }
    }

    async fn verify(&self, attempt: Attempt) -> Result<Verification, Failure> {
        let pause = lock(&self.site).lottery.millis(1, 2000);
        tokio::time::sleep(pause).await;
        let mut site = lock(&self.site);
        let id = &attempt.device.id;
        if !site.reaches(id) {
            return Err(Failure::new(FailureKind::Unreachable, "away"));
        }
        let version = &self.release.version;
        Ok(site
            .devices
            .get_mut(id)
            .map_or(Verification::CannotTell, |device| device.tells(version)))
    }

    async fn decide(&self, requests: Vec<DecideRequest>) -> Vec<Result<Decision, String>> {
        let pause = lock(&self.site).lottery.millis(0, 500);
        tokio::time::sleep(pause + Duration::from_millis(1)).await;
        requests
            .iter()
            .map(|request| {
                let mut site = lock(&self.site);
                if !site.calm && site.lottery.once_in(40) {
                    return Err("trapped".to_owned());
                }
                let policy = self.policies.get(request.policy);
                policy
                    .map(|policy| policy.decide(request))
                    .ok_or_else(|| "there is no such policy".to_owned())
            })
            .collect()
    }
}
