//! Crash safety with real processes (GO-17, GO-69, GO-183, design §6): the engine is killed at
//! random instants and at every named fault point, over and over, and devices that record what
//! they got say that nobody was updated twice and nobody forgotten.
//!
//! `WINDLASS_CRASHES=1000 cargo test --test e2e crashes` runs as many stories as wanted.

use std::{num::NonZeroU64, process::Stdio, time::Duration};

use windlass_sim::{Behaviour, Failing, Fault, FaultRate, FleetSpec, Install, Meanwhile, When};

use crate::{
    support::{Bench, Config, Ended, ended},
    verdict::everyone_once,
};

const DEVICES: u32 = 30;
/// A few minutes of CI allow so many; `WINDLASS_CRASHES` sets another number.
const STORIES: u64 = 6;
/// A story in which every life is killed would never end.
const KILLS: u64 = 4;

/// Pseudo-random, so that a failure is repeated by its number.
fn draw(story: u64, question: u64, below: u64) -> u64 {
    let mut mixed = (story << 8)
        .wrapping_add(question)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ (mixed >> 31)) % below
}

/// Devices that flash for a while, some that swallow the body and install it although nobody
/// hears of it, some that fail at first.
fn fleet(story: u64) -> FleetSpec {
    let rate = |fault, when, share| FaultRate {
        failing: Failing { fault, when },
        share,
    };
    FleetSpec {
        count: DEVICES as usize,
        seed: story,
        default: Behaviour {
            bandwidth: NonZeroU64::new(1 << 20),
            install: Install {
                takes: Duration::from_millis(draw(story, 90, 400)),
                meanwhile: if draw(story, 91, 2) == 0 {
                    Meanwhile::OldVersion
                } else {
                    Meanwhile::Unavailable
                },
            },
            ..Behaviour::default()
        },
        faults: vec![
            rate(Fault::Swallow, When::First(1), 0.15),
            rate(Fault::status(503), When::First(1), 0.1),
            rate(Fault::Cut { after: 40_000 }, When::First(1), 0.1),
        ],
        ..FleetSpec::default()
    }
}

fn bench(story: u64) -> Bench {
    let bench = Bench::new(fleet(story), 150_000);
    bench.configure(&Config {
        concurrency: 5,
        cohorts: r#"[{ name = "first", percent = 20 }, { name = "all", percent = 100 }]"#,
        rollout: r#"
settle = { grace = "2s" }
timeouts = { idle = "2s", attempt = "20s" }
retry = { attempts = 9, backoff = "20ms", max_backoff = "200ms" }"#,
        ..Config::default()
    });
    bench
}

/// One life of the engine, killed by `-KILL` after `after`, or by itself at a fault point.
async fn life(bench: &Bench, crash_at: Option<&str>, after: Option<Duration>) -> Ended {
    let mut command =
        bench.command(&["run", "windlass.toml", "--output", "json", "--wait", "done"]);
    if let Some(point) = crash_at {
        command.env("WINDLASS_CRASH_AT", point);
    }
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("windlass starts");
    let pid = child.id().to_string();
    let running = tokio::task::spawn_blocking(move || child.wait_with_output().expect("it ends"));
    if let Some(after) = after {
        // The instant is what is drawn: it is no synchronisation.
        tokio::time::sleep(after).await;
        // It may have ended before; then there is nobody to kill.
        std::process::Command::new("kill")
            .args(["-KILL", &pid])
            .stderr(Stdio::null())
            .status()
            .expect("kill starts");
    }
    ended(running.await.expect("waiting does not panic"))
}

/// Killed at random instants, as often as a few minutes allow.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_is_killed_again_and_again_updates_everyone_once() {
    let stories = std::env::var("WINDLASS_CRASHES")
        .ok()
        .and_then(|count| count.parse().ok())
        .unwrap_or(STORIES);
    for story in 0..stories {
        let bench = bench(story);
        for kill in 0..draw(story, 0, KILLS) + 1 {
            let after = Duration::from_millis(100 + draw(story, 1 + kill, 2_000));
            life(&bench, None, Some(after)).await;
        }
        let last = life(&bench, None, None).await;
        everyone_once(bench, &last, u64::from(DEVICES)).await;
    }
}

/// Killed at each named point: before a write, between the write and its effect, after the
/// effect.
#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_dies_at_any_point_updates_everyone_once() {
    for (story, point) in (1_000..).zip(["write", "before-effect", "after-effect"]) {
        let bench = bench(story);
        for kill in 0..KILLS {
            let crash_at = format!("{point}:{}", 1 + draw(story, kill, 40));
            let died = life(&bench, Some(&crash_at), None).await;
            assert!(
                died.code.is_none() || died.code == Some(0),
                "it dies, or is done before the point: {died:#?}"
            );
        }
        let last = life(&bench, None, None).await;
        everyone_once(bench, &last, u64::from(DEVICES)).await;
    }
}

/// Killed between an order's commit and its answer: whoever gave it is told that something broke,
/// and the order holds.
#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_not_answered_holds_after_the_crash() {
    let bench = bench(2_000);
    let mut command = bench.command(&["run", "windlass.toml", "--wait", "done"]);
    command.env("WINDLASS_CRASH_AT", "before-acknowledgement:1");
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().expect("windlass starts");
    let running = tokio::task::spawn_blocking(move || child.wait_with_output().expect("it ends"));
    bench.fleet.until(|counts| counts.begun >= 2).await;
    let pause = ["pause", "windlass.toml", "--reason", "look"];
    let paused = bench.windlass(&pause).await;
    assert!(
        !matches!(paused.code, Some(0)),
        "nobody answered: {paused:#?}"
    );
    let died = ended(running.await.expect("waiting does not panic"));
    assert_eq!(died.code, None, "{died:#?}");

    let status = ["status", "windlass.toml", "--output", "json"];
    let status = bench.windlass(&status).await;
    assert!(status.stdout.contains("paused"), "{status:#?}");
    let resumed = [
        "run",
        "windlass.toml",
        "--output",
        "json",
        "--wait",
        "done",
        "--resume",
    ];
    let last = bench.windlass(&resumed).await;
    everyone_once(bench, &last, u64::from(DEVICES)).await;
}

/// What must be durable was synced before the first byte left: the order of the system calls of
/// a whole run says so. `kill -9` leaves the page cache, so only this shows it.
#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_is_synced_before_its_first_byte_leaves() {
    if std::process::Command::new("strace")
        .arg("-V")
        .stdout(Stdio::null())
        .status()
        .is_err()
    {
        // `.ci/run` installs it and fails without it.
        assert!(std::env::var_os("CI_HAS_STRACE").is_none());
        return;
    }
    let bench = Bench::new(
        FleetSpec {
            count: 3,
            ..FleetSpec::default()
        },
        10_000,
    );
    bench.configure(&Config {
        concurrency: 1,
        ..Config::default()
    });
    // Compiled plugins first, so that the trace holds the run alone.
    bench.windlass(&["check", "windlass.toml"]).await;
    let trace = bench.path("trace");
    let mut command = std::process::Command::new("strace");
    command
        .args([
            "-f",
            "-y",
            "-s",
            "9000",
            "-e",
            "trace=fdatasync,fsync,pwrite64,write,writev,sendto",
        ])
        .arg("-o")
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_windlass"))
        .args(["run", "windlass.toml", "--output", "json"])
        .current_dir(bench.path("."));
    let run = crate::support::finish(command).await;
    assert_eq!(run.code, Some(0), "{run:#?}");

    let trace = std::fs::read_to_string(trace).expect("it was written");
    let lines: Vec<&str> = trace.lines().collect();
    let mut pushes = 0;
    for (place, push) in lines.iter().enumerate() {
        let Some((_, rest)) = push.split_once("x-attempt-id: ") else {
            continue;
        };
        pushes += 1;
        let id: String = rest.chars().take_while(char::is_ascii_digit).collect();
        // As strace quotes it.
        let started = format!(r#"\"attempt\":{id},\"number\":1"#);
        let written = lines[..place]
            .iter()
            .position(|line| line.contains("pwrite64(") && line.contains(&started))
            .unwrap_or_else(|| panic!("attempt {id} was not written before its push"));
        let synced = lines[written..place]
            .iter()
            .any(|line| is_sync(line) && line.trim_end().ends_with("= 0"));
        assert!(synced, "attempt {id} was not synced before its push");
    }
    assert_eq!(pushes, 3, "each device was pushed to once");
}

fn is_sync(line: &str) -> bool {
    line.contains("fsync") || line.contains("fdatasync")
}
