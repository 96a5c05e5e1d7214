//! Several rollouts in one engine: they share its slots fairly, and its devices in order.

use std::num::NonZeroU64;

use serde_json::Value;
use windlass_sim::{Behaviour, Failing, Fault, FleetSpec, Offline, When};

use crate::{
    sites::{fleet, site},
    support::{Bench, Config},
    terminal::{RUN, Terminal},
    verdict::{device, log, of_type},
};

const OTHER: [&str; 6] = ["run", "other.toml", "--output", "json", "--wait", "done"];
const EACH: usize = 30;

/// Two rollouts with a site each, which share two slots; `more` is said of the second.
fn two_sites(more: &str) -> Bench {
    let slow = Behaviour {
        bandwidth: NonZeroU64::new(512 << 10),
        ..Behaviour::default()
    };
    let bench = Bench::new(fleet(&["a", "b"], EACH, slow), 200_000);
    let filter = |site: &str| {
        format!(r#"filter = {{ plugin = "cel", expression = "device.location == '{site}'" }}"#)
    };
    let config = bench.configure(&Config {
        concurrency: 2,
        rollout: &filter("a"),
        ..Config::default()
    });
    let other = std::fs::read_to_string(config)
        .expect("it was written")
        .replace("app-9", "app-9-b")
        .replace(&filter("a"), &format!("{}\n{more}", filter("b")));
    bench.write("other.toml", &other);
    bench
}

/// Runs both, the second handed to the first, and gives the sites of the starts in order, from
/// the first start of the second on.
async fn starts_of_both(bench: Bench) -> Vec<String> {
    let first = Terminal::open(&bench, &RUN);
    bench.fleet.until(|counts| counts.begun >= 2).await;
    let second = Terminal::open(&bench, &OTHER).end().await;
    let first = first.end().await;
    for (ended, name) in [(&first, "app-9"), (&second, "app-9-b")] {
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert_eq!(ended.result()["rollout"], name);
        assert_eq!(ended.result()["succeeded"], EACH, "{ended:#?}");
    }
    let starts: Vec<_> = of_type(&log(&bench).await, "attempt-started")
        .into_iter()
        .map(|event| site(device(event)).to_owned())
        .skip_while(|site| site == "a")
        .collect();
    let left = starts.iter().filter(|site| *site == "a").count();
    assert!(
        left >= 8,
        "the second came while the first ran: {left} were left"
    );
    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(bench.payload), []);
    assert!(report.totals.peak_pushes <= 2, "one cap for both");
    starts
}

/// GO-11: of equal priority, neither waits for the other: they start in turn while both have
/// devices left.
#[tokio::test(flavor = "multi_thread")]
async fn rollouts_of_equal_priority_start_in_turn() {
    let starts = starts_of_both(two_sites("")).await;
    let left = starts.iter().filter(|site| *site == "a").count();
    let mut ahead = 0_i64;
    let (mut of_a, mut of_b) = (0, 0);
    for site in &starts {
        let of_site = if site == "a" { &mut of_a } else { &mut of_b };
        *of_site += 1;
        ahead += if site == "a" { 1 } else { -1 };
        if of_a < left && of_b < EACH {
            assert!(ahead.abs() <= 2, "after {of_a} and {of_b}: {starts:?}");
        }
    }
}

/// Design §7.8: the higher priority is served first; the other goes on after it.
#[tokio::test(flavor = "multi_thread")]
async fn the_rollout_of_higher_priority_goes_first() {
    let starts = starts_of_both(two_sites("priority = 10")).await;
    let (before, after) = starts.split_at(EACH);
    assert!(before.iter().all(|site| site == "b"), "{starts:?}");
    assert!(after.iter().all(|site| site == "a"), "{starts:?}");
}

/// A bench whose second device is away, and where `other.toml` brings a newer release.
fn two_releases(away: Behaviour) -> Bench {
    let spec = FleetSpec {
        count: 2,
        overrides: [(1, away)].into(),
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 1_000);
    let config = bench.configure(&Config {
        rollout: "retry = { attempts = 1 }",
        ..Config::default()
    });
    let other = std::fs::read_to_string(config)
        .expect("it was written")
        .replace("app-9", "app-9.1")
        .replace("9.0.0", "9.1.0");
    bench.write("other.toml", &other);
    bench
}

fn away() -> Behaviour {
    Behaviour {
        offline: Some(Offline::default()),
        ..Behaviour::default()
    }
}

/// The older rollout, with the second device left over; the newer one after that; and the older
/// one's events once more.
async fn older_newer_older(bench: &Bench) -> (Value, Vec<Value>) {
    let older = bench.run().await;
    assert_eq!(older.code, Some(3), "{older:#?}");
    assert_eq!(older.result()["deferred"], 1);
    bench.fleet.connect(1);
    let newer = ["run", "other.toml", "--output", "json", "--wait", "done"];
    let newer = bench.windlass(&newer).await;
    let older = bench.windlass(&RUN).await;
    (newer.result(), older.events())
}

/// Design §7.8: what the newer release has reached, the older one leaves alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_the_newer_release_reached_is_superseded_in_the_older_rollout() {
    let bench = two_releases(away());
    let (newer, older) = older_newer_older(&bench).await;
    assert_eq!(newer["succeeded"], 2, "{newer:#}");
    let superseded = of_type(&older, "device-superseded");
    assert_eq!(superseded.len(), 1, "{older:#?}");
    assert_eq!(device(superseded[0]), "device-00001");
    assert_eq!(superseded[0]["version"], "9.1.0");
    let report = bench.fleet.stop().await;
    assert_eq!(report.devices[1].versions, ["2.2.0", "9.1.0"]);
    assert_eq!(report.no_version_twice(), []);
}

/// If the newer one ends there without success, the older one goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_the_newer_release_failed_on_gets_the_older_one() {
    let bench = two_releases(Behaviour {
        failing: Some(Failing {
            fault: Fault::status(500),
            when: When::Version("9.1.0".into()),
        }),
        ..away()
    });
    let (newer, older) = older_newer_older(&bench).await;
    assert_eq!(newer["dead_lettered"], 1, "{newer:#}");
    let result = older.last().expect("it says how it ended");
    assert_eq!(result["succeeded"], 2, "{older:#?}");
    let report = bench.fleet.stop().await;
    assert_eq!(report.devices[1].versions, ["2.2.0", "9.0.0"]);
    assert_eq!(report.no_version_twice(), []);
}
