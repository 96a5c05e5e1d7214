//! Taking a release back is a rollout like any other, over the devices that have it or may
//! have it (design §7.9).

use std::sync::Arc;

use anyhow::Context as _;
use windlass_model::{
    DeviceId, EventKind, Release, Rollback, RolloutKey, Sequence, Steering, StoredRelease,
    StoredRollout,
};
use windlass_runtime::{
    DeliveryPart, Parts, WaitFor,
    clock::Clock as _,
    payload::PinnedFile,
    planning::{self, BackTo, RollbackRules},
};

use super::{Leg, Owner, berths::Purpose, enter::has_ended};
use crate::{
    command::Failure,
    config::{RollbackSection, RollbackTo},
    setup::Earlier,
};

/// Events read at once when it is looked for who asked.
const PAGE: usize = 4096;

/// What a rollout is taken back with, opened and pinned before it starts: when it is needed
/// is the wrong time to find a payload gone.
pub(super) struct WayBack {
    rules: RollbackRules,
    automatic: bool,
    releases: Vec<(Release, Arc<PinnedFile>)>,
    deliveries: Vec<DeliveryPart>,
}

impl WayBack {
    pub(super) fn new(section: &RollbackSection, parts: &Parts, earlier: Vec<Earlier>) -> Self {
        Self {
            rules: RollbackRules {
                to: match &section.to {
                    RollbackTo::Previous => BackTo::Previous,
                    RollbackTo::Version(version) => BackTo::Version(version.clone()),
                },
                concurrency: section.concurrency,
            },
            automatic: section.automatic,
            releases: earlier
                .into_iter()
                .map(|earlier| (earlier.release, earlier.payload))
                .collect(),
            deliveries: parts.deliveries.iter().map(again).collect(),
        }
    }
}

fn again(part: &DeliveryPart) -> DeliveryPart {
    DeliveryPart {
        pin: part.pin.clone(),
        when: part.when.clone(),
        delivery: part.delivery.clone(),
    }
}

/// What became of a rollback that is wanted.
#[derive(Default)]
pub(super) struct TakenBack {
    /// Those that take it back and are driven from now on.
    pub(super) legs: Vec<Leg>,
    /// Devices that cannot go back, if no device can: then nothing was made.
    pub(super) impossible: Vec<(DeviceId, String)>,
}

enum Made {
    Rollouts(Vec<RolloutKey>),
    Nothing(Vec<(DeviceId, String)>),
}

impl Owner {
    /// Drives the rollouts that take a rollout back, if somebody who may wants it. They are
    /// made at the first call and found at a later one; those driven already are left out.
    ///
    /// They do not wait for the rollout's end: a device that never says what it runs would
    /// keep the whole fleet on the bad release. Nothing starts in it any more, and a device
    /// whose attempt is not settled is fenced until it is.
    ///
    /// # Errors
    /// If the state file fails.
    pub(super) async fn take_back(
        &self,
        rollout: RolloutKey,
        way_back: &WayBack,
        wait: WaitFor,
    ) -> Result<TakenBack, Failure> {
        let of = self.stored(rollout).await?;
        let made = match of.rollback {
            Rollback::NotWanted => Made::Rollouts(Vec::new()),
            Rollback::Wanted => {
                if !way_back.automatic && !self.person_asked(of.key).await? {
                    return Ok(TakenBack::default());
                }
                self.make_rollbacks(&of, way_back).await?
            }
            Rollback::Made => {
                let key = of.key;
                Made::Rollouts(self.run(move |store| store.rollbacks_of(key)).await?)
            }
        };
        let keys = match made {
            Made::Rollouts(keys) => keys,
            Made::Nothing(impossible) => {
                return Ok(TakenBack {
                    legs: Vec::new(),
                    impossible,
                });
            }
        };
        let mut legs = Vec::new();
        for key in keys {
            let rollout = self.stored(key).await?;
            if !has_ended(&rollout) {
                legs.extend(self.go_back(rollout, way_back, wait).await?);
            }
        }
        Ok(TakenBack {
            legs,
            impossible: Vec::new(),
        })
    }

    async fn make_rollbacks(
        &self,
        of: &StoredRollout,
        way_back: &WayBack,
    ) -> Result<Made, Failure> {
        let key = of.key;
        let now = self.clock.now().wall;
        let mut releases = Vec::new();
        for (release, _) in &way_back.releases {
            let kept = release.clone();
            let key = self.run(move |store| store.put_release(&kept, now)).await?;
            releases.push(StoredRelease {
                key,
                release: release.clone(),
            });
        }
        let targets = self.run(move |store| store.rollback_targets(key)).await?;
        let condemned = self.run(|store| store.condemned()).await?;
        let condemned = condemned.iter().map(|(known, _)| known.key).collect();
        let made = planning::plan_rollbacks(of, targets, &releases, &condemned, &way_back.rules);
        if made.plans.is_empty() && !made.impossible.is_empty() {
            // It stays wanted: the next run may name releases to go back to.
            return Ok(Made::Nothing(made.impossible));
        }
        let keys = self
            .store
            .run(move |store| store.create_rollbacks(key, &made.plans, &made.impossible, now))
            .await
            .context("the state file failed")?
            .context("the rollback could not be kept")?;
        Ok(Made::Rollouts(keys))
    }

    /// None if its release is no longer configured, or another terminal drives it.
    async fn go_back(
        &self,
        rollout: StoredRollout,
        way_back: &WayBack,
        wait: WaitFor,
    ) -> Result<Option<Leg>, Failure> {
        let release = rollout.plan.release;
        let release = self.run(move |store| store.release(release)).await?;
        let Some((release, payload)) = way_back
            .releases
            .iter()
            .find(|(known, _)| known.sha256 == release.sha256 && known.version == release.version)
        else {
            return Ok(None);
        };
        let name = rollout.plan.name.clone();
        let Some(berth) = self.berths.take(&name, Purpose::Run).await else {
            return Ok(None);
        };
        let parts = Parts {
            name: name.clone(),
            release: release.clone(),
            payload: Arc::clone(payload) as _,
            settings: rollout.plan.settings,
            fleet: None,
            filter: None,
            policies: Vec::new(),
            shadows: Vec::new(),
            signals: Vec::new(),
            deliveries: way_back.deliveries.iter().map(again).collect(),
        };
        let turns = self.growing.turns();
        let leg = self
            .drive((rollout.key, name), (parts, Vec::new()), wait, berth, turns)
            .await?;
        Ok(Some(leg))
    }

    /// Whether a person, not only a policy, ordered the rollback. It is asked of a rollout
    /// whose policy may not.
    async fn person_asked(&self, key: RolloutKey) -> Result<bool, Failure> {
        let mut after = Sequence::default();
        loop {
            let page = self
                .run(move |store| store.events(after, PAGE, Some(key)))
                .await?;
            let ordered = page.iter().any(|logged| {
                matches!(
                    logged.event.kind,
                    EventKind::OrderGiven {
                        order: Steering::RollBack { .. },
                        ..
                    }
                )
            });
            match page.last() {
                _ if ordered => return Ok(true),
                Some(last) => after = last.seq,
                None => return Ok(false),
            }
        }
    }
}
