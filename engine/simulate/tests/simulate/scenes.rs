//! Scenarios, and how they are lived through.

use std::future::Future as _;

use std::{num::NonZeroUsize, time::Duration};

use windlass_core::DeliveryFacts;
use windlass_model::{
    Connection, OfflineDevices, OnUncertain, PluginName, PluginPin, Release, RetrySettings,
    RolloutName, RolloutSettings, SettleSettings, Sha256, Timeouts, Timestamp, VerifyMode,
};
use windlass_simulate::{Faults, Fleet, Plugins, Profile, Scenario, Session, simulate};

pub(crate) const HOUR: Duration = Duration::from_secs(3600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3600);

/// A Monday, 8:00 in UTC.
pub(crate) const MONDAY: Timestamp = Timestamp(1_767_600_000_000);

/// A rollout to made up devices with the defaults of a configuration.
pub(crate) fn scene(profile: Profile, devices: u64, seed: u64) -> Scenario {
    Scenario {
        rollout: RolloutName::new("app-9"),
        configuration: "app-9.toml".to_owned(),
        release: Release {
            name: "app".to_owned(),
            version: "9.0.0".to_owned(),
            size: 1,
            sha256: Sha256([0; 32]),
            media_type: "application/octet-stream".to_owned(),
        },
        settings: RolloutSettings {
            retry: RetrySettings {
                attempts: 3,
                backoff: Duration::from_secs(1),
                max_backoff: Duration::from_secs(30),
            },
            timeouts: Timeouts {
                idle: Duration::from_secs(30),
                attempt: HOUR,
            },
            settle: SettleSettings {
                grace: Duration::from_secs(30),
                on_uncertain: OnUncertain::DeadLetter,
            },
            offline: OfflineDevices::Defer,
            probe_interval: Duration::from_secs(30),
            verify: VerifyMode::WhenPossible,
            allow_downgrade: false,
            seed: 7,
            priority: 0,
            concurrency: None,
            connection: Connection::Assumed,
            dynamic: false,
        },
        facts: DeliveryFacts {
            verifies: true,
            idempotent_push: false,
        },
        policies: Vec::new(),
        concurrency: NonZeroUsize::new(100).expect("it is not zero"),
        limits: [].into(),
        retries_per_minute: None,
        fleet: Fleet::new(profile, seed, devices, Vec::new()),
        faults: Faults::default(),
        signals: Vec::new(),
        watched: Vec::new(),
        seed,
        began: MONDAY,
        span: 30 * DAY,
    }
}

/// The pin of the one policy that a scenario has.
pub(crate) fn one_policy() -> Vec<PluginPin> {
    vec![PluginPin {
        name: PluginName::new("canary"),
        component: Sha256([0; 32]),
        settings: Sha256([0; 32]),
    }]
}

/// Nothing in a session waits for anything but the clock that it sets itself.
pub(crate) fn lived<P: Plugins>(scenario: &Scenario, plugins: &P) -> Session {
    let session = std::pin::pin!(simulate(scenario, plugins));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match session.poll(&mut context) {
        std::task::Poll::Ready(Ok(session)) => session,
        std::task::Poll::Ready(Err(error)) => panic!("{error}"),
        std::task::Poll::Pending => panic!("nothing here waits"),
    }
}
