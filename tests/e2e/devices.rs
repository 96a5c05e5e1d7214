//! What devices do to us: reject, fail, hang, go away.

use std::{collections::BTreeMap, time::Duration};

use serde_json::json;
use windlass_sim::{Behaviour, Fault, FleetSpec, Inspect, Offline, When};

use crate::support::{Bench, Config};

fn with(overrides: impl IntoIterator<Item = (usize, Behaviour)>) -> FleetSpec {
    FleetSpec {
        count: 10,
        overrides: overrides.into_iter().collect(),
        ..FleetSpec::default()
    }
}

/// A device that says no is not asked again, and the others are updated.
#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_device_is_left_alone() {
    let bench = Bench::new(
        with([(4, Behaviour::failing(Fault::status(409), When::Always))]),
        1_000,
    );
    bench.configure(&Config::default());
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let result = ended.result();
    assert_eq!(
        (&result["succeeded"], &result["rejected"]),
        (&json!(9), &json!(1))
    );
    assert_eq!(bench.fleet.stop().await.devices[4].begun, 1);
}

/// GO-41, GO-68: a device that fails twice and then works ends as succeeded, after exactly
/// three requests, each under an attempt id of its own.
#[tokio::test(flavor = "multi_thread")]
async fn retries_succeed_and_each_is_its_own_attempt() {
    let flaky = Behaviour::failing(Fault::status(503), When::First(2));
    let bench = Bench::new(
        FleetSpec {
            default: flaky,
            ..with([])
        },
        1_000,
    );
    bench.configure(&Config::default());
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(bench.payload), []);
    for device in &report.devices {
        assert_eq!(
            (device.begun, device.installed, device.attempts.len()),
            (3, 1, 3)
        );
    }
}

/// GO-176: attempts that are used up leave a dead letter, not a retry for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_always_fails_is_dead_lettered() {
    let bench = Bench::new(
        with([(0, Behaviour::failing(Fault::status(500), When::Always))]),
        1_000,
    );
    bench.configure(&Config::default());
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert_eq!(ended.result()["dead_lettered"], 1);
    assert_eq!(bench.fleet.stop().await.devices[0].begun, 3);
}

/// A device that took everything and still runs the old version has not succeeded.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_keeps_its_old_version_has_not_succeeded() {
    let bench = Bench::new(
        with([(2, Behaviour::failing(Fault::KeepVersion, When::Always))]),
        1_000,
    );
    bench.configure(&Config {
        rollout: r#"settle = { grace = "200ms" }
retry = { attempts = 1, backoff = "20ms", max_backoff = "100ms" }"#,
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let result = ended.result();
    assert_eq!(
        (&result["succeeded"], &result["dead_lettered"]),
        (&json!(9), &json!(1))
    );
}

/// GO-18, GO-58: a device that takes the body and never answers fails at the idle time-out,
/// not before and not never.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_device_fails_by_the_idle_time_out() {
    let bench = Bench::new(
        with([(7, Behaviour::failing(Fault::Hang, When::Always))]),
        1_000,
    );
    bench.configure(&Config {
        rollout: r#"timeouts = { idle = "300ms", attempt = "1m" }
settle = { grace = "200ms" }"#,
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let failures: Vec<_> = ended
        .events()
        .into_iter()
        .filter(|event| event["type"] == "attempt-failed")
        .map(|event| event["failure"]["kind"].clone())
        .collect();
    assert_eq!(failures, ["timed-out", "timed-out", "timed-out"]);
}

/// GO-129, GO-137, design §7.7: offline devices hold no slot; the run waits for them if it is
/// told to, and comes back if it is not.
#[tokio::test(flavor = "multi_thread")]
async fn offline_devices_are_deferred_and_taken_when_they_connect() {
    let away = Behaviour {
        offline: Some(Offline {
            comes_online_after: None,
        }),
        ..Behaviour::default()
    };
    let bench = Bench::new(with([(1, away.clone()), (2, away)]), 1_000);
    bench.configure(&Config::default());
    let blocked = bench.run().await;
    assert_eq!(blocked.code, Some(3), "{blocked:#?}");
    let result = blocked.result();
    assert_eq!(
        (
            &result["outcome"],
            &result["succeeded"],
            &result["deferred"]
        ),
        (&json!("held"), &json!(8), &json!(2))
    );

    bench.fleet.connect(1);
    bench.fleet.connect(2);
    let done = bench
        .windlass(&["run", "windlass.toml", "--output", "json", "--wait", "done"])
        .await;
    assert_eq!(done.code, Some(0), "{done:#?}");
    assert_eq!(done.result()["succeeded"], 10);
    assert_eq!(bench.fleet.stop().await.exactly_once(bench.payload), []);
}

/// GO-134, GO-135: of ten thousand devices the seven thousand that are online are pushed to
/// at once; the others stay in the registry, wait, and are taken when they connect.
#[tokio::test(flavor = "multi_thread")]
async fn of_ten_thousand_devices_those_online_are_updated_and_the_others_wait() {
    const DEVICES: usize = 10_000;
    const ONLINE: usize = 7_000;
    let away = Behaviour {
        offline: Some(Offline {
            comes_online_after: None,
        }),
        ..Behaviour::default()
    };
    let bench = Bench::new(
        FleetSpec {
            count: DEVICES,
            overrides: (ONLINE..DEVICES)
                .map(|index| (index, away.clone()))
                .collect(),
            inspect: Inspect::Count,
            ..FleetSpec::default()
        },
        1_024,
    );
    bench.configure(&Config {
        concurrency: 100,
        ..Config::default()
    });
    let held = bench.run().await;
    assert_eq!(held.code, Some(3), "{}", held.result());
    let result = held.result();
    assert_eq!(
        (&result["succeeded"], &result["deferred"]),
        (&json!(ONLINE), &json!(DEVICES - ONLINE))
    );
    assert_eq!(bench.fleet.counts().installed, ONLINE as u64);

    (ONLINE..DEVICES).for_each(|index| bench.fleet.connect(index));
    let done = bench
        .windlass(&["run", "windlass.toml", "--output", "json", "--wait", "done"])
        .await;
    assert_eq!(done.code, Some(0), "{}", done.result());
    assert_eq!(bench.fleet.stop().await.totals.updated, DEVICES as u64);
}

/// The de-facto contract of existing devices (wire-formats.md), and RFC 9530.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_carries_the_headers_that_devices_expect() {
    let bench = Bench::new(
        FleetSpec {
            count: 1,
            ..FleetSpec::default()
        },
        1_000,
    );
    bench.configure(&Config::default());
    assert_eq!(bench.run().await.code, Some(0));
    let push = bench.fleet.last_push(0).expect("it was pushed to");
    let device = bench.fleet.devices().next().expect("there is one").id;
    let expected = BTreeMap::from([
        ("content-length", "1000".to_owned()),
        ("content-type", "application/octet-stream".to_owned()),
        ("x-device-id", device),
        ("x-release-name", "app".to_owned()),
        ("x-release-version", "9.0.0".to_owned()),
        ("x-attempt-id", "1".to_owned()),
    ]);
    for (name, value) in expected {
        assert_eq!(push.header(name), Some(value.as_str()), "{name}");
    }
    let digest = push.header("repr-digest").unwrap_or_default();
    assert!(
        digest.starts_with("sha-256=:") && digest.ends_with("=:"),
        "{digest}"
    );
    assert_eq!(push.header("transfer-encoding"), None);
}

/// A device that installs for a while is asked again until it runs the release.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_still_installing_is_asked_again() {
    let slow = Behaviour {
        install: windlass_sim::Install {
            takes: Duration::from_millis(400),
            ..Default::default()
        },
        ..Behaviour::default()
    };
    let bench = Bench::new(
        FleetSpec {
            default: slow,
            ..with([])
        },
        1_000,
    );
    bench.configure(&Config {
        rollout: r#"settle = { grace = "30s" }"#,
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(bench.fleet.stop().await.exactly_once(bench.payload), []);
}
