//! Bounds on sites, on one rollout and on retries, as devices and the log saw them kept.

use std::{collections::BTreeMap, num::NonZeroU64, time::Duration};

use serde_json::Value;
use windlass_sim::{Behaviour, Fault, FleetSpec, Report, When};

use crate::{
    sites::{fleet, site},
    support::{Bench, Config, Ended},
    terminal::{RUN, Terminal},
    verdict::{device, everyone_once, log, millis, of_type},
};

const SITES: [&str; 3] = ["a", "b", "c"];

/// A bench whose engine has this limit.
fn bench(spec: FleetSpec, bytes: usize, limit: &str, rollout: &str) -> Bench {
    let bench = Bench::new(spec, bytes);
    let config = bench.configure(&Config {
        rollout,
        ..Config::default()
    });
    let text = std::fs::read_to_string(config).expect("it was written");
    let text = text.replace("[fleet]", &format!("{limit}\n\n[fleet]"));
    bench.write("windlass.toml", &text);
    bench
}

fn slow() -> Behaviour {
    Behaviour {
        bandwidth: NonZeroU64::new(1 << 20),
        ..Behaviour::default()
    }
}

/// The most transfers that a site had at once, by what its devices wrote down.
fn peaks(report: &Report) -> BTreeMap<String, usize> {
    let mut steps = BTreeMap::<String, Vec<(u64, i32)>>::new();
    for device in &report.devices {
        let steps = steps.entry(site(&device.id).to_owned()).or_default();
        for push in &device.pushes {
            let ended = push.ended.expect("all is over");
            // Of the same millisecond the end comes first: it is what let the other begin.
            steps.extend([(push.began.0 * 2 + 1, 1), (ended.0 * 2, -1)]);
        }
    }
    let peak = |mut steps: Vec<(u64, i32)>| {
        steps.sort_unstable();
        let inside = steps.iter().scan(0, |inside, (_, step)| {
            *inside += step;
            Some(*inside)
        });
        usize::try_from(inside.max().unwrap_or_default()).expect("it is positive")
    };
    steps
        .into_iter()
        .map(|(at, steps)| (at, peak(steps)))
        .collect()
}

/// One transfer a site, and sites side by side; retries included.
#[tokio::test(flavor = "multi_thread")]
async fn a_site_has_no_more_transfers_than_it_may() {
    let mut spec = fleet(&SITES, 6, slow());
    for index in [2, 9, 14] {
        let mut flaky = Behaviour::failing(Fault::status(503), When::First(1));
        flaky.bandwidth = slow().bandwidth;
        spec.overrides.insert(index, flaky);
    }
    let limit = "[[engine.limits]]\nby = \"attributes.store_id\"\ntransfers = 1";
    let bench = bench(spec, 100_000, limit, "");
    let run = Terminal::open(&bench, &RUN).end().await;
    let report = bench.fleet.report();
    for (site, peak) in peaks(&report) {
        assert_eq!(peak, 1, "{site}");
    }
    let peak = report.totals.peak_pushes;
    assert!(
        (2..=3).contains(&peak),
        "sites do not wait for each other: {peak}"
    );
    everyone_once(bench, &run, 18).await;
}

/// The most members of a site between the start of their first attempt and their success, by the
/// order of the log.
fn most_out(events: &[Value]) -> BTreeMap<String, usize> {
    let mut out = BTreeMap::<String, std::collections::BTreeSet<String>>::new();
    let mut most = BTreeMap::<String, usize>::new();
    for event in events {
        let id = device(event).to_owned();
        let members = out.entry(site(&id).to_owned()).or_default();
        match event["type"].as_str() {
            Some("attempt-started") => drop(members.insert(id.clone())),
            Some("device-succeeded") => drop(members.remove(&id)),
            _ => continue,
        }
        let most = most.entry(site(&id).to_owned()).or_default();
        *most = members.len().max(*most);
    }
    most
}

/// At most one member of a site is out of service, those that restart counted.
#[tokio::test(flavor = "multi_thread")]
async fn no_two_members_of_a_site_are_out_of_service_at_once() {
    let reboots = Behaviour {
        reboot: Duration::from_millis(300),
        ..Behaviour::default()
    };
    let mut spec = fleet(&SITES, 4, reboots.clone());
    let mut flaky = Behaviour::failing(Fault::status(503), When::First(1));
    flaky.reboot = reboots.reboot;
    spec.overrides.insert(1, flaky);
    let limit = "[[engine.limits]]\nby = \"location\"\nunavailable = 1";
    let bench = bench(spec, 1_000, limit, "");
    let run = Terminal::open(&bench, &RUN).end().await;
    for (site, most) in most_out(&log(&bench).await) {
        assert_eq!(most, 1, "{site}");
    }
    everyone_once(bench, &run, 12).await;
}

/// The devices of a site that an attempt was made at.
fn touched(ended: &Ended, at: &str) -> Vec<String> {
    of_type(&ended.events(), "attempt-started")
        .iter()
        .map(|event| device(event).to_owned())
        .filter(|id| site(id) == at)
        .collect()
}

/// A member that failed keeps the rest of its site in service, and no other site; once it is
/// mended the site goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_failed_member_blocks_its_own_site_alone() {
    let mut spec = fleet(&SITES, 4, Behaviour::default());
    for index in 0..4 {
        let fails = Behaviour::failing(Fault::status(500), When::First(1));
        spec.overrides.insert(index, fails);
    }
    let limit = "[[engine.limits]]\nby = \"location\"\nunavailable = 1";
    let bench = bench(spec, 1_000, limit, "retry = { attempts = 1 }");
    let first = bench.run().await;
    assert_eq!(first.code, Some(3), "{first:#?}");
    assert_eq!(
        first.result()["succeeded"],
        8,
        "b and c are done: {first:#?}"
    );
    let failed = touched(&first, "a");
    assert_eq!(failed.len(), 1, "{failed:?}");
    let again = bench.run().await;
    assert_eq!(again.code, Some(3), "{again:#?}");
    assert_eq!(touched(&again, "a"), [""; 0], "it is remembered");

    let requeue = [
        "dead-letters",
        "requeue",
        &failed[0],
        "--config",
        "windlass.toml",
    ];
    let requeued = bench.windlass(&requeue).await;
    assert_eq!(requeued.code, Some(0), "{requeued:#?}");
    let mended = bench.run().await;
    let after = touched(&mended, "a");
    assert_eq!(mended.result()["succeeded"], 9, "{mended:#?}");
    assert_eq!((&after[0], after.len()), (&failed[0], 2), "{after:?}");
    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(bench.payload), []);
}

/// Bytes to a site, and to all, come no faster than they may; sites do not share what is theirs.
#[tokio::test(flavor = "multi_thread")]
async fn bandwidth_is_bounded() {
    let site = "[[engine.limits]]\nby = \"location\"\nbandwidth = \"200KiB\"";
    for limit in [site, "bandwidth = \"400KiB\""] {
        let spec = fleet(&["a", "b"], 4, Behaviour::default());
        let bench = bench(spec, 100 * 1024, limit, "");
        let run = bench.run().await;
        let totals = &bench.fleet.report().totals;
        let first = totals.first_push.expect("there was one");
        let last = totals.last_push.expect("there was one");
        // 400 KiB to each of two sites, less what is granted ahead.
        let took = last.0 - first.0;
        assert!(took >= 1_500, "{limit}: {took} ms");
        everyone_once(bench, &run, 8).await;
    }
}

/// A rollout keeps to its own cap below the engine's.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_has_a_cap_of_its_own() {
    let bench = bench(fleet(&SITES, 6, slow()), 50_000, "", "concurrency = 2");
    let run = bench.run().await;
    assert_eq!(bench.fleet.report().totals.peak_pushes, 2);
    everyone_once(bench, &run, 18).await;
}

/// Design §7.4: an exhausted budget of retries delays them and costs no device its attempts.
#[tokio::test(flavor = "multi_thread")]
async fn the_budget_of_retries_delays_and_gives_nobody_up() {
    const BUDGET: usize = 30;
    const DEVICES: usize = BUDGET + 2;
    let flaky = Behaviour::failing(Fault::status(503), When::First(1));
    let spec = FleetSpec {
        count: DEVICES,
        default: flaky,
        ..FleetSpec::default()
    };
    let limit = format!("retries_per_minute = {BUDGET}");
    let retry = r#"retry = { attempts = 2, backoff = "1ms", max_backoff = "1ms" }"#;
    let bench = bench(spec, 1_000, &limit, retry);
    let run = Terminal::open(&bench, &RUN).end().await;
    let retries: Vec<_> = of_type(&run.events(), "attempt-started")
        .into_iter()
        .filter(|event| event["number"] == 2)
        .map(millis)
        .collect();
    assert_eq!(retries.len(), DEVICES);
    // One minute's worth at once, and two more at one every two seconds.
    let took = retries[DEVICES - 1] - retries[0];
    assert!(took >= 3_900, "{took} ms");
    everyone_once(bench, &run, DEVICES as u64).await;
}
