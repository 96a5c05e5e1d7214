//! Several hands on one running engine: the socket beside the state file (design §6).

use std::num::NonZeroU64;

use windlass_sim::{Behaviour, FleetSpec};

use crate::{
    support::{Bench, Config, Ended},
    terminal::{RUN, Terminal},
};

/// Devices slow enough that a command comes in the middle.
fn slow(count: usize) -> Bench {
    let spec = FleetSpec {
        count,
        default: Behaviour {
            bandwidth: NonZeroU64::new(1 << 20),
            ..Behaviour::default()
        },
        ..FleetSpec::default()
    };
    Bench::new(spec, 200_000)
}

fn said(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    &ended.stdout
}

/// Paused from another terminal nothing more starts; resumed it goes on; the log says who
/// ordered it, and why.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_rollout_is_paused_and_resumed_from_another_terminal() {
    let bench = slow(24);
    bench.configure(&Config {
        concurrency: 2,
        ..Config::default()
    });
    let running = Terminal::open(&bench, &RUN);
    bench.fleet.until(|counts| counts.begun >= 4).await;
    let who = ["--actor", "ann", "--reason", "the depot calls"];
    let paused = bench
        .windlass(&[&["pause", "windlass.toml"], &who[..]].concat())
        .await;
    insta::assert_snapshot!("paused", said(&paused));
    bench
        .fleet
        .until(|counts| counts.installed == counts.begun)
        .await;
    let begun = bench.fleet.counts().begun;
    assert!(begun < 24, "it was not done yet");
    let again = bench.windlass(&["pause", "windlass.toml"]).await;
    assert_eq!(again.code, Some(2), "{again:#?}");
    insta::assert_snapshot!("paused_twice", again.stderr);
    assert_eq!(bench.fleet.counts().begun, begun, "nothing starts");

    let resumed = bench
        .windlass(&["resume", "--state", "state/windlass.db"])
        .await;
    insta::assert_snapshot!("resumed", said(&resumed));
    let ended = running.end().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let orders: Vec<_> = ended
        .events()
        .into_iter()
        .filter(|event| event["type"] == "order-given")
        .collect();
    assert_eq!(orders.len(), 2, "{orders:#?}");
    assert_eq!(orders[0]["actor"], "ann");
    assert_eq!(orders[0]["reason"], "the depot calls");
    assert!(!bench.path("state/windlass.db.sock").exists());
}

/// Design §7.6: an abort that cuts leaves nothing in flight.
#[tokio::test(flavor = "multi_thread")]
async fn a_running_rollout_is_aborted_from_another_terminal() {
    let bench = slow(24);
    bench.configure(&Config {
        concurrency: 2,
        rollout: r#"settle = { grace = "100ms" }"#,
        ..Config::default()
    });
    let running = Terminal::open(&bench, &RUN);
    bench.fleet.until(|counts| counts.begun >= 4).await;
    let aborted = [
        "abort",
        "windlass.toml",
        "--cancel-in-flight",
        "--output",
        "json",
    ];
    let aborted = bench.windlass(&aborted).await;
    assert!(said(&aborted).contains("\"driven\":true"), "{aborted:#?}");
    let ended = running.end().await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert_eq!(ended.result()["outcome"], "aborted");
}

/// Two configurations over one state file, each for its own devices.
fn two_halves(bench: &Bench) {
    let filter =
        |condition: &str| format!(r#"filter = {{ plugin = "cel", expression = '{condition}' }}"#);
    let (odd, even) = (
        filter("device.id.matches(\"[13579]$\")"),
        filter("!device.id.matches(\"[13579]$\")"),
    );
    let config = bench.configure(&Config {
        concurrency: 2,
        rollout: &odd,
        ..Config::default()
    });
    let other = std::fs::read_to_string(config)
        .expect("it was written")
        .replace("app-9", "app-9-even")
        .replace(&odd, &even);
    bench.write("other.toml", &other);
}

const OTHER: [&str; 6] = ["run", "other.toml", "--output", "json", "--wait", "done"];

/// A further `run` is handed to the owner, and tells its terminal what it would have told
/// alone; the first one ends after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_is_handed_to_the_first_and_behaves_like_it() {
    let bench = slow(20);
    two_halves(&bench);
    let first = Terminal::open(&bench, &RUN);
    bench.fleet.until(|counts| counts.begun >= 2).await;
    let second = Terminal::open(&bench, &OTHER).end().await;
    let first = first.end().await;
    for (ended, name) in [(&first, "app-9"), (&second, "app-9-even")] {
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        assert_eq!(ended.result()["rollout"], name);
        assert_eq!(ended.result()["succeeded"], 10, "{ended:#?}");
        let events = ended.events();
        assert_eq!(events[0]["type"], "rollout-started", "{ended:#?}");
        assert!(
            events.iter().all(|event| event["rollout"] == name),
            "each terminal hears of its own: {ended:#?}"
        );
    }
    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(bench.payload), []);
    assert!(report.totals.peak_pushes <= 2, "one cap for both");
}

/// What is wrong with a configuration is told in the terminal that named it, as if it ran there.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_with_a_mistake_or_of_the_same_rollout_is_refused() {
    let bench = slow(20);
    two_halves(&bench);
    let first = Terminal::open(&bench, &RUN);
    bench.fleet.until(|counts| counts.begun >= 2).await;
    let same = Terminal::open(&bench, &RUN).end().await;
    assert_eq!(same.code, Some(2), "{same:#?}");
    insta::assert_snapshot!("the_same_rollout_twice", bench.portable(&same.stderr));
    let text = std::fs::read_to_string(bench.path("other.toml")).expect("it was written");
    bench.write("other.toml", &text.replace("app.img", "nowhere.img"));
    let wrong = Terminal::open(&bench, &OTHER).end().await;
    assert_eq!(wrong.code, Some(2), "{wrong:#?}");
    insta::assert_snapshot!("a_mistake_in_the_second_run", wrong.stderr);
    assert_eq!(first.end().await.code, Some(0));
}

/// Ctrl-C stops the rollout of its own terminal; a terminal that is closed leaves its rollout
/// running.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_stops_the_rollout_of_its_terminal_and_a_lost_terminal_stops_none() {
    let bench = slow(40);
    two_halves(&bench);
    let first = Terminal::open(&bench, &RUN);
    bench.fleet.until(|counts| counts.begun >= 2).await;
    let second = Terminal::open(&bench, &OTHER);
    bench.fleet.until(|counts| counts.begun >= 8).await;
    second.signal("-INT");
    let stopped = second.end().await;
    assert_eq!(stopped.code, Some(3), "{stopped:#?}");
    assert_eq!(stopped.result()["outcome"], "stopped");
    let lost = Terminal::open(&bench, &OTHER);
    let begun = bench.fleet.counts().begun;
    bench.fleet.until(|counts| counts.begun >= begun + 4).await;
    lost.signal("-KILL");
    lost.end().await;
    let first = first.end().await;
    assert_eq!(first.code, Some(0), "{first:#?}");
    assert_eq!(first.result()["succeeded"], 20);
    let report = bench.fleet.stop().await;
    assert_eq!(report.exactly_once(bench.payload), []);
    assert_eq!(report.totals.updated, 40, "the owner finished both");
}
