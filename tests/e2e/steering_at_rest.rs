//! Commands that find no owner take the lock, commit and leave (design §6); and what people get
//! wrong.

use windlass_sim::{Behaviour, Fault, FleetSpec, When};

use crate::support::{Bench, Config, Ended};

fn fleet(count: usize) -> FleetSpec {
    FleetSpec {
        count,
        ..FleetSpec::default()
    }
}

/// A fleet whose first device answers every push with 500.
fn with_a_failing_device(count: usize) -> Bench {
    let spec = FleetSpec {
        overrides: [(0, Behaviour::failing(Fault::status(500), When::First(1)))].into(),
        ..fleet(count)
    };
    let bench = Bench::new(spec, 1_000);
    bench.configure(&Config {
        rollout: r#"retry = { attempts = 1 }"#,
        ..Config::default()
    });
    bench
}

fn said(ended: &Ended) -> &str {
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    &ended.stdout
}

fn first_id(bench: &Bench) -> String {
    let text = std::fs::read_to_string(bench.path("devices.json")).expect("it was written");
    let devices: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
    devices[0]["id"].as_str().expect("it has an id").to_owned()
}

/// Without times, which are others in every run.
fn timeless(text: &str) -> String {
    let mut words = Vec::new();
    for line in text.lines() {
        let words_of: Vec<_> = line
            .split(' ')
            .map(|word| match word.trim_end_matches([':', ',']) {
                time if time.len() == 24 && time.ends_with('Z') => word.replace(time, "[time]"),
                _ => word.to_owned(),
            })
            .collect();
        words.push(words_of.join(" "));
    }
    words.join("\n")
}

/// A device that a person holds is left alone, until the hold is lifted.
#[tokio::test(flavor = "multi_thread")]
async fn a_held_device_is_kept_out_until_it_is_released() {
    let bench = Bench::new(fleet(3), 1_000);
    bench.configure(&Config::default());
    let state = ["--state", "state/windlass.db"];
    let import = [&["devices", "import", "devices.json"], &state[..]].concat();
    said(&bench.windlass(&import).await);
    let id = first_id(&bench);
    let hold = [
        "devices",
        "hold",
        &id,
        "--until",
        "7d",
        "--reason",
        "in repair",
        "--actor",
        "ann",
    ];
    let held = bench.windlass(&[&hold[..], &state].concat()).await;
    insta::assert_snapshot!("held", timeless(said(&held)).replace(&id, "[device]"));
    let listed = [&["devices", "holds"], &state[..]].concat();
    let listed = bench.windlass(&listed).await;
    insta::assert_snapshot!("holds", timeless(said(&listed)).replace(&id, "[device]"));

    let run = ["run", "windlass.toml", "--output", "json", "--wait", "1s"];
    let first = bench.windlass(&run).await;
    assert_eq!(first.code, Some(3), "{first:#?}");
    assert_eq!(first.result()["succeeded"], 2);
    assert_eq!(first.result()["deferred"], 1);

    let release = [&["devices", "release", &id], &state[..]].concat();
    said(&bench.windlass(&release).await);
    let second = bench.run().await;
    assert_eq!(second.code, Some(0), "{second:#?}");
    assert_eq!(second.result()["succeeded"], 3);
}

/// Dead letters are listed, shown and requeued, which reopens their rollout; dismissed ones end
/// as failed.
#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_are_shown_and_requeued() {
    let bench = with_a_failing_device(3);
    let first = bench.run().await;
    assert_eq!(first.code, Some(1), "{first:#?}");
    assert_eq!(first.result()["dead_lettered"], 1);
    let id = first_id(&bench);
    let listed = bench
        .windlass(&["dead-letters", "list", "windlass.toml"])
        .await;
    insta::assert_snapshot!(
        "dead_letters",
        timeless(said(&listed)).replace(&format!("{id:<24}"), "[device]")
    );
    let show = [
        "dead-letters",
        "show",
        &id,
        "windlass.toml",
        "--output",
        "json",
    ];
    let shown = bench.windlass(&show).await;
    let shown: serde_json::Value = serde_json::from_str(said(&shown)).expect("it is JSON");
    assert_eq!(
        shown["attempts"].as_array().map(Vec::len),
        Some(1),
        "{shown:#}"
    );

    let requeue = [
        "dead-letters",
        "requeue",
        "--all",
        "--config",
        "windlass.toml",
    ];
    let requeued = bench.windlass(&requeue).await;
    insta::assert_snapshot!("requeued", said(&requeued));
    let second = bench.run().await;
    assert_eq!(second.code, Some(0), "{second:#?}");
    assert_eq!(second.result()["succeeded"], 3);
}

/// A dismissed dead letter stays as it is, for good.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_is_dismissed() {
    let bench = with_a_failing_device(2);
    bench.run().await;
    let id = first_id(&bench);
    let dismiss = ["dead-letters", "dismiss", &id, "--config", "windlass.toml"];
    let dismissed = bench.windlass(&dismiss).await;
    insta::assert_snapshot!("dismissed", said(&dismissed));
    let status = ["status", "windlass.toml", "--output", "json"];
    let status = bench.windlass(&status).await;
    let status: serde_json::Value = serde_json::from_str(said(&status)).expect("it is JSON");
    assert_eq!(status["cohorts"][0]["states"]["failed"], 1);
}

/// A command that is refused exits with 2, says why with the nearest right name, and adds
/// nothing to the log.
#[tokio::test(flavor = "multi_thread")]
async fn wrong_names_gates_and_times_are_refused_and_nothing_is_touched() {
    let bench = Bench::new(fleet(2), 1_000);
    bench.configure(&Config::default());
    assert_eq!(bench.run().await.code, Some(0));
    let id = first_id(&bench);
    let near = format!("{id}x");
    let log = ["events", "windlass.toml", "--output", "json"];
    let before = bench.windlass(&log).await.stdout;
    let mistakes: [&[&str]; 12] = [
        &["pause", "--state", "nowhere.db"],
        &["pause", "windlass.toml", "--rollout", "app-99"],
        &["pause", "windlass.toml"],
        &["exclude", &near, "windlass.toml"],
        &["approve", "canary-ok", "windlass.toml"],
        &[
            "approve",
            "canary-ok",
            "windlass.toml",
            "--expires-in",
            "2020-01-01T00:00:00Z",
        ],
        &["devices", "hold", &near, "--config", "windlass.toml"],
        &[
            "devices",
            "hold",
            &id,
            "--until",
            "2020-01-01T00:00:00Z",
            "--config",
            "windlass.toml",
        ],
        &["devices", "release", &id, "--config", "windlass.toml"],
        &[
            "devices",
            "decommission",
            "tablet",
            "--config",
            "windlass.toml",
        ],
        &["dead-letters", "requeue", &id, "--config", "windlass.toml"],
        &[
            "release",
            "forgive",
            "app",
            "9.0.0",
            "--config",
            "windlass.toml",
        ],
    ];
    let mut texts = String::new();
    for mistake in mistakes {
        let ended = bench.windlass(mistake).await;
        assert_eq!(ended.code, Some(2), "{mistake:?}: {ended:#?}");
        assert_eq!(ended.stdout, "", "{mistake:?}");
        let line = format!("$ windlass {}\n{}\n", mistake.join(" "), ended.stderr);
        texts.push_str(&bench.portable(&line).replace(&id, "[device]"));
    }
    let texts: Vec<_> = texts
        .lines()
        .map(|line| match line.split_once("it is 2") {
            Some((before, _)) if line.contains("now") => format!("{before}it is [now]"),
            _ => line.to_owned(),
        })
        .collect();
    insta::assert_snapshot!("refused_commands", texts.join("\n"));
    assert_eq!(bench.windlass(&log).await.stdout, before);
    assert!(!bench.path("nowhere.db").exists());
}

/// `--watch` ends with the rollouts, and writes lines where it cannot redraw.
#[tokio::test(flavor = "multi_thread")]
async fn status_is_watched_to_the_end() {
    let bench = Bench::new(fleet(2), 1_000);
    bench.configure(&Config::default());
    bench.run().await;
    let watched = bench
        .windlass(&["status", "windlass.toml", "--watch"])
        .await;
    let line: serde_json::Value = serde_json::from_str(said(&watched)).expect("one line of JSON");
    assert_eq!(line["state"], "completed");
}
