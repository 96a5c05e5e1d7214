//! GO-17: stopped at any moment, the same command goes on and updates nobody twice.

use std::{num::NonZeroU64, process::Stdio};

use windlass_sim::{Behaviour, FleetSpec};

use crate::support::{Bench, Config, ended};

fn slow_fleet() -> FleetSpec {
    let slow = Behaviour {
        bandwidth: NonZeroU64::new(1 << 20),
        ..Behaviour::default()
    };
    FleetSpec {
        count: 40,
        default: slow,
        ..FleetSpec::default()
    }
}

const ROLLOUT: &str = r#"settle = { grace = "200ms" }"#;

/// One SIGINT: what is in flight finishes, the exit code is 3, the next run does the rest.
#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_rollout_finishes_what_is_in_flight_and_goes_on_later() {
    let bench = Bench::new(slow_fleet(), 200_000);
    bench.configure(&Config {
        concurrency: 4,
        rollout: ROLLOUT,
        ..Config::default()
    });
    let first = interrupted(&bench, &["-INT"]).await;
    assert_eq!(first.code, Some(3), "{first:#?}");
    let result = first.result();
    assert_eq!(result["outcome"], "stopped");
    assert_eq!(bench.fleet.counts().aborted, 0, "nothing was cut");

    let second = bench.run().await;
    assert_eq!(second.code, Some(0), "{second:#?}");
    assert_eq!(second.result()["succeeded"], 40);
    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(bench.payload), []);
    assert_eq!(report.totals.completed, 40);
}

/// Two signals: the process ends at once; cut transfers are settled by asking the devices, and
/// nobody is updated twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_cuts_and_the_next_run_settles() {
    let bench = Bench::new(slow_fleet(), 2_000_000);
    bench.configure(&Config {
        concurrency: 4,
        rollout: ROLLOUT,
        ..Config::default()
    });
    let first = interrupted(&bench, &["-TERM", "-TERM"]).await;
    assert_eq!(first.code, Some(3), "{first:#?}");
    assert!(bench.fleet.counts().installed < 40);

    let second = bench.run().await;
    assert_eq!(second.code, Some(0), "{second:#?}");
    assert_eq!(second.result()["succeeded"], 40);
    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(bench.payload), []);
    assert_eq!(report.totals.updated, 40);
}

/// Even a kill, which nobody can prepare for.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_is_taken_up_without_a_second_update() {
    let bench = Bench::new(slow_fleet(), 200_000);
    bench.configure(&Config {
        concurrency: 4,
        rollout: ROLLOUT,
        ..Config::default()
    });
    let first = interrupted(&bench, &["-KILL"]).await;
    assert_eq!(first.code, None, "{first:#?}");

    let second = bench.run().await;
    assert_eq!(second.code, Some(0), "{second:#?}");
    assert_eq!(second.result()["succeeded"], 40);
    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(bench.payload), []);
    assert_eq!(report.totals.updated, 40);
}

/// Runs until some devices were pushed to, then sends the signals.
async fn interrupted(bench: &Bench, signals: &[&str]) -> crate::support::Ended {
    let mut command = bench.command(&["run", "windlass.toml", "--output", "json"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("windlass starts");
    let pid = child.id().to_string();
    let running = tokio::task::spawn_blocking(move || child.wait_with_output().expect("it ends"));
    bench.fleet.until(|counts| counts.begun >= 6).await;
    for signal in signals {
        let sent = std::process::Command::new("kill")
            .args([signal, pid.as_str()])
            .status();
        assert!(sent.expect("kill starts").success());
    }
    ended(running.await.expect("waiting does not panic"))
}
