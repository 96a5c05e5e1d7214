//! The wall clock is stepped by hours under a running engine, as an operator or NTP steps a
//! machine's: what runs by the clock on the wall keeps to it, and nothing else takes notice.

use std::{num::NonZeroU64, process::Command, time::Duration};

use windlass_sim::{Behaviour, Failing, Fault, FaultRate, FleetSpec, Offline, When};

use crate::{
    support::{Bench, Config},
    terminal::{RUN, Terminal},
    verdict::{device, everyone_once, log, millis, of_type},
};

const HOUR: i64 = 3_600_000;

/// Gives up when nothing has moved for this long: a clock that is kept to by mistake shows as
/// an exit code, not as a test without end.
const PATIENT: [&str; 6] = ["run", "windlass.toml", "--output", "json", "--wait", "30s"];

/// Sets the clock of every engine of the bench to so many milliseconds beside the machine's.
fn step(bench: &Bench, millis: i64) {
    let new = bench.write("offset.new", &millis.to_string());
    // At once, so that nobody reads half of it.
    std::fs::rename(new, bench.path("offset")).expect("it can be renamed");
}

/// A command whose clock is stepped by [`step`].
fn clocked(bench: &Bench, args: &[&str]) -> Command {
    let mut command = bench.command(args);
    command.env("WINDLASS_CLOCK_OFFSET", bench.path("offset"));
    command
}

/// Milliseconds to add to the clock so that it shows this hour and minute, UTC, today.
fn offset_to(hour: i64, minute: i64) -> i64 {
    let now = jiff::Timestamp::now().as_millisecond();
    hour * HOUR + minute * 60_000 - now % (24 * HOUR)
}

fn slow() -> Behaviour {
    Behaviour {
        bandwidth: NonZeroU64::new(1 << 20),
        ..Behaviour::default()
    }
}

/// Hours forward, hours back, and right again, with transfers, retries and lost answers under
/// way.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_leaps_and_falls_back_updates_everyone_once() {
    let rate = |fault| FaultRate {
        failing: Failing {
            fault,
            when: When::First(1),
        },
        share: 0.2,
    };
    let spec = FleetSpec {
        count: 24,
        default: slow(),
        faults: vec![rate(Fault::status(503)), rate(Fault::Swallow)],
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 150_000);
    bench.configure(&Config {
        concurrency: 3,
        cohorts: r#"[{ name = "first", percent = 25 }, { name = "all", percent = 100 }]"#,
        rollout: r#"timeouts = { idle = "1s" }"#,
        ..Config::default()
    });
    let run = Terminal::start(clocked(&bench, &PATIENT));
    for (begun, offset) in [(4, 3 * HOUR), (10, -2 * HOUR), (16, 0)] {
        bench.fleet.until(|counts| counts.begun >= begun).await;
        step(&bench, offset);
    }
    everyone_once(bench, &run.end().await, 24).await;
}

/// A device that restarts while the clock leaps was not silent for hours.
#[tokio::test(flavor = "multi_thread")]
async fn a_leap_of_the_clock_is_no_silence() {
    let spec = FleetSpec {
        count: 3,
        default: Behaviour {
            reboot: Duration::from_secs(2),
            ..Behaviour::default()
        },
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 1_000);
    bench.configure(&Config {
        rollout: r#"retry = { attempts = 1 }"#,
        ..Config::default()
    });
    let run = Terminal::start(clocked(&bench, &PATIENT));
    bench.fleet.until(|counts| counts.installed == 3).await;
    step(&bench, 3 * HOUR);
    everyone_once(bench, &run.end().await, 3).await;
}

/// A device that is away is asked for at its interval, although the clock fell back; and what it
/// was found to run before does not outlive the update (design §6: a second rollout of the
/// release finds everyone current).
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_falls_back_forgets_nobody() {
    let away = Behaviour {
        offline: Some(Offline::default()),
        ..Behaviour::default()
    };
    let spec = FleetSpec {
        count: 3,
        default: slow(),
        overrides: [(0, away.clone()), (1, away)].into(),
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 400_000);
    let config = bench.configure(&Config::default());
    step(&bench, 3 * HOUR);
    let mut run = Terminal::start(clocked(&bench, &PATIENT));
    run.event("device-deferred").await;
    run.event("device-deferred").await;
    bench.fleet.connect(0);
    // It was found online three hours ahead, and gets the release two hours behind.
    bench.fleet.until(|counts| counts.begun >= 2).await;
    step(&bench, -2 * HOUR);
    run.until(|event| event["type"] == "device-succeeded" && device(event) == "device-00000")
        .await;
    bench.fleet.connect(1);
    let ended = run.end().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");

    let text = std::fs::read_to_string(config).expect("it was written");
    bench.write("other.toml", &text.replace("app-9", "app-9-again"));
    let again = ["run", "other.toml", "--output", "json"];
    let again = Terminal::start(clocked(&bench, &again)).end().await;
    assert_eq!(again.result()["skipped"], 3, "{again:#?}");
    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(bench.payload), []);
}

/// Design §7.5: a soak is time on the wall: two hours are not enough for three, three are.
#[tokio::test(flavor = "multi_thread")]
async fn a_soak_is_kept_by_the_stepped_clock() {
    let spec = FleetSpec {
        count: 8,
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 1_000);
    bench.configure(&Config {
        cohorts: r#"[{ name = "first", percent = 25, soak = "3h" }, { name = "all" }]"#,
        ..Config::default()
    });
    let mut run = Terminal::start(clocked(&bench, &RUN));
    run.reason("soaking").await;
    step(&bench, 2 * HOUR);
    assert_eq!(bench.fleet.counts().begun, 2);
    step(&bench, 3 * HOUR + 60_000);
    let ended = run.end().await;
    let events = log(&bench).await;
    let soaks_from = millis(of_type(&events, "cohort-ended")[0]);
    for started in &of_type(&events, "attempt-started")[2..] {
        assert!(millis(started) - soaks_from >= 3 * HOUR, "{started}");
    }
    everyone_once(bench, &ended, 8).await;
}

/// GO-106, design §7.12: a rollout that waits for its window starts when the clock enters it, by
/// the operator's zone; none before.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_opens_when_the_clock_enters_it() {
    let spec = FleetSpec {
        count: 6,
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 1_000);
    bench.configure(&Config {
        plugins: r#"
[plugins.nights]
component = "builtin:policy-window"
settings = { zone = "Asia/Tokyo", windows = [{ from = "02:00", to = "04:00" }] }
"#,
        rollout: "",
        ..Config::default()
    });
    let config = std::fs::read_to_string(bench.path("windlass.toml")).expect("it was written");
    let config = config.replace(r#"["careful"]"#, r#"["careful", "nights"]"#);
    bench.write("windlass.toml", &config);
    // 21:00 in Tokyo, whose clocks are never turned.
    step(&bench, offset_to(12, 0));
    let mut run = Terminal::start(clocked(&bench, &RUN));
    run.reason("window-closed").await;
    assert_eq!(bench.fleet.counts().begun, 0);
    let opens = offset_to(17, 30);
    step(&bench, opens);
    let ended = run.end().await;
    for started in of_type(&ended.events(), "attempt-started") {
        let of_day = millis(started) % (24 * HOUR);
        assert!((17 * HOUR..19 * HOUR).contains(&of_day), "{started}");
    }
    everyone_once(bench, &ended, 6).await;
}
