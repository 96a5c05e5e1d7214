//! The other commands, as a person uses them around a rollout.

use serde_json::Value;
use windlass_sim::{Behaviour, Fault, FleetSpec, When};

use crate::support::{Bench, Config, Ended};

const FILTER: &str = r#"filter = { plugin = "cel", expression = 'semver(device.version).isLessThan(semver("2.2.0"))' }"#;

fn fleet() -> FleetSpec {
    FleetSpec {
        count: 6,
        versions: vec!["2.0.5".into(), "2.2.0".into()],
        overrides: [(0, Behaviour::failing(Fault::status(409), When::Always))].into(),
        seed: 2,
        ..FleetSpec::default()
    }
}

fn lines(ended: &Ended) -> Vec<Value> {
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).expect("every line is JSON"))
        .collect()
}

/// GO-133: `plan` names every device, with its cohort or with the reason why it has none, and
/// changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn plan_accounts_for_every_device_and_changes_nothing() {
    let bench = Bench::new(fleet(), 100);
    bench.configure(&Config {
        rollout: FILTER,
        ..Config::default()
    });
    let plan = lines(
        &bench
            .windlass(&["plan", "windlass.toml", "--output", "json"])
            .await,
    );
    let targets = plan.iter().filter(|line| line["cohort"] == "all").count();
    let reasons: Vec<_> = plan
        .iter()
        .filter_map(|line| line["why"].as_str())
        .collect();
    assert_eq!(targets + reasons.len(), 6);
    assert!(
        !reasons.is_empty() && targets > 0,
        "the fleet has both: {plan:#?}"
    );
    assert!(
        reasons.iter().all(|why| why.contains("semver")),
        "{reasons:?}"
    );
    assert!(!bench.has_state());

    let again = lines(
        &bench
            .windlass(&["plan", "windlass.toml", "--output", "json"])
            .await,
    );
    assert_eq!(plan, again, "cohorts are reproducible");
}

/// GO-44: status, events and devices tell of a rollout from the state file alone.
#[tokio::test(flavor = "multi_thread")]
async fn status_events_and_devices_tell_what_happened() {
    let bench = Bench::new(fleet(), 100);
    bench.configure(&Config::default());
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(1), "one device rejects: {ended:#?}");

    let status = lines(
        &bench
            .windlass(&["status", "windlass.toml", "--output", "json"])
            .await,
    );
    assert_eq!(status.len(), 1);
    assert_eq!(status[0]["state"], "completed");
    assert_eq!(status[0]["cohorts"][0]["states"]["succeeded"], 5);
    assert_eq!(status[0]["cohorts"][0]["states"]["rejected"], 1);

    let events = lines(
        &bench
            .windlass(&["events", "--state", "state/windlass.db", "--output", "json"])
            .await,
    );
    let sequence: Vec<_> = events
        .iter()
        .map(|event| event["seq"].as_u64().unwrap_or_default())
        .collect();
    assert_eq!(sequence, (1..=events.len() as u64).collect::<Vec<_>>());
    assert_eq!(
        events.last().map(|event| event["type"].clone()),
        Some("rollout-completed".into())
    );

    let updated = bench
        .windlass(&[
            "devices",
            "list",
            "windlass.toml",
            "--filter",
            "device.version == '9.0.0'",
            "--output",
            "json",
        ])
        .await;
    assert_eq!(
        lines(&updated).len(),
        5,
        "GO-102: the registry knows the new version"
    );
}

/// An import whose file is wrong makes no state file; a right one can be listed.
#[tokio::test(flavor = "multi_thread")]
async fn devices_are_imported_whole_or_not_at_all() {
    let bench = Bench::new(fleet(), 100);
    bench.write(
        "bad.json",
        r#"[{"id":"a","name":"A","address":"https://a.example"},{"id":"b"}]"#,
    );
    let bad = bench
        .windlass(&["devices", "import", "bad.json", "--state", "fresh.db"])
        .await;
    assert_eq!(bad.code, Some(2), "{bad:#?}");
    assert!(!bench.path("fresh.db").exists());

    let good = bench
        .windlass(&["devices", "import", "devices.json", "--state", "fresh.db"])
        .await;
    assert_eq!(good.code, Some(0), "{good:#?}");
    let listed = lines(
        &bench
            .windlass(&["devices", "list", "--state", "fresh.db", "--output", "json"])
            .await,
    );
    assert_eq!(listed.len(), 6);
}

/// `plugin inspect` works on built-in plugins and files alike.
#[tokio::test(flavor = "multi_thread")]
async fn plugins_are_inspected() {
    let bench = Bench::new(fleet(), 100);
    for (name, world) in [
        ("delivery-http", "delivery"),
        ("filter-cel", "device-filter"),
        ("policy-progressive", "rollout-policy"),
    ] {
        let inspected = lines(
            &bench
                .windlass(&[
                    "plugin",
                    "inspect",
                    &format!("builtin:{name}"),
                    "--output",
                    "json",
                ])
                .await,
        );
        assert_eq!(inspected[0]["world"], world);
        assert_eq!(inspected[0]["contract"], "0.1.0");
    }
    let missing = bench
        .windlass(&["plugin", "inspect", "builtin:delivery-htp"])
        .await;
    assert_eq!(missing.code, Some(2), "{missing:#?}");
    assert!(missing.stderr.contains("delivery-http"), "{missing:#?}");
}

/// The schema is a JSON Schema, and completions are a script.
#[tokio::test(flavor = "multi_thread")]
async fn schema_and_completions_are_written() {
    let bench = Bench::new(fleet(), 100);
    let schema = bench.windlass(&["schema"]).await;
    let schema: Value = serde_json::from_str(&schema.stdout).expect("it is JSON");
    assert!(schema["properties"]["rollout"].is_object());
    let script = bench.windlass(&["completions", "bash"]).await;
    assert!(script.stdout.contains("_windlass"), "{script:#?}");
    let usage = bench.windlass(&["launch"]).await;
    assert_eq!(usage.code, Some(2), "bad usage is 2 as well");
}

/// Human output on something that is no terminal has no control characters.
#[tokio::test(flavor = "multi_thread")]
async fn output_without_a_terminal_is_plain() {
    let bench = Bench::new(fleet(), 100);
    bench.configure(&Config::default());
    let ended = bench.windlass(&["run", "windlass.toml"]).await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(
        !ended.stdout.contains('\x1b') && !ended.stderr.contains('\x1b'),
        "{ended:#?}"
    );
    assert!(
        ended.stdout.contains("app-9: finished, with failures"),
        "{ended:#?}"
    );
}
