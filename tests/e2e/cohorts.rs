//! Cohorts open one after the other, gates hold, bad builds abort.

use serde_json::json;
use windlass_sim::{Behaviour, Failing, Fault, FaultRate, FleetSpec, When};

use crate::support::{Bench, Config};

const THREE: &str = r#"[
  { name = "canary", percent = 10, success_rate = 0.95 },
  { name = "half",   percent = 50, success_rate = 0.90 },
  { name = "all",    percent = 100 },
]"#;

fn fleet(count: usize) -> FleetSpec {
    FleetSpec {
        count,
        seed: 3,
        ..FleetSpec::default()
    }
}

fn always(fault: Fault, share: f64) -> Vec<FaultRate> {
    vec![FaultRate {
        failing: Failing {
            fault,
            when: When::Always,
        },
        share,
    }]
}

/// GO-107, GO-128, design §7.1: percentages are cumulative, each cohort waits for the one
/// before it, and every device ends with exactly the bytes of the release, once.
#[tokio::test(flavor = "multi_thread")]
async fn three_cohorts_open_in_order_and_every_device_is_updated_once() {
    let bench = Bench::new(fleet(100), 100_000);
    bench.configure(&Config {
        cohorts: THREE,
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");

    let result = ended.result();
    assert_eq!(result["type"], "rollout-completed");
    assert_eq!(result["rollout"], "app-9");
    assert_eq!(result["outcome"], "completed");
    assert_eq!(
        (&result["targets"], &result["succeeded"]),
        (&json!(100), &json!(100))
    );
    assert_eq!(result["bytes_sent"], json!(100 * 100_000));

    let events = ended.events();
    let cohort_events: Vec<_> = events
        .iter()
        .filter(|event| {
            ["cohort-started", "cohort-ended"]
                .iter()
                .any(|kind| event["type"] == *kind)
        })
        .map(|event| {
            format!(
                "{} {}",
                event["type"].as_str().unwrap_or_default(),
                event["cohort"].as_str().unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(
        cohort_events,
        [
            "cohort-started canary",
            "cohort-ended canary",
            "cohort-started half",
            "cohort-ended half",
            "cohort-started all",
            "cohort-ended all"
        ]
    );
    let sizes: Vec<_> = events
        .iter()
        .filter(|event| event["type"] == "cohort-started")
        .map(|event| event["size"].clone())
        .collect();
    assert_eq!(sizes, [10, 40, 50]);
    let sequence: Vec<_> = events
        .iter()
        .filter_map(|event| event["seq"].as_u64())
        .collect();
    assert!(
        sequence.windows(2).all(|pair| pair[0] + 1 == pair[1]),
        "the log has no gap"
    );

    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(bench.payload), []);
    assert_eq!(report.totals.updated, 100);
}

/// GO-109: a gate that is not met holds; nothing of the next cohort starts, and the process
/// comes back with a code that says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_that_is_not_met_holds_the_rollout() {
    let bench = Bench::new(
        FleetSpec {
            faults: always(Fault::status(400), 1.0),
            ..fleet(40)
        },
        1_000,
    );
    bench.configure(&Config {
        cohorts: THREE,
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    let result = ended.result();
    assert_eq!(result["outcome"], "held");
    assert_eq!(
        (&result["rejected"], &result["pending"]),
        (&json!(4), &json!(36))
    );
    assert_eq!(
        bench.fleet.stop().await.totals.pushed_to,
        4,
        "only the canary was touched"
    );
}

/// Design §7.3: the abort counts devices whose first attempt failed, so retries do not hide a
/// bad build.
#[tokio::test(flavor = "multi_thread")]
async fn failures_above_the_threshold_abort_the_rollout() {
    let bench = Bench::new(
        FleetSpec {
            default: Behaviour::failing(Fault::status(500), When::First(1)),
            ..fleet(200)
        },
        1_000,
    );
    let cohorts = r#"[{ name = "all", percent = 100, abort = { rate = 0.5, min_sample = 10 } }]"#;
    bench.configure(&Config {
        cohorts,
        concurrency: 5,
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let result = ended.result();
    assert_eq!(result["outcome"], "aborted");
    let cancelled = result["cancelled"].as_u64().unwrap_or_default();
    assert!(
        cancelled >= 150,
        "most devices were never touched: {result}"
    );
    let pushed_to = bench.fleet.stop().await.totals.pushed_to;
    assert!(
        pushed_to <= 30,
        "{pushed_to} of 200 were pushed to, {cancelled} cancelled"
    );
}

/// A filter that matches nothing is a finished rollout, with a warning.
#[tokio::test(flavor = "multi_thread")]
async fn no_matching_device_is_a_finished_rollout() {
    let bench = Bench::new(fleet(3), 10);
    bench.configure(&Config {
        rollout: r#"filter = { plugin = "cel", expression = 'device.kind == "spaceship"' }"#,
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.result()["targets"], 0);
    assert!(ended.stderr.contains("no device is selected"), "{ended:#?}");
}

/// Running the command again when everything is done does nothing and is a success.
#[tokio::test(flavor = "multi_thread")]
async fn a_finished_rollout_stays_finished() {
    let bench = Bench::new(fleet(5), 1_000);
    bench.configure(&Config::default());
    assert_eq!(bench.run().await.code, Some(0));
    let again = bench.run().await;
    assert_eq!(again.code, Some(0), "{again:#?}");
    assert_eq!(again.result()["succeeded"], 5);
    assert_eq!(bench.fleet.stop().await.totals.completed, 5);
}
