//! Policies beside the built-in cohorts: how fast devices start, lanes, penalties and people.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroU64,
};

use serde_json::json;
use windlass_sim::{Behaviour, Fault, FleetSpec, When};

use crate::{
    sites::{fleet, site},
    support::{Bench, Config, build_guest, repository},
    terminal::{RUN, Terminal},
    verdict::{device, everyone_once, log, millis, of_type},
};

/// A bench whose rollout goes by this policy.
fn bench(spec: FleetSpec, bytes: usize, policy: &str, rollout: &str) -> Bench {
    let bench = Bench::new(spec, bytes);
    let config = bench.configure(&Config {
        plugins: policy,
        rollout,
        ..Config::default()
    });
    let text = std::fs::read_to_string(config).expect("it was written");
    let text = text.replace(r#"policies = ["careful"]"#, r#"policies = ["own"]"#);
    bench.write("windlass.toml", &text);
    bench
}

fn of(count: usize) -> FleetSpec {
    FleetSpec {
        count,
        ..FleetSpec::default()
    }
}

/// 120 a minute are two a second, after two seconds' worth and one device at first.
#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_never_exceeded() {
    const DEVICES: usize = 14;
    let policy = r#"
[plugins.own]
component = "builtin:policy-rate"
settings = { maximum_per_minute = 120 }
"#;
    let bench = bench(of(DEVICES), 1_000, policy, "");
    let run = Terminal::open(&bench, &RUN).end().await;
    let events = run.events();
    let starts: Vec<_> = of_type(&events, "attempt-started")
        .into_iter()
        .map(millis)
        .collect();
    assert_eq!(starts.len(), DEVICES);
    for (index, from) in starts.iter().enumerate() {
        for (further, to) in starts[index..].iter().enumerate() {
            // The saved ones, and two a second; seconds are counted whole.
            let allowed = 5 + 2 * ((to - from) / 1_000 + 1);
            assert!(
                (further as i64) < allowed,
                "{further} more within {} ms",
                to - from
            );
        }
    }
    let took = starts[DEVICES - 1] - starts[0];
    assert!(took >= 3_000, "{took} ms");
    everyone_once(bench, &run, DEVICES as u64).await;
}

/// A vendor's policy, built from nothing but the SDK: each lane has a concurrency of its own, and
/// one waits for another.
#[tokio::test(flavor = "multi_thread")]
async fn lanes_run_side_by_side_each_at_its_own_width() {
    let component = build_guest(
        &repository().join("tests/guests/priority-lanes"),
        "priority-lanes",
    );
    let policy = format!(
        r#"
[plugins.own]
component = "{}"

[plugins.own.settings]
lane = "store_id"
lanes = [
  {{ name = "vip", concurrency = 1 }},
  {{ name = "normal", concurrency = 3 }},
  {{ name = "lab", concurrency = 9, after = {{ lane = "vip", succeeded = 1.0 }} }},
]
"#,
        component.display()
    );
    let slow = Behaviour {
        bandwidth: NonZeroU64::new(1 << 20),
        ..Behaviour::default()
    };
    let bench = bench(
        fleet(&["vip", "normal", "lab"], 6, slow),
        100_000,
        &policy,
        "",
    );
    let run = Terminal::open(&bench, &RUN).end().await;
    let mut inside = BTreeMap::<String, BTreeSet<String>>::new();
    let mut most = BTreeMap::<String, usize>::new();
    let mut vips = 0;
    for event in log(&bench).await {
        let id = device(&event).to_owned();
        let lane = site(&id).to_owned();
        let members = inside.entry(lane.clone()).or_default();
        match event["type"].as_str() {
            Some("attempt-started") => {
                assert!(lane != "lab" || vips == 6, "{event} before {vips} vips");
                members.insert(id);
            }
            Some("device-succeeded") => {
                vips += usize::from(lane == "vip");
                members.remove(&id);
            }
            _ => continue,
        }
        let most = most.entry(lane).or_default();
        *most = members.len().max(*most);
    }
    assert_eq!((most["vip"], most["normal"]), (1, 3), "{most:?}");
    everyone_once(bench, &run, 18).await;
}

/// A device that failed twice is left alone for an hour, and then tried once more.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_keeps_failing_is_put_in_quarantine() {
    let mut spec = of(3);
    let flaky = Behaviour::failing(Fault::status(500), When::First(2));
    spec.overrides.insert(0, flaky);
    let policy = r#"
[plugins.own]
component = "builtin:policy-progressive"
settings = { quarantine = { failures = 2, penalty = "1h" } }
"#;
    let bench = bench(spec, 1_000, policy, "");
    let mut command = bench.command(&RUN);
    command.env("WINDLASS_CLOCK_OFFSET", bench.path("offset"));
    let mut run = Terminal::start(command);
    run.reason("quarantined").await;
    bench.fleet.until(|counts| counts.installed == 2).await;
    assert_eq!(bench.fleet.report().devices[0].begun, 2);
    let hour = bench.write("offset.new", &(3_600_000 + 60_000).to_string());
    std::fs::rename(hour, bench.path("offset")).expect("it can be renamed");
    let ended = run.end().await;
    let third = ended
        .events()
        .into_iter()
        .find(|event| event["number"] == 3);
    assert_eq!(
        third.map(|event| event["device"].clone()),
        Some(json!("device-00000"))
    );
    everyone_once(bench, &ended, 3).await;
}

/// Nothing moves before a person has consented, under the name that is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn a_gate_waits_for_its_approval() {
    let policy = r#"
[plugins.own]
component = "builtin:policy-progressive"

[plugins.own.settings]
start_approval = "change-board"
cohorts = [{ name = "canary", count = 2, approval = true }, { name = "all" }]
"#;
    let bench = bench(of(5), 1_000, policy, "");
    let mut run = Terminal::open(&bench, &RUN);
    run.reason("awaiting-approval").await;
    assert_eq!(bench.fleet.counts().begun, 0);
    let wrong = bench
        .windlass(&["approve", "canary", "windlass.toml"])
        .await;
    assert_eq!(wrong.code, Some(2), "{wrong:#?}");
    assert!(wrong.stderr.contains("`change-board`"), "{wrong:#?}");
    let who = ["--actor", "ann", "--reason", "CR-17"];
    let board = [&["approve", "change-board", "windlass.toml"], &who[..]].concat();
    assert_eq!(bench.windlass(&board).await.code, Some(0));
    run.until(|event| event["reasons"][0]["parameters"]["gate"] == "canary")
        .await;
    assert_eq!(bench.fleet.counts().begun, 2);
    let canary = bench
        .windlass(&["approve", "canary", "windlass.toml"])
        .await;
    assert_eq!(canary.code, Some(0), "{canary:#?}");
    let ended = run.end().await;
    let events = ended.events();
    let orders = of_type(&events, "order-given");
    assert_eq!(
        (&orders[0]["actor"], &orders[0]["reason"]),
        (&json!("ann"), &json!("CR-17"))
    );
    assert_eq!(orders.len(), 2, "the wrong one left no trace: {orders:#?}");
    everyone_once(bench, &ended, 5).await;
}
