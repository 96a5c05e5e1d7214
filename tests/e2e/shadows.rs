//! Policies in shadow (issue 4, "Shadow"; design §8): asked beside those in force, compared, and
//! never obeyed; by the configuration and by command, across a restart, and if they break.

use std::fs;

use serde_json::Value;
use windlass_sim::{Behaviour, Fault, FleetSpec, When};

use crate::{
    decisions::said,
    support::{Bench, Config, Ended, build_guest, repository},
    terminal::{RUN, Terminal},
    verdict::{log, of_type},
};

const DEVICES: usize = 12;

/// Half of the devices wait for a person.
const GATED: &str = r#"[
  { name = "half", percent = 50, approval = true },
  { name = "all" },
]"#;

/// It would have aborted at the second device that fails.
const STRICT: &str = r#"
[plugins.strict]
component = "builtin:policy-progressive"
settings.cohorts = [{ name = "few", count = 2 }, { name = "all" }]
settings.abort = { count = 2 }
"#;

const REPORT: [&str; 5] = ["shadow", "report", "windlass.toml", "--output", "json"];

/// Every third device refuses the build.
fn bench() -> Bench {
    let failing = Behaviour::failing(Fault::status(400), When::Always);
    let spec = FleetSpec {
        count: DEVICES,
        overrides: (0..DEVICES)
            .filter(|index| index % 3 > 0)
            .map(|index| (index, failing.clone()))
            .collect(),
        ..FleetSpec::default()
    };
    Bench::new(spec, 1_000)
}

fn configure(bench: &Bench, plugins: &str, shadow: &str) {
    let shadow = match shadow {
        "" => String::new(),
        names => format!("shadow = {names}"),
    };
    bench.configure(&Config {
        plugins,
        cohorts: GATED,
        rollout: &shadow,
        ..Config::default()
    });
}

fn add(policy: &str) -> [&str; 6] {
    ["shadow", "add", "windlass.toml", policy, "--actor", "ann"]
}

/// The guest that fails, as a plugin.
fn broken(settings: &str) -> String {
    let folder = repository().join("tests/guests/failing-policy");
    let component = build_guest(&folder, "failing-policy");
    format!(
        "[plugins.broken]\ncomponent = \"{}\"\nsettings = {settings}\n",
        component.display()
    )
}

/// Waits until a policy in shadow was recorded to say or suffer something.
async fn until_recorded(bench: &Bench, wanted: impl Fn(&Value) -> bool) {
    let follow = ["decisions", "windlass.toml", "--shadow", "--follow"];
    let mut follow = Terminal::open(bench, &[&follow[..], &["--output", "json"]].concat());
    follow.until(wanted).await;
    follow.signal("-KILL");
    follow.end().await;
}

async fn reports(bench: &Bench) -> Vec<Value> {
    let told = bench.windlass(&REPORT).await;
    let lines = said(&told).lines();
    lines
        .map(|line| serde_json::from_str(line).expect("every line is JSON"))
        .collect()
}

fn of<'a>(reports: &'a [Value], shadow: &str) -> &'a Value {
    let found = reports.iter().find(|report| report["shadow"] == shadow);
    found.unwrap_or_else(|| panic!("{shadow} is in {reports:#?}"))
}

/// What differs from run to run is left out.
fn assert_shown(name: &str, bench: &Bench, text: &str) {
    let text = bench.portable(text);
    insta::with_settings!({ filters => [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[time]"),
        (r"\b[0-9a-f]{12}\b", "[digest]"),
    ] }, {
        insta::assert_snapshot!(name, text);
    });
}

fn refused(ended: &Ended) -> &str {
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(2), ""),
        "{ended:#?}"
    );
    &ended.stderr
}

/// A stricter candidate and one that traps change nothing; the report says what the candidate
/// would have done. A kill loses neither memo nor comparison.
#[tokio::test(flavor = "multi_thread")]
async fn shadows_are_compared_and_never_obeyed() {
    let bench = bench();
    let plugins = format!("{STRICT}{}", broken(r#"{ sound = 1, fault = "trap" }"#));
    configure(&bench, &plugins, r#"["strict", "broken"]"#);
    let mut run = Terminal::open(&bench, &RUN);
    run.reason("awaiting-approval").await;
    until_recorded(&bench, |one| {
        one["policy"] == "strict" && one["verdict"] == "abort"
    })
    .await;
    until_recorded(&bench, |one| {
        one["policy"] == "broken" && one["failed"].is_string()
    })
    .await;
    run.signal("-KILL");
    run.end().await;
    let before = reports(&bench).await;
    assert!(of(&before, "broken")["failed"].as_u64() > Some(0));

    let mut run = Terminal::open(&bench, &RUN);
    run.event("rollout-continued").await;
    let approve = ["approve", "half", "windlass.toml", "--actor", "ann"];
    said(&bench.windlass(&approve).await);
    let ended = run.end().await;
    assert_eq!(ended.code, Some(1), "devices failed: {ended:#?}");
    assert_eq!(ended.result()["outcome"], "completed", "{ended:#?}");
    let all = log(&bench).await;
    assert_eq!(of_type(&all, "attempt-started").len(), DEVICES);
    assert_eq!(of_type(&all, "shadow-added").len(), 2, "once each");
    assert_eq!(of_type(&all, "rollout-aborting").len(), 0);
    let after = reports(&bench).await;
    let (was, is) = (of(&before, "strict"), of(&after, "strict"));
    assert!(is["moments"].as_u64() >= was["moments"].as_u64());
    assert_eq!(is["firsts"][0]["verdict"], "abort", "{is:#}");
    assert!(is["verdict_differed"].as_u64() > Some(0), "{is:#}");
    let in_force = is["firsts_in_force"].as_array().into_iter().flatten();
    let mut verdicts = in_force.map(|first| &first["verdict"]);
    assert!(verdicts.all(|verdict| verdict == "hold"), "{is:#}");

    let words = bench.windlass(&["decisions", "windlass.toml"]).await;
    assert!(said(&words).contains("policy strict (in shadow): abort"));
    let replay = bench.windlass(&["replay", "windlass.toml"]).await;
    assert!(said(&replay).contains("none differs"), "{replay:#?}");
    let report = bench.windlass(&["shadow", "report", "windlass.toml"]).await;
    let report = said(&report);
    assert!(
        report.contains("it would first have aborted at"),
        "{report}"
    );
    assert!(report.contains("those in force never did"), "{report}");
    assert!(report.contains("trapped in `decide`"), "{report}");
}

/// In the middle of a rollout, through its owner: what was before is in its counts, and a device
/// that waits is never explained by it.
#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_is_added_and_removed_under_way() {
    let bench = bench();
    configure(&bench, STRICT, "");
    let mut run = Terminal::open(&bench, &RUN);
    run.reason("awaiting-approval").await;
    let add = ["shadow", "add", "windlass.toml", "strict", "--actor", "ann"];
    let added = bench
        .windlass(&[&add[..], &["--reason", "too lax?"]].concat())
        .await;
    assert_shown("added", &bench, said(&added));
    run.event("shadow-added").await;
    until_recorded(&bench, |one| {
        let cohorts = one["view"]["cohorts"].as_array();
        let ended = cohorts
            .into_iter()
            .flatten()
            .filter_map(|cohort| cohort["ended"].as_u64());
        one["verdict"] == "abort" && ended.sum::<u64>() == DEVICES as u64 / 2
    })
    .await;
    let strict = reports(&bench).await;
    assert_eq!(of(&strict, "strict")["firsts"][0]["started"], DEVICES / 2);
    let list = [
        "status",
        "windlass.toml",
        "--rollout",
        "app-9",
        "--output",
        "json",
    ];
    said(&bench.windlass(&list).await);
    for index in 0..DEVICES {
        let device = format!("device-{index:05}");
        let why = bench.windlass(&["why", &device, "windlass.toml"]).await;
        assert!(!why.stdout.contains("strict"), "{why:#?}");
    }
    let again = bench.windlass(&add).await;
    assert_shown("added_twice", &bench, refused(&again));
    let remove = [
        "shadow",
        "remove",
        "strict",
        "--config",
        "windlass.toml",
        "--actor",
        "ann",
    ];
    let removed = bench.windlass(&remove).await;
    assert_shown("removed", &bench, said(&removed));
    run.event("shadow-removed").await;
    let twice = bench.windlass(&remove).await;
    assert_shown("removed_twice", &bench, refused(&twice));
    let approve = ["approve", "half", "windlass.toml", "--actor", "ann"];
    said(&bench.windlass(&approve).await);
    let ended = run.end().await;
    assert_eq!(ended.result()["outcome"], "completed", "{ended:#?}");
    let over = bench.windlass(&add).await;
    assert_shown("added_too_late", &bench, refused(&over));
    assert_eq!(
        of(&reports(&bench).await, "strict")["ended_because"],
        "person",
        "its report stays"
    );
}

/// One that cannot place the targets is a warning; the rollout runs, and the next run asks again.
#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_that_cannot_place_changes_nothing() {
    let bench = bench();
    let declines = broken(r#"{ sound = 9, fault = "trap", cuts = "declines" }"#);
    configure(&bench, &declines, r#"["broken"]"#);
    let run = bench.run().await;
    assert_eq!(run.code, Some(3), "it waits for a person: {run:#?}");
    assert_shown("cannot_place", &bench, &run.stderr);
    let told = reports(&bench).await;
    assert!(of(&told, "broken")["trouble"].is_string(), "{told:#?}");
    let cuts = broken(r#"{ sound = 9, fault = "trap", cuts = "one" }"#);
    configure(&bench, &cuts, r#"["broken"]"#);
    let approve = ["approve", "half", "windlass.toml", "--actor", "ann"];
    said(&bench.windlass(&approve).await);
    let run = bench.run().await;
    assert_eq!(run.result()["outcome"], "completed", "{run:#?}");
    let told = reports(&bench).await;
    let last = told.last().expect("it is in shadow");
    assert_eq!(last["cohorts"][0]["size"], DEVICES, "{last:#}");
}

/// `shadow add` asks one again that could not place the targets, while the rollout goes on: with
/// what is configured now.
#[tokio::test(flavor = "multi_thread")]
async fn a_shadow_that_could_not_place_is_added_once_it_is_mended() {
    let bench = bench();
    let declines = broken(r#"{ sound = 9, fault = "trap", cuts = "declines" }"#);
    configure(&bench, &declines, r#"["broken"]"#);
    let mut run = Terminal::open(&bench, &RUN);
    run.reason("awaiting-approval").await;
    let unplaced = bench.windlass(&["shadow", "report", "windlass.toml"]).await;
    assert_shown("report_of_one_that_cannot_place", &bench, said(&unplaced));
    let before = log(&bench).await.len();
    let again = bench.windlass(&add("broken")).await;
    assert_shown("cannot_place_again", &bench, refused(&again));
    assert_eq!(log(&bench).await.len(), before, "nothing changed");

    let mended = broken(r#"{ sound = 9, fault = "trap", cuts = "one" }"#);
    configure(&bench, &mended, r#"["broken"]"#);
    let added = bench.windlass(&add("broken")).await;
    assert_shown("mended", &bench, said(&added));
    run.event("shadow-removed").await;
    run.event("shadow-added").await;
    until_recorded(&bench, |one| {
        one["policy"] == "broken" && one["verdict"] == "continue"
    })
    .await;
    let twice = bench.windlass(&add("broken")).await;
    assert!(refused(&twice).contains("is in shadow of `app-9` already"));
    let approve = ["approve", "half", "windlass.toml", "--actor", "ann"];
    said(&bench.windlass(&approve).await);
    let ended = run.end().await;
    assert_eq!(ended.result()["outcome"], "completed", "{ended:#?}");
}

/// A report without a comparison says what to wait for.
#[tokio::test(flavor = "multi_thread")]
async fn an_empty_report_says_what_to_wait_for() {
    let bench = bench();
    configure(&bench, STRICT, "");
    let run = bench.run().await;
    assert_eq!(run.code, Some(3), "it waits for a person: {run:#?}");
    let report = ["shadow", "report", "windlass.toml"];
    let none = bench.windlass(&report).await;
    assert_shown("report_of_none", &bench, said(&none));
    let added = bench.windlass(&add("strict")).await;
    assert_shown("added_at_rest", &bench, said(&added));
    let empty = bench.windlass(&report).await;
    assert_shown("report_of_nothing", &bench, said(&empty));
    let other = bench
        .windlass(&[&report[..], &["--shadow", "strickt"]].concat())
        .await;
    assert_shown("report_of_another", &bench, refused(&other));
}

/// What is wrong is exit 2 with its place in the file, and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_in_shadow_is_refused() {
    let bench = bench();
    for (shadow, name) in [
        (r#"["careful"]"#, "config_in_force"),
        (r#"["strict", "strict"]"#, "config_twice"),
        (r#"["strickt"]"#, "config_unknown"),
        (r#"["http"]"#, "config_no_policy"),
        (r#""strict""#, "config_no_list"),
    ] {
        configure(&bench, STRICT, shadow);
        let check = bench.windlass(&["check", "windlass.toml"]).await;
        assert_shown(name, &bench, refused(&check));
    }
    assert!(!bench.has_state());
    configure(&bench, STRICT, r#"["strict"]"#);
    let check = bench.windlass(&["check", "windlass.toml"]).await;
    assert!(
        check.stdout.contains("in shadow: policy strict"),
        "{check:#?}"
    );

    configure(&bench, STRICT, "");
    let run = bench.run().await;
    assert_eq!(run.code, Some(3), "it waits for a person: {run:#?}");
    let before = log(&bench).await;
    for (policy, name) in [
        ("careful", "add_in_force"),
        ("strickt", "add_unknown"),
        ("http", "add_no_policy"),
    ] {
        let told = bench.windlass(&add(policy)).await;
        assert_shown(name, &bench, refused(&told));
    }
    let unknown = [&add("strict")[..], &["--rollout", "app-8"]].concat();
    let unknown = bench.windlass(&unknown).await;
    assert_shown("add_unknown_rollout", &bench, refused(&unknown));
    let many: String = (0..5)
        .map(|number| STRICT.replace("strict", &format!("strict-{number}")))
        .collect();
    fs::remove_file(bench.path("windlass.toml")).expect("it was written");
    configure(&bench, &many, "");
    for number in 0..4 {
        let policy = format!("strict-{number}");
        said(&bench.windlass(&add(&policy)).await);
    }
    let one_more = bench.windlass(&add("strict-4")).await;
    assert_shown("add_too_many", &bench, refused(&one_more));
    assert_eq!(log(&bench).await.len(), before.len() + 4);
}
