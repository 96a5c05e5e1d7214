//! A plan for measurements that do not care what is in it.

use std::time::Duration;

use windlass_model::{
    Connection, OfflineDevices, OnUncertain, Release, ReleaseKey, RetrySettings, RolloutName,
    RolloutPlan, RolloutSettings, SettleSettings, Sha256, Timeouts, VerifyMode,
};

pub(crate) fn release() -> Release {
    Release {
        name: "app".to_owned(),
        version: "1.0.0".to_owned(),
        size: 1,
        sha256: Sha256([0; 32]),
        media_type: "application/octet-stream".to_owned(),
    }
}

/// Without cohorts, plugins and devices.
pub(crate) fn plan(release: ReleaseKey) -> RolloutPlan {
    let second = Duration::from_secs(1);
    RolloutPlan {
        name: RolloutName::new("recorded"),
        release,
        settings: RolloutSettings {
            retry: RetrySettings {
                attempts: 1,
                backoff: second,
                max_backoff: second,
            },
            timeouts: Timeouts {
                idle: second,
                attempt: second,
            },
            settle: SettleSettings {
                grace: second,
                on_uncertain: OnUncertain::DeadLetter,
            },
            offline: OfflineDevices::Defer,
            probe_interval: second,
            verify: VerifyMode::Off,
            allow_downgrade: false,
            seed: 1,
            priority: 0,
            concurrency: None,
            connection: Connection::Assumed,
            dynamic: false,
        },
        cohorts: Vec::new(),
        filter_expression: None,
        filter: None,
        policies: Vec::new(),
        deliveries: Vec::new(),
        unselected: 0,
        fleet: None,
        takes_back: None,
    }
}
