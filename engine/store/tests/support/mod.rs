//! A plan for tests that do not care what is in it.

use std::time::Duration;

use windlass_model::{
    Connection, OfflineDevices, OnUncertain, Release, RetrySettings, RolloutName, RolloutPlan,
    RolloutSettings, SettleSettings, Sha256, Timeouts, Timestamp, VerifyMode,
};
use windlass_store::Store;

/// Without cohorts; its release is in the store.
pub(crate) fn plan(store: &mut Store) -> RolloutPlan {
    let release = Release {
        name: "app".to_owned(),
        version: "1.0.0".to_owned(),
        size: 1,
        sha256: Sha256([0; 32]),
        media_type: "application/octet-stream".to_owned(),
    };
    let second = Duration::from_secs(1);
    RolloutPlan {
        name: RolloutName::new("r"),
        release: store.put_release(&release, Timestamp(1)).expect("kept"),
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
