//! Why a device is where it is, read from the state file: while the rollout runs, after it, and
//! for an instant that is over (issue 4, "why").

use std::{collections::BTreeMap, num::NonZeroU64};

use serde_json::Value;
use windlass_sim::{Behaviour, Fault, FleetSpec, Offline, When};

use crate::{
    decisions,
    sites::fleet,
    support::{Bench, Config},
    terminal::{RUN, Terminal},
    verdict::log,
};

const STATE: [&str; 2] = ["--state", "state/windlass.db"];

/// `windlass why DEVICE windlass.toml ARGS…`, as a person reads it.
pub(crate) async fn why(bench: &Bench, device: &str, args: &[&str]) -> String {
    let why = ["why", device, "windlass.toml"];
    let ended = bench.windlass(&[&why[..], args].concat()).await;
    let said = decisions::said(&ended);
    bench.portable(said)
}

/// The answers about some devices, one after the other.
pub(crate) async fn whys(bench: &Bench, devices: &[&str], args: &[&str]) -> String {
    let mut answers = String::new();
    for device in devices {
        answers.push_str(&why(bench, device, args).await);
    }
    answers
}

/// What differs from run to run.
pub(crate) fn steady() -> insta::internals::SettingsBindDropGuard {
    let mut settings = insta::Settings::clone_current();
    for (pattern, word) in [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", "[time]"),
        (r"--state \S*state/windlass\.db", "--state [state]"),
        (r"127\.\d+\.\d+\.\d+:\d+", "[address]"),
    ] {
        settings.add_filter(pattern, word);
    }
    settings.bind_to_scope()
}

pub(crate) async fn told(bench: &Bench, args: &[&str]) {
    let ended = bench.windlass(&[args, &STATE[..]].concat()).await;
    assert_eq!(ended.code, Some(0), "{args:?}: {ended:#?}");
}

pub(crate) fn answering(status: u16) -> Behaviour {
    Behaviour::failing(Fault::status(status), When::Always)
}

/// A site where everything that can keep a device back does, and a second one that the filter
/// leaves out.
async fn shop_floor() -> Bench {
    let away = Behaviour {
        offline: Some(Offline::default()),
        ..Behaviour::default()
    };
    let overrides = BTreeMap::from([(1, away), (2, answering(500)), (3, answering(409))]);
    let spec = FleetSpec {
        overrides,
        ..fleet(&["a", "b"], 5, Behaviour::default())
    };
    let bench = Bench::new(spec, 1_000);
    bench.configure(&Config {
        rollout: concat!(
            "filter = { plugin = \"cel\", expression = 'device.location == \"a\" && ",
            "(device.version == \"2.2.0\" || device.version == \"2.1.0\")' }\n",
            "retry = { attempts = 2, backoff = \"20ms\" }"
        ),
        ..Config::default()
    });
    told(&bench, &["devices", "import", "devices.json"]).await;
    let who = ["--actor", "ann", "--reason", "in repair"];
    let hold = ["devices", "hold", "a-1"];
    told(&bench, &[&hold[..], &who].concat()).await;
    let pin = [
        "devices",
        "pin",
        "--where",
        "location=b",
        "--version",
        "2.2.0",
    ];
    told(&bench, &[&pin[..], &who].concat()).await;
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    bench
}

/// When the last event of this type was, as `--at` takes it.
async fn time_of(bench: &Bench, kind: &str) -> String {
    let events = log(bench).await;
    let event = events.iter().rfind(|event| event["type"] == kind);
    let time = event.and_then(|event| event["time"].as_str());
    time.expect("there is such an event").to_owned()
}

/// Held, not connected, dead-lettered, rejected, succeeded, and not selected; then what people
/// made of them, and the same question about the time before.
#[tokio::test(flavor = "multi_thread")]
async fn each_device_is_told_what_keeps_it_and_what_lets_it_go_on() {
    let bench = shop_floor().await;
    let _guard = steady();
    let all = ["a-1", "a-2", "a-3", "a-4", "a-5", "b-1"];
    let before = whys(&bench, &all, &[]).await;
    insta::assert_snapshot!("shop_floor", before);

    let then = time_of(&bench, "rollout-completed").await;
    let bob = ["--actor", "bob", "--reason", "sold"];
    told(&bench, &[&["exclude", "a-2"], &bob[..]].concat()).await;
    let cleo = ["--actor", "cleo", "--reason", "the tills freeze"];
    told(&bench, &[&["abort"], &cleo[..]].concat()).await;
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    insta::assert_snapshot!("by_people", whys(&bench, &["a-1", "a-2"], &[]).await);

    let past = whys(&bench, &all, &["--at", &then]).await;
    insta::assert_snapshot!("shop_floor_before", past);
}

/// Programs get the same as JSON lines, one a rollout.
#[tokio::test(flavor = "multi_thread")]
async fn programs_read_the_codes_and_the_commands() {
    let bench = shop_floor().await;
    let json = ["why", "a-1", "windlass.toml", "--output", "json"];
    let ended = bench.windlass(&json).await;
    decisions::said(&ended);
    let answer = ended.result();
    assert_eq!(answer["state"], "deferred", "{answer}");
    let cause = &answer["because"][0];
    assert_eq!(cause["code"], "hold", "{answer}");
    let command = answer["next"][0]["command"].as_str().unwrap_or_default();
    assert!(
        command.starts_with("windlass devices release a-1 "),
        "{answer}"
    );
    // What it says to type does what it says.
    let words: Vec<_> = command.split(' ').skip(1).collect();
    let released = bench.windlass(&words).await;
    assert_eq!(released.code, Some(0), "{released:#?}");
    assert!(released.stdout.contains("no longer held"), "{released:#?}");
}

/// Behind a gate: while the engine has the state file, paused by a person, and after its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_closed_cohort_names_its_policy_and_what_opens_it() {
    let bench = decisions::bench();
    let _guard = steady();
    let mut run = Terminal::open(&bench, &RUN);
    run.reason("awaiting-approval").await;
    let ids: Vec<_> = bench.fleet.report().devices.into_iter().collect();
    let first = ids
        .iter()
        .find(|device| device.begun > 0)
        .expect("the canary")
        .id
        .clone();
    let last = ids
        .iter()
        .find(|device| device.begun == 0)
        .expect("the rest")
        .id
        .clone();
    let settings = insta::Settings::clone_current();
    let named = |text: String| text.replace(&*first, "canary-1").replace(&*last, "rest-1");
    let waiting = whys(&bench, &[&first, &last], &[]).await;
    settings.bind(|| insta::assert_snapshot!("at_a_gate", named(waiting.clone())));
    let then = time_of(&bench, "decision-taken").await;

    let ann = ["pause", "--actor", "ann", "--reason", "the depot calls"];
    told(&bench, &ann).await;
    let paused = why(&bench, &last, &[]).await;
    insta::assert_snapshot!("paused", named(paused));
    told(&bench, &["resume"]).await;
    told(&bench, &["approve", "canary"]).await;
    assert_eq!(run.end().await.code, Some(0));

    let past = why(&bench, &last, &["--at", &then]).await;
    insta::assert_snapshot!("at_a_gate_before", named(past));
}

/// One transfer at once: the other device waits for the slot, and is told so.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_behind_the_cap_is_told_so() {
    let slow = Behaviour {
        bandwidth: NonZeroU64::new(16 << 10),
        ..Behaviour::default()
    };
    let bench = Bench::new(fleet(&["a"], 2, slow), 1 << 20);
    bench.configure(&Config {
        concurrency: 1,
        ..Config::default()
    });
    let _guard = steady();
    let mut run = Terminal::open(&bench, &RUN);
    let started = run.event("attempt-started").await;
    let first = started["device"]
        .as_str()
        .expect("it has a name")
        .to_owned();
    let last = if first == "a-1" { "a-2" } else { "a-1" };
    bench.fleet.until(|counts| counts.begun == 1).await;
    let answers = whys(&bench, &[&first, last], &[]).await;
    let answers = answers.replace(&*first, "first").replace(last, "last");
    insta::assert_snapshot!("cap", answers);
    run.signal("-TERM");
    run.signal("-TERM");
    drop(run);
}

/// A failure, and the wait after it.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_waits_for_its_next_try_is_told_after_what() {
    let bench = Bench::new(fleet(&["a"], 1, answering(500)), 1_000);
    bench.configure(&Config {
        rollout: "retry = { attempts = 3, backoff = \"24h\", max_backoff = \"24h\" }",
        ..Config::default()
    });
    let _guard = steady();
    let mut run = Terminal::open(&bench, &RUN);
    run.event("attempt-failed").await;
    insta::assert_snapshot!("retry", why(&bench, "a-1", &[]).await);
    drop(run);
}

/// A start that is scheduled: the policy's own reason, and until when.
#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_start_says_when_it_is() {
    let bench = Bench::new(fleet(&["a"], 1, Behaviour::default()), 1_000);
    bench.configure(&Config {
        plugins: r#"
[plugins.nights]
component = "builtin:policy-window"
settings = { zone = "device", without_zone = "UTC", not_before = "2200-01-01T02:00:00" }
"#,
        rollout: "",
        ..Config::default()
    });
    let config = std::fs::read_to_string(bench.path("windlass.toml")).expect("it was written");
    let both = config.replace(r#"["careful"]"#, r#"["careful", "nights"]"#);
    bench.write("windlass.toml", &both);
    let mut run = Terminal::open(&bench, &RUN);
    run.event("device-deferred").await;
    let ended = bench
        .windlass(&["why", "a-1", "windlass.toml", "--output", "json"])
        .await;
    decisions::said(&ended);
    let answer = ended.result();
    assert_eq!(answer["state"], "deferred", "{answer}");
    assert_eq!(
        answer["because"][0]["code"], "not-scheduled-yet",
        "{answer}"
    );
    assert_eq!(
        answer["next"][0]["at"], "2200-01-01T02:00:00.000Z",
        "{answer}"
    );
    drop(run);
}

/// Design §7.13: what cannot be answered is exit 2, with what was probably meant.
#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_has_no_answer_is_refused() {
    let bench = decisions::bench();
    decisions::run_to_the_end(&bench).await;
    let device = bench.fleet.report().devices[0].id.clone();
    let unknown = format!("{device}x");
    let _guard = steady();
    let mut refusals = Vec::new();
    for args in [
        vec![&*unknown],
        vec![&*device, "--rollout", "app-8"],
        vec![&*device, "--at", "2100-01-01T00:00:00Z"],
        vec![&*device, "--at", "1999-01-01T00:00:00Z"],
        vec![&*device, "--at", "yesterday"],
    ] {
        let why = ["why", "--state", "state/windlass.db"];
        let ended = bench.windlass(&[&why[..], &args].concat()).await;
        assert_eq!((ended.code, &*ended.stdout), (Some(2), ""), "{ended:#?}");
        refusals.push(ended.stderr);
    }
    insta::assert_snapshot!("refusals", bench.portable(&refusals.join("\n")));
}

/// A rollout that was never run to its end is told apart from one that nobody runs now.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_nobody_runs_is_told_so() {
    let bench = decisions::bench();
    let mut run = Terminal::open(&bench, &RUN);
    run.reason("awaiting-approval").await;
    let codes = |answer: &Value| -> Vec<String> {
        let causes = answer["because"].as_array().into_iter().flatten();
        causes
            .filter_map(|cause| cause["code"].as_str().map(str::to_owned))
            .collect()
    };
    let pending = bench
        .fleet
        .report()
        .devices
        .into_iter()
        .find(|device| device.begun == 0)
        .expect("the rest waits");
    let args = ["why", &*pending.id, "windlass.toml", "--output", "json"];
    let answer = bench.windlass(&args).await.result();
    assert_eq!(codes(&answer), ["awaiting-approval"], "{answer}");
    drop(run);
    let answer = bench.windlass(&args).await.result();
    assert_eq!(
        codes(&answer),
        ["awaiting-approval", "not-driven"],
        "{answer}"
    );
}

/// Two rollouts want one device: every rollout is told of, the one that goes first by its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_another_rollout_has_first_is_told_which() {
    let bench = decisions::bench();
    let text = std::fs::read_to_string(bench.path("windlass.toml")).expect("it was written");
    bench.write("other.toml", &text.replace("app-9", "app-9-b"));
    for config in ["windlass.toml", "other.toml"] {
        let run = ["run", config, "--output", "json"];
        let ended = bench.windlass(&run).await;
        assert_eq!(ended.code, Some(3), "{ended:#?}");
    }
    let _guard = steady();
    let report = bench.fleet.report();
    let rest = report.devices.iter().find(|device| device.begun == 0);
    let rest = rest.expect("one waits").id.clone();
    let answer = why(&bench, &rest, &[]).await.replace(&*rest, "rest-1");
    insta::assert_snapshot!("other_rollout", answer);
    let one = why(&bench, &rest, &["--rollout", "app-9-b"]).await;
    assert!(one.starts_with(&format!("{rest} in app-9-b: ")), "{one}");
    assert!(!one.contains(" in app-9: "), "{one}");
}
