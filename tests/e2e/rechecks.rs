//! Devices that fall back in the soak (design §7.12): they are found before it ends, by real
//! questions to real devices. The second process of each test finds the soak over by its clock,
//! so nothing here depends on how long anything takes.

use std::{process::Command, time::Duration};

use serde_json::Value;
use windlass_sim::{Behaviour, Fault, FleetSpec, When};

use crate::{
    decisions::said,
    support::{Bench, Config, Ended, finish},
    terminal::{RUN, Terminal},
    verdict::{device, log, of_type},
    why::steady,
};

/// Two hours, which is beyond every soak here, and below the time after which a device falls
/// back by itself.
const LATER: &str = "7200000";

fn bench(devices: usize, cohorts: &str, plugins: &str) -> Bench {
    let some_day = Duration::from_secs(86_400);
    let spec = FleetSpec {
        count: devices,
        default: Behaviour::failing(Fault::FallBack { after: some_day }, When::Always),
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 1_000);
    bench.configure(&Config {
        cohorts,
        plugins,
        rollout: "retry = { attempts = 1 }\ntimeouts = { idle = \"1s\" }",
        ..Config::default()
    });
    bench
}

/// The canary is updated, and the run is stopped in its soak.
async fn until_the_soak(bench: &Bench, canary: usize) {
    let mut run = Terminal::open(bench, &RUN);
    for _ in 0..canary {
        run.event("device-succeeded").await;
    }
    run.reason("soaking").await;
    run.signal("-INT");
    let stopped = run.end().await;
    assert_eq!(stopped.code, Some(3), "{stopped:#?}");
}

/// The devices of the canary, which the seed has chosen.
async fn canary(bench: &Bench) -> Vec<usize> {
    let events = log(bench).await;
    let succeeded = of_type(&events, "device-succeeded");
    let ids = succeeded.into_iter().map(device);
    ids.map(|id| bench.fleet.index_of(id).expect("it is of the fleet"))
        .collect()
}

/// `windlass ARGS…` when the soak is over.
fn later(bench: &Bench, args: &[&str]) -> Command {
    let mut command = bench.command(args);
    command.env("WINDLASS_CLOCK_OFFSET", bench.write("offset", LATER));
    command
}

/// `windlass run` then.
async fn run_later(bench: &Bench, crash_at: Option<&str>) -> Ended {
    let mut command = later(bench, &RUN);
    if let Some(point) = crash_at {
        command.env("WINDLASS_CRASH_AT", point);
    }
    Terminal::start(command).end().await
}

fn number(event: &Value, key: &str) -> u64 {
    event[key]
        .as_u64()
        .unwrap_or_else(|| panic!("{key} of {event}"))
}

/// The whole promise: the canary ran the release when its transfers ended, fell back in the
/// soak, and the rest of the fleet never starts.
#[tokio::test(flavor = "multi_thread")]
async fn a_canary_that_falls_back_in_its_soak_aborts_the_rollout() {
    let cohorts =
        r#"[{ name = "canary", count = 4, success_rate = 0.5, soak = "1h" }, { name = "all" }]"#;
    let abort = "settings.abort = { count = 2 }";
    let bench = bench(12, cohorts, abort);
    until_the_soak(&bench, 4).await;
    let canary = canary(&bench).await;
    for index in &canary[..2] {
        assert!(bench.fleet.fall_back(*index));
    }
    let ended = run_later(&bench, None).await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let result = ended.result();
    assert_eq!(result["outcome"], "aborted", "{result}");
    assert_eq!(
        (&result["succeeded"], &result["failed"]),
        (&2.into(), &2.into())
    );
    let events = log(&bench).await;
    let fell = of_type(&events, "device-regressed");
    assert_eq!(fell.len(), 2, "{events:#?}");
    assert!(fell.iter().all(|event| event["version"] == "2.2.0"));
    assert_eq!(of_type(&events, "attempt-started").len(), 4);

    let victim = device(fell[0]).to_owned();
    let asked = ["why", &victim, "--state", "state/windlass.db"];
    let why = finish(later(&bench, &asked)).await;
    assert_eq!(why.code, Some(0), "{why:#?}");
    assert!(why.stdout.contains("fell back"), "{why:#?}");
    let because = "it had been updated to 9.0.0, and ran 2.2.0 when it was verified again";
    assert!(why.stdout.contains(because), "{why:#?}");
    // What was decided is decided again from what was seen.
    let replay = bench
        .windlass(&["replay", "--state", "state/windlass.db"])
        .await;
    assert_eq!(replay.code, Some(0), "{replay:#?}");
    assert_eq!(bench.fleet.stop().await.totals.begun, 4);
}

/// A device that is away in the soak holds nobody up, and has not failed.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_away_is_given_up_on() {
    let cohorts =
        r#"[{ name = "canary", count = 3, success_rate = 1.0, soak = "1h" }, { name = "all" }]"#;
    let bench = bench(6, cohorts, "");
    until_the_soak(&bench, 3).await;
    let canary = canary(&bench).await;
    bench.fleet.disconnect(canary[0]);
    let ended = run_later(&bench, None).await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(ended.result()["succeeded"], 6);
    let events = log(&bench).await;
    let round = of_type(&events, "recheck-ended");
    assert_eq!(round.len(), 1, "{events:#?}");
    let counts = ["confirmed", "regressed", "unconfirmed"].map(|key| number(round[0], key));
    assert_eq!(counts, [2, 0, 1]);
}

/// `status` tells how far a round has come that goes on, for people and for programs.
#[tokio::test(flavor = "multi_thread")]
async fn status_shows_a_round_under_way() {
    let cohorts =
        r#"[{ name = "canary", count = 4, success_rate = 0.5, soak = "1h" }, { name = "all" }]"#;
    let bench = bench(12, cohorts, "");
    // A device that says nothing is asked again in an hour: so long the round goes on.
    let config = std::fs::read_to_string(bench.path("windlass.toml")).expect("it was written");
    let config = config.replace(r#"probe_interval = "100ms""#, r#"probe_interval = "1h""#);
    bench.write("windlass.toml", &config);
    until_the_soak(&bench, 4).await;
    let events = log(&bench).await;
    let ranked: Vec<_> = of_type(&events, "attempt-started")
        .into_iter()
        .map(|event| {
            bench
                .fleet
                .index_of(device(event))
                .expect("it is of the fleet")
        })
        .collect();
    assert!(bench.fleet.fall_back(ranked[0]));
    bench.fleet.disconnect(ranked[3]);

    let run = Terminal::start(later(&bench, &RUN));
    let status = ["status", "windlass.toml"];
    let watch = [&status[..], &["--watch", "--output", "json"]].concat();
    let mut watch = Terminal::open(&bench, &watch);
    let seen = watch
        .until(|status| status["cohorts"][0]["recheck"]["confirmed"] == 2)
        .await;
    let round = &seen["cohorts"][0]["recheck"];
    assert!(round["began"].is_string(), "{round}");
    assert_eq!(
        [&round["ended"], &round["regressed"], &round["unconfirmed"]],
        [&Value::Null, &1.into(), &0.into()]
    );
    assert_eq!(seen["cohorts"][1]["recheck"], Value::Null);
    let _guard = steady();
    let told = bench.windlass(&status).await;
    insta::assert_snapshot!("round_under_way", said(&told));
    run.signal("-KILL");
    drop((run, watch));
}

/// The engine is killed at every effect of a round. Each process goes on where the one before
/// was: nobody is counted twice, and nobody is forgotten.
#[tokio::test(flavor = "multi_thread")]
async fn a_round_survives_every_kill() {
    let cohorts =
        r#"[{ name = "canary", count = 20, success_rate = 0.5, soak = "1h" }, { name = "all" }]"#;
    let bench = bench(21, cohorts, "");
    until_the_soak(&bench, 20).await;
    let canary = canary(&bench).await;
    for index in &canary[..5] {
        assert!(bench.fleet.fall_back(*index));
    }
    let mut lives = 0;
    let ended = loop {
        lives += 1;
        // On a loaded machine devices are asked more than once, and there are more effects: a
        // life that comes late leads far beyond them.
        let late = usize::saturating_sub(lives, 20);
        let point = format!("before-effect:{}", 3 * lives + late * late);
        let ended = run_later(&bench, Some(&point)).await;
        if ended.code.is_some() {
            break ended;
        }
        assert!(lives < 40, "it comes to an end");
    };
    assert!(lives > 3, "it was killed in the middle of the round");
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    let events = log(&bench).await;
    let rounds = of_type(&events, "recheck-ended");
    assert_eq!(of_type(&events, "recheck-started").len(), rounds.len());
    let first = rounds[0];
    let counts = ["confirmed", "regressed", "unconfirmed"].map(|key| number(first, key));
    assert_eq!(counts, [15, 5, 0], "{events:#?}");
    let mut fell: Vec<_> = of_type(&events, "device-regressed")
        .into_iter()
        .map(device)
        .collect();
    fell.sort_unstable();
    fell.dedup();
    assert_eq!(
        (fell.len(), of_type(&events, "device-regressed").len()),
        (5, 5)
    );
}
