//! GO-17: stopped at any moment, the same command goes on and updates nobody twice.

use std::{num::NonZeroU64, process::Stdio};

use windlass_sim::{Behaviour, Fault, FleetSpec, Report, When};

use crate::support::{Bench, Config, Ended, ended};

const DEVICES: u64 = 40;

/// One SIGINT: what is in flight finishes, the exit code is 3, the next run does the rest.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_rollout_finishes_what_is_in_flight_and_goes_on_later() {
    let (first, report) = interrupted_and_continued(&["-INT"], 200_000).await;
    assert_eq!(first.code, Some(3), "{first:#?}");
    assert_eq!(first.result()["outcome"], "stopped");
    assert_eq!(report.totals.aborted, 0, "nothing was cut");
    assert_eq!(report.totals.completed, DEVICES);
}

/// Two signals: the process ends at once; cut transfers are settled by asking the devices.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_cuts_and_the_next_run_settles() {
    let (first, _) = interrupted_and_continued(&["-TERM", "-TERM"], 2_000_000).await;
    assert_eq!(first.code, Some(3), "{first:#?}");
}

/// Even a kill, which nobody can prepare for.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_is_taken_up_without_a_second_update() {
    let (first, _) = interrupted_and_continued(&["-KILL"], 200_000).await;
    assert_eq!(first.code, None, "{first:#?}");
}

/// Sends the signals in the middle of a rollout, runs the command again, and checks that every
/// device was updated, once.
async fn interrupted_and_continued(signals: &[&str], payload_bytes: usize) -> (Ended, Report) {
    let slow = Behaviour {
        bandwidth: NonZeroU64::new(1 << 20),
        ..Behaviour::default()
    };
    let spec = FleetSpec {
        count: 40,
        default: slow,
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, payload_bytes);
    bench.configure(&Config {
        concurrency: 4,
        rollout: r#"settle = { grace = "200ms" }"#,
        ..Config::default()
    });
    let first = interrupted(&bench, signals).await;
    assert!(
        bench.fleet.counts().installed < DEVICES,
        "it was not done yet"
    );

    let second = bench.run().await;
    assert_eq!(second.code, Some(0), "{second:#?}");
    assert_eq!(second.result()["succeeded"], DEVICES);
    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(bench.payload), []);
    assert_eq!(report.totals.updated, DEVICES);
    (first, report)
}

/// Runs until some devices were pushed to, then sends the signals.
async fn interrupted(bench: &Bench, signals: &[&str]) -> Ended {
    interrupted_at(bench, signals, 6).await
}

async fn interrupted_at(bench: &Bench, signals: &[&str], begun: u64) -> Ended {
    let mut command = bench.command(&["run", "windlass.toml", "--output", "json"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("windlass starts");
    let pid = child.id().to_string();
    let running = tokio::task::spawn_blocking(move || child.wait_with_output().expect("it ends"));
    bench.fleet.until(|counts| counts.begun >= begun).await;
    for signal in signals {
        let sent = std::process::Command::new("kill")
            .args([signal, pid.as_str()])
            .status();
        assert!(sent.expect("kill starts").success());
    }
    ended(running.await.expect("waiting does not panic"))
}

/// A device that a killed rollout has not settled is not pushed to by another one; it waits until
/// the first has found out what became of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_unsettled_device_is_left_alone_by_other_rollouts() {
    let spec = FleetSpec {
        count: 4,
        default: Behaviour::failing(Fault::Hang, When::First(1)),
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 1_000);
    let first = bench.configure(&Config {
        rollout: r#"settle = { grace = "200ms" }"#,
        ..Config::default()
    });
    interrupted_at(&bench, &["-KILL"], 4).await;
    let text = std::fs::read_to_string(&first).expect("it was written");
    bench.write("other.toml", &text.replace("app-9", "app-9-again"));
    let other = ["run", "other.toml", "--output", "json", "--wait", "300ms"];
    let other = bench.windlass(&other).await;
    assert_eq!(other.code, Some(3), "{other:#?}");
    assert_eq!(other.result()["deferred"], 4);
    assert_eq!(bench.fleet.counts().begun, 4, "nobody was pushed to again");

    let settled = bench.run().await;
    assert_eq!(settled.code, Some(0), "{settled:#?}");
    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(bench.payload), []);
}
