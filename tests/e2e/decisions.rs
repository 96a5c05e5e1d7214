//! What policies decided, read back from the state file.

use serde_json::json;
use windlass_sim::FleetSpec;

use crate::{
    support::{Bench, Config, Ended},
    terminal::{RUN, Terminal},
};

/// A canary of one device, a person's consent, and the other one: nothing in what is decided
/// depends on which device is quicker.
pub(crate) const GATED: &str = r#"[
  { name = "canary", count = 1, approval = true },
  { name = "all", success_rate = 1.0 },
]"#;

/// Two devices, and a rollout of two cohorts with gates.
pub(crate) fn bench() -> Bench {
    let spec = FleetSpec {
        count: 2,
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 1_000);
    bench.configure(&Config {
        cohorts: GATED,
        ..Config::default()
    });
    bench
}

/// A rollout of the bench to its end.
pub(crate) async fn run_to_the_end(bench: &Bench) {
    let mut run = Terminal::open(bench, &RUN);
    run.reason("awaiting-approval").await;
    let consent = ["approve", "canary", "windlass.toml", "--actor", "ann"];
    let consent = bench.windlass(&consent).await;
    assert_eq!(consent.code, Some(0), "{consent:#?}");
    let ended = run.end().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

/// What a command that did well wrote.
pub(crate) fn said(ended: &Ended) -> &str {
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:#?}"
    );
    &ended.stdout
}

/// Issue 4, "The log": every decision is shown in words, and as JSON lines with all it rests on.
#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_shown_in_words_and_as_json_lines() {
    let bench = bench();
    run_to_the_end(&bench).await;
    let human = bench.windlass(&["decisions", "windlass.toml"]).await;
    insta::with_settings!({ filters => [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[time]"),
        (r"now \d+ bytes", "now [n] bytes"),
        // How often depends on how quick the devices were.
        (r"\n +said again .*", ""),
    ] }, { insta::assert_snapshot!("in_words", said(&human)); });

    let state = [
        "decisions",
        "--state",
        "state/windlass.db",
        "--output",
        "json",
    ];
    let json = bench.windlass(&state).await;
    said(&json);
    let lines = json.events();
    let numbers: Vec<_> = lines
        .iter()
        .filter_map(|line| line["seq"].as_i64())
        .collect();
    assert_eq!(numbers.len(), lines.len());
    assert!(numbers.is_sorted(), "{numbers:?}");
    let first = &lines[0];
    assert_eq!(
        (&first["rollout"], &first["policy"]),
        (&json!("app-9"), &json!("careful"))
    );
    assert_eq!(first["memo_before"], "");
    assert!(lines.iter().all(|line| line["repeats"].is_u64()));
    let last = &lines[lines.len() - 1];
    for key in ["component", "settings"] {
        assert_eq!(last[key].as_str().map(str::len), Some(64), "{last}");
        assert_eq!(first[key], last[key]);
    }
    assert_eq!(last["verdict"], "continue");
    assert_eq!(last["view"]["approvals"][0]["actor"], "ann");
    assert_eq!(
        last["view"]["cohorts"][0]["states"],
        json!({ "succeeded": 1 })
    );
    assert_eq!(last["ceilings"][1]["cohort"], "all");
    assert_eq!(
        last["ceilings"][1]["started"].as_u64(),
        last["view"]["cohorts"][1]["size"].as_u64()
    );

    let newest = bench.windlass(&[&state[..], &["-n", "1"]].concat()).await;
    assert_eq!(said(&newest).lines().last(), json.stdout.lines().last());
    assert_eq!(newest.stdout.lines().count(), 1);
}

/// While an owner has the state file, whoever follows sees a decision as soon as it is taken.
#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_followed_while_the_rollout_runs() {
    let bench = bench();
    let mut run = Terminal::open(&bench, &RUN);
    run.reason("awaiting-approval").await;
    let follow = ["decisions", "windlass.toml", "--follow", "--output", "json"];
    let mut follower = Terminal::open(&bench, &follow);
    follower.reason("awaiting-approval").await;
    let approve = bench
        .windlass(&["approve", "canary", "windlass.toml"])
        .await;
    assert_eq!(approve.code, Some(0), "{approve:#?}");
    let opened = follower
        .until(|line| line["ceilings"][1]["started"] != 0)
        .await;
    assert_eq!(opened["view"]["approvals"][0]["gate"], "canary");
    assert_eq!(run.end().await.code, Some(0));
}

/// A rollout that is none is answered with the one that was meant.
#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_rollout_is_refused() {
    let bench = bench();
    run_to_the_end(&bench).await;
    let state = ["--state", "state/windlass.db", "--rollout", "app-8"];
    let ended = bench.windlass(&[&["decisions"], &state[..]].concat()).await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(2), ""),
        "{ended:#?}"
    );
    assert!(
        ended.stderr.contains("there is no rollout `app-8`"),
        "{ended:#?}"
    );
    assert!(ended.stderr.contains("did you mean `app-9`?"), "{ended:#?}");
}
