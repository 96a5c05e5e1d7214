//! The rollouts of a world, and who is in it.

use std::{num::NonZeroU32, time::Duration};

use proptest::prelude::*;
use windlass_model::{
    Cohort, Connection, OfflineDevices, OnUncertain, PluginName, PluginPin, Release, ReleaseKey,
    RetrySettings, Rollback, RolloutKey, RolloutName, RolloutPlan, RolloutSettings, RolloutState,
    SettleSettings, Sha256, StoredRollout, Timeouts, VerifyMode,
};

use super::{
    fleet::{Fleet, Mood, Presence, RELEASE_SIZE},
    policy::Policy,
    store::Table,
    world::World,
};

/// What rollouts of a test differ in.
#[derive(Clone, Debug)]
pub(crate) struct Spec<'a> {
    pub(crate) key: RolloutKey,
    pub(crate) release: (&'a str, &'a str),
    pub(crate) cohorts: &'a [u64],
    pub(crate) policies: &'a [Policy],
    pub(crate) attempts: u32,
    pub(crate) priority: i32,
    pub(crate) concurrency: Option<NonZeroU32>,
}

impl Spec<'_> {
    pub(crate) fn table(&self) -> (Table, Vec<Policy>) {
        let (name, version) = self.release;
        let release = Release {
            name: name.to_owned(),
            version: version.to_owned(),
            size: RELEASE_SIZE,
            sha256: Sha256([7; 32]),
            media_type: "application/octet-stream".to_owned(),
        };
        let rollout = StoredRollout {
            key: self.key,
            plan: self.plan(),
            state: RolloutState::Draft,
            started_at: None,
            ended_at: None,
            paused_for: Duration::ZERO,
            paused_since: None,
            rollback: Rollback::NotWanted,
        };
        (Table::new(rollout, release), self.policies.to_vec())
    }

    /// A world of this rollout alone.
    pub(crate) fn world(&self, cap: usize, devices: Vec<(Vec<Mood>, Presence)>) -> World {
        World::new(vec![self.table()], Fleet::new(devices), cap)
    }

    fn plan(&self) -> RolloutPlan {
        let pins = (0..self.policies.len()).map(|index| PluginPin {
            name: PluginName::new(format!("policy-{index}")),
            component: Sha256([1; 32]),
            settings: Sha256([2; 32]),
        });
        RolloutPlan {
            name: RolloutName::new(format!("rollout-{}", self.key)),
            release: ReleaseKey(self.key.0),
            settings: self.settings(),
            cohorts: (0..)
                .zip(self.cohorts)
                .map(|(index, size)| Cohort {
                    name: format!("cohort-{index}"),
                    size: *size,
                })
                .collect(),
            filter_expression: None,
            filter: None,
            policies: pins.collect(),
            deliveries: Vec::new(),
            unselected: 0,
            fleet: None,
            takes_back: None,
        }
    }

    fn settings(&self) -> RolloutSettings {
        RolloutSettings {
            retry: RetrySettings {
                attempts: self.attempts,
                backoff: Duration::from_secs(1),
                max_backoff: Duration::from_secs(30),
            },
            timeouts: Timeouts {
                idle: Duration::from_secs(30),
                attempt: Duration::from_secs(600),
            },
            settle: SettleSettings {
                grace: Duration::from_secs(60),
                on_uncertain: OnUncertain::DeadLetter,
            },
            offline: OfflineDevices::Defer,
            probe_interval: Duration::from_secs(10),
            verify: VerifyMode::WhenPossible,
            allow_downgrade: false,
            seed: 3,
            priority: self.priority,
            concurrency: self.concurrency,
            connection: Connection::Assumed,
            dynamic: false,
        }
    }
}

pub(crate) fn presences() -> impl Strategy<Value = Presence> {
    prop_oneof![
        6 => Just(Presence::There),
        1 => (1..4_u8).prop_map(Presence::Away),
        1 => (1..9_u8).prop_map(Presence::Later),
        1 => Just(Presence::Current),
    ]
}
