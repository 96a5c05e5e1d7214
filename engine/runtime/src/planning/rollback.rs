//! Taking a rollout back is a rollout, or one for each release that devices go back to
//! (design §7.9).

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU32,
};

use windlass_model::{
    Cohort, DeviceId, DeviceKey, OfflineDevices, ReleaseKey, RolloutName, RolloutPlan,
    RolloutSettings, StoredRelease, StoredRollout,
};
use windlass_store::RollbackTarget;

/// What devices go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackTo {
    /// What each ran before the rollout's first attempt.
    Previous,
    /// This version.
    Version(String),
}

/// How rollbacks go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbackRules {
    /// What to.
    pub to: BackTo,
    /// Transfers at once; those of the engine if absent.
    pub concurrency: Option<NonZeroU32>,
}

/// The rollouts that take `of` back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rollbacks {
    /// One per release, with its devices.
    pub plans: Vec<(RolloutPlan, Vec<DeviceKey>)>,
    /// Devices that cannot go back, and why.
    pub impossible: Vec<(DeviceId, String)>,
}

/// Plans the rollouts that take `targets` of the rollout `of` back to one of `releases`, to
/// none that is condemned.
pub fn plan_rollbacks(
    of: &StoredRollout,
    targets: Vec<RollbackTarget>,
    releases: &[StoredRelease],
    condemned: &BTreeSet<ReleaseKey>,
    rules: &RollbackRules,
) -> Rollbacks {
    let mut groups: BTreeMap<&str, (&StoredRelease, Vec<DeviceKey>)> = BTreeMap::new();
    let mut impossible = Vec::new();
    for target in targets {
        let wanted = match &rules.to {
            BackTo::Version(version) => Some(version),
            BackTo::Previous => target.previous.as_ref(),
        };
        let Some(wanted) = wanted else {
            let reason = "what it ran before is not known".to_owned();
            impossible.push((target.id, reason));
            continue;
        };
        match releases
            .iter()
            .find(|stored| stored.release.version == *wanted)
        {
            Some(stored) if condemned.contains(&stored.key) => impossible.push((
                target.id,
                format!("the release of version {wanted} is condemned itself"),
            )),
            Some(stored) => {
                let (_, devices) = groups
                    .entry(&stored.release.version)
                    .or_insert((stored, Vec::new()));
                devices.push(target.device);
            }
            None => impossible.push((
                target.id,
                format!("no release of version {wanted} is configured to go back to"),
            )),
        }
    }
    let plans = groups
        .into_values()
        .map(|(stored, devices)| (plan(of, stored, devices.len() as u64, rules), devices))
        .collect();
    Rollbacks { plans, impossible }
}

fn plan(
    of: &StoredRollout,
    to: &StoredRelease,
    devices: u64,
    rules: &RollbackRules,
) -> RolloutPlan {
    RolloutPlan {
        name: RolloutName::new(format!("{}-rollback-{}", of.plan.name, to.release.version)),
        release: to.key,
        settings: RolloutSettings {
            allow_downgrade: true,
            priority: i32::MAX,
            concurrency: rules.concurrency,
            offline: OfflineDevices::Defer,
            dynamic: false,
            ..of.plan.settings.clone()
        },
        cohorts: vec![Cohort {
            name: "rollback".into(),
            size: devices,
        }],
        filter_expression: None,
        filter: None,
        policies: Vec::new(),
        deliveries: of.plan.deliveries.clone(),
        unselected: 0,
        fleet: None,
        takes_back: Some(of.key),
    }
}
