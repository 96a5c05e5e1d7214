//! Devices that wait for room: in their group, in their rollout, in a budget.

use std::num::NonZeroU64;

use windlass_sim::{Behaviour, Fault, FleetSpec, When};

use crate::{
    sites::fleet,
    support::{Bench, Config},
    terminal::{RUN, Terminal},
    verdict::device,
    why::{answering, steady, why, whys},
};

/// A bench whose engine has these bounds.
fn bench(spec: FleetSpec, engine: &str, rollout: &str) -> Bench {
    let bench = Bench::new(spec, 1 << 20);
    let config = bench.configure(&Config {
        rollout,
        ..Config::default()
    });
    let text = std::fs::read_to_string(config).expect("it was written");
    let text = text.replace("[fleet]", &format!("{engine}\n\n[fleet]"));
    bench.write("windlass.toml", &text);
    bench
}

/// A push takes a minute.
fn slow() -> Behaviour {
    Behaviour {
        bandwidth: NonZeroU64::new(16 << 10),
        ..Behaviour::default()
    }
}

/// One of two devices of a site is under way: what both are told.
async fn one_of_two(bench: &Bench) -> String {
    let mut run = Terminal::open(bench, &RUN);
    let started = run.event("attempt-started").await;
    let first = device(&started).to_owned();
    let last = if first == "a-1" { "a-2" } else { "a-1" };
    bench.fleet.until(|counts| counts.begun == 1).await;
    let answers = whys(bench, &[&first, last], &[]).await;
    run.signal("-KILL");
    drop(run);
    answers.replace(&*first, "first").replace(last, "last")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_without_a_free_slot_is_named() {
    let _guard = steady();
    for (name, field) in [
        ("location", "location"),
        ("attribute", "attributes.store_id"),
    ] {
        let limit = format!("[[engine.limits]]\nby = \"{field}\"\ntransfers = 1");
        let bench = bench(fleet(&["a"], 2, slow()), &limit, "");
        let answers = one_of_two(&bench).await;
        insta::assert_snapshot!(format!("group_transfers_{name}"), answers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_without_a_free_slot_is_told() {
    let _guard = steady();
    let bench = bench(fleet(&["a"], 2, slow()), "", "concurrency = 1");
    insta::assert_snapshot!("rollout_cap", one_of_two(&bench).await);
}

/// A transfer that is slow on our side is told whose bandwidth it shares.
#[tokio::test(flavor = "multi_thread")]
async fn a_throttled_transfer_is_told_whose_bandwidth_it_shares() {
    let _guard = steady();
    let limits = "bandwidth = \"64KiB\"\n[[engine.limits]]\nby = \"location\"\n\
                  transfers = 1\nbandwidth = \"16KiB\"";
    let bench = bench(fleet(&["a"], 2, Behaviour::default()), limits, "");
    insta::assert_snapshot!("bandwidth", one_of_two(&bench).await);
}

/// A member that failed keeps the others of its site in service.
#[tokio::test(flavor = "multi_thread")]
async fn a_group_of_which_too_many_are_out_of_service_is_named() {
    let _guard = steady();
    let limit = "[[engine.limits]]\nby = \"location\"\nunavailable = 1";
    let spec = fleet(&["a"], 2, answering(500));
    let bench = bench(spec, limit, "retry = { attempts = 1 }");
    let mut run = Terminal::open(&bench, &RUN);
    let letter = run.event("device-dead-lettered").await;
    let first = device(&letter).to_owned();
    let last = if first == "a-1" { "a-2" } else { "a-1" };
    let driven = why(&bench, last, &[]).await;
    insta::assert_snapshot!("group_down", driven.replace(last, "last"));
    run.signal("-TERM");
    run.end().await;
    let at_rest = why(&bench, last, &[]).await;
    insta::assert_snapshot!("group_down_at_rest", at_rest.replace(last, "last"));
}

/// A retry that is due waits for the budget of the engine.
#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_budget_of_retries_is_told() {
    const DEVICES: usize = 3;
    let _guard = steady();
    let flaky = Behaviour::failing(Fault::status(503), When::First(1));
    let retry = r#"retry = { attempts = 2, backoff = "1ms", max_backoff = "1ms" }"#;
    let spec = fleet(&["a"], DEVICES, flaky);
    let bench = bench(spec, "retries_per_minute = 1", retry);
    let mut run = Terminal::open(&bench, &RUN);
    let mut failed = Vec::new();
    let mut retried = None;
    while failed.len() < DEVICES || retried.is_none() {
        let wanted = |event: &serde_json::Value| {
            event["type"] == "attempt-failed"
                || (event["type"] == "attempt-started" && event["number"] == 2)
        };
        let event = run.until(wanted).await;
        match event["type"] == "attempt-failed" {
            true => failed.push(device(&event).to_owned()),
            false => retried = Some(device(&event).to_owned()),
        }
    }
    failed.retain(|device| Some(device) != retried.as_ref());
    let mut waiting = Vec::new();
    for device in &failed {
        let answer = why(&bench, device, &[]).await;
        // On a slow machine a minute may have gone by, which has a further retry.
        if answer.contains("waits for attempt") {
            waiting.push(answer.replace(&**device, "last"));
        }
    }
    insta::assert_snapshot!("retry_budget", waiting.first().expect("one waits still"));
}

/// The policy keeps devices back that failed repeatedly.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_in_quarantine_is_told_by_which_policy_and_until_when() {
    let _guard = steady();
    let bench = Bench::new(fleet(&["a"], 1, answering(500)), 1_000);
    bench.configure(&Config {
        plugins: "settings.quarantine = { failures = 1, penalty = \"24h\" }",
        rollout: "retry = { attempts = 3, backoff = \"1ms\", max_backoff = \"1ms\" }",
        ..Config::default()
    });
    let mut run = Terminal::open(&bench, &RUN);
    run.reason("quarantined").await;
    insta::assert_snapshot!("quarantined", why(&bench, "a-1", &[]).await);
    drop(run);
}
