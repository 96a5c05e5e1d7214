//! Other policies for a rollout under way (issue 4, "Swap"; design §8): while it runs and at rest,
//! with policies that work and some that do not.

use std::{fs, num::NonZeroU64, process::Stdio};

use serde_json::Value;
use windlass_sim::{Behaviour, FleetSpec};

use crate::{
    decisions::said,
    support::{Bench, Config, Ended, build_guest, repository},
    terminal::{RUN, Terminal},
    verdict::{everyone_once, log, of_type},
};

/// A canary, a person's consent, and the others.
const GATED: &str = r#"[
  { name = "canary", count = 1, approval = true },
  { name = "all", success_rate = 1.0 },
]"#;

/// The same with one cohort more, and no consent.
const FINER: &str = r#"[
  { name = "canary", count = 2 },
  { name = "half", percent = 50 },
  { name = "all", success_rate = 1.0 },
]"#;

const SWAP: [&str; 4] = ["swap-policy", "windlass.toml", "--actor", "ann"];

fn bench(devices: usize, cohorts: &str) -> Bench {
    let spec = FleetSpec {
        count: devices,
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 1_000);
    configure(&bench, cohorts, "");
    bench
}

fn configure(bench: &Bench, cohorts: &str, plugins: &str) {
    bench.configure(&Config {
        cohorts,
        plugins,
        ..Config::default()
    });
}

/// The policy of the guest that fails, as the only one of the rollout.
fn configure_failing(bench: &Bench, settings: &str) {
    let folder = repository().join("tests/guests/failing-policy");
    let component = build_guest(&folder, "failing-policy");
    let own = format!(
        "[plugins.own]\ncomponent = \"{}\"\nsettings = {settings}\n",
        component.display()
    );
    configure(bench, GATED, &own);
    policies(bench, r#"["own"]"#);
}

fn policies(bench: &Bench, names: &str) {
    let text = fs::read_to_string(bench.path("windlass.toml")).expect("it was written");
    let text = text.replace(r#"policies = ["careful"]"#, &format!("policies = {names}"));
    bench.write("windlass.toml", &text);
}

/// Runs until a person is needed.
async fn run_to_the_gate(bench: &Bench) {
    let run = bench.run().await;
    assert_eq!(run.result()["outcome"], "held", "{run:#?}");
}

async fn events(bench: &Bench) -> Vec<Value> {
    log(bench).await
}

/// Without digests, which are others with every build.
fn assert_shown(name: &str, bench: &Bench, text: &str) {
    let text = bench.portable(text);
    let filters = [
        (r"\b[0-9a-f]{12}\b", "[digest]"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", "[time]"),
    ];
    insta::with_settings!({ filters => filters }, {
        insta::assert_snapshot!(name, text);
    });
}

/// What the state file has of the rollout, by a reader of its own.
async fn status(bench: &Bench) -> String {
    let status = ["status", "windlass.toml", "--output", "json"];
    said(&bench.windlass(&status).await).to_owned()
}

fn refused(ended: &Ended) -> &str {
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(2), ""),
        "{ended:#?}"
    );
    &ended.stderr
}

/// At rest: shown first, then done; cohorts are charged with the canary; the next run goes by the
/// new policies and nobody is updated twice.
#[tokio::test(flavor = "multi_thread")]
async fn policies_are_swapped_at_rest() {
    let bench = bench(8, GATED);
    run_to_the_gate(&bench).await;
    configure(&bench, FINER, "");
    let before = (status(&bench).await, events(&bench).await);
    let dry = bench.windlass(&[&SWAP[..], &["--dry-run"]].concat()).await;
    assert_shown("dry_run", &bench, said(&dry));
    let after = (status(&bench).await, events(&bench).await);
    assert_eq!(before, after, "a dry run changes nothing");

    let swap = [&SWAP[..], &["--reason", "finer steps"]].concat();
    let swapped = bench.windlass(&swap).await;
    assert_shown("at_rest", &bench, said(&swapped));
    let told = events(&bench).await;
    let told = of_type(&told, "policies-swapped");
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0]["actor"].as_str(), told[0]["reason"].as_str()),
        (Some("ann"), Some("finer steps"))
    );
    let human = bench.windlass(&["events", "windlass.toml"]).await;
    let line = said(&human)
        .lines()
        .find(|line| line.contains("policies swapped"));
    assert!(
        line.is_some_and(|line| line.contains("finer steps")),
        "{human:#?}"
    );

    let run = bench.run().await;
    assert_eq!(run.code, Some(0), "{run:#?}");
    let all = events(&bench).await;
    let started = of_type(&all, "cohort-started");
    let cohorts: Vec<_> = started
        .iter()
        .filter_map(|event| event["cohort"].as_str())
        .collect();
    assert_eq!(
        cohorts,
        ["canary", "half", "all"],
        "the canary had begun before"
    );
    assert_eq!(of_type(&all, "policies-taken-back").len(), 0);
    let replay = bench.windlass(&["replay", "windlass.toml"]).await;
    assert!(said(&replay).ends_with("none differs\n"), "{replay:#?}");
    everyone_once(bench, &run, 8).await;
}

/// While it runs: through the owner, without cutting what is in flight.
#[tokio::test(flavor = "multi_thread")]
async fn policies_are_swapped_while_devices_are_updated() {
    let slow = Behaviour {
        bandwidth: NonZeroU64::new(100_000),
        ..Behaviour::default()
    };
    let spec = FleetSpec {
        count: 12,
        default: slow,
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 100_000);
    bench.configure(&Config {
        concurrency: 3,
        ..Config::default()
    });
    let mut run = Terminal::open(&bench, &RUN);
    run.event("attempt-started").await;
    configure(&bench, FINER, "");
    let swapped = bench.windlass(&SWAP).await;
    assert!(said(&swapped).contains("cohorts now:"), "{swapped:#?}");
    run.event("policies-swapped").await;
    run.event("policies-confirmed").await;
    let ended = run.end().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let all = events(&bench).await;
    assert_eq!(of_type(&all, "device-settling").len(), 0, "nothing was cut");
    assert_eq!(of_type(&all, "attempt-started").len(), 12);
    everyone_once(bench, &ended, 12).await;
}

/// A new policy that fails its first calls admits nobody, and is taken back by itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_fails_is_taken_back() {
    for settings in [
        r#"{ sound = 0, fault = "trap" }"#,
        r#"{ sound = 0, fault = "nonsense" }"#,
        r#"{ sound = 0, fault = "loop" }"#,
        r#"{ sound = 9, fault = "trap", judges_nobody = true }"#,
    ] {
        let bench = bench(6, GATED);
        let mut run = Terminal::open(&bench, &RUN);
        run.reason("awaiting-approval").await;
        configure_failing(&bench, settings);
        let swapped = bench
            .windlass(&[&SWAP[..], &["--restart-memo"]].concat())
            .await;
        assert!(said(&swapped).contains("policy own: new"), "{swapped:#?}");
        let back = run.event("policies-taken-back").await;
        assert_eq!(back["policy"], "own", "{back}");
        assert_eq!(back["policies"][0], "careful");
        // The gate is that of the policy before.
        run.reason("awaiting-approval").await;
        let approve = ["approve", "canary", "--state", "state/windlass.db"];
        let approved = bench.windlass(&approve).await;
        said(&approved);
        let ended = run.end().await;
        assert_eq!(ended.code, Some(0), "{ended:#?}");
        let all = events(&bench).await;
        let place = |kind| all.iter().position(|event| event["type"] == kind);
        let (swap, back) = (place("policies-swapped"), place("policies-taken-back"));
        let between = &all[swap.expect("swapped")..back.expect("taken back")];
        assert_eq!(
            of_type(between, "attempt-started").len(),
            0,
            "it admits nobody"
        );
        everyone_once(bench, &ended, 6).await;
    }
}

/// Swapped at rest, the policy fails in the next process: that has the one before from the state
/// file, and goes on by it.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_fails_after_a_restart_is_taken_back_too() {
    let bench = bench(6, GATED);
    run_to_the_gate(&bench).await;
    configure_failing(&bench, r#"{ sound = 0, fault = "trap" }"#);
    let swapped = bench
        .windlass(&[&SWAP[..], &["--restart-memo"]].concat())
        .await;
    said(&swapped);
    // It comes back at the gate of the policy before.
    run_to_the_gate(&bench).await;
    let all = events(&bench).await;
    assert_eq!(of_type(&all, "policies-taken-back").len(), 1);
    assert_eq!(
        of_type(&all, "attempt-started").len(),
        1,
        "only the canary's"
    );
    let other = bench.run().await;
    assert_shown("another_is_in_force", &bench, refused(&other));
    configure(&bench, GATED, "");
    let approve = ["approve", "canary", "windlass.toml", "--actor", "ann"];
    said(&bench.windlass(&approve).await);
    let run = bench.run().await;
    assert_eq!(run.code, Some(0), "{run:#?}");
    everyone_once(bench, &run, 6).await;
}

/// A memo that is none of the new policy's is refused, unless a person has it begin anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_memo_is_taken_over_or_left_behind_on_request() {
    let bench = bench(4, GATED);
    run_to_the_gate(&bench).await;
    let before = events(&bench).await;
    let rate = "[plugins.rate]\ncomponent = \"builtin:policy-rate\"\nsettings = { maximum_per_minute = 6000 }\n";
    configure(&bench, GATED, rate);
    policies(&bench, r#"["rate"]"#);
    let declined = bench.windlass(&SWAP).await;
    assert_shown("memo_declined", &bench, refused(&declined));
    assert_eq!(events(&bench).await, before, "nothing changed");
    let swapped = bench
        .windlass(&[&SWAP[..], &["--restart-memo"]].concat())
        .await;
    assert_shown("memo_left_behind", &bench, said(&swapped));
    let run = bench.run().await;
    assert_eq!(run.code, Some(0), "{run:#?}");
    everyone_once(bench, &run, 4).await;
}

/// Design §6: a consent was given to the policies that were in force.
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_does_not_outlive_its_policy() {
    let bench = bench(4, GATED);
    run_to_the_gate(&bench).await;
    let approve = ["approve", "canary", "windlass.toml", "--actor", "ann"];
    said(&bench.windlass(&approve).await);
    let stricter = GATED.replace("count = 1", "count = 2");
    configure(&bench, &stricter, "");
    let swapped = bench.windlass(&SWAP).await;
    assert!(said(&swapped).contains("void"), "{swapped:#?}");
    run_to_the_gate(&bench).await;
    said(&bench.windlass(&approve).await);
    let run = bench.run().await;
    assert_eq!(run.code, Some(0), "{run:#?}");
    everyone_once(bench, &run, 4).await;
}

/// What is wrong is exit 2 with its place in the file, and changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_swapped_is_refused() {
    let bench = bench(3, GATED);
    run_to_the_gate(&bench).await;
    let before = events(&bench).await;
    let same = bench.windlass(&SWAP).await;
    assert_shown("same", &bench, refused(&same));

    configure(&bench, r#"[{ name = "canary", percnt = 10 }]"#, "");
    let misspelt = bench.windlass(&SWAP).await;
    assert_shown("misspelt", &bench, refused(&misspelt));

    let unknown = [&SWAP[..], &["--rollout", "app-8"]].concat();
    configure(&bench, FINER, "");
    let unknown = bench.windlass(&unknown).await;
    assert_shown("unknown_rollout", &bench, refused(&unknown));

    for (cuts, name) in [
        ("declines", "declines_to_cut"),
        ("too-many", "cuts_too_many"),
    ] {
        configure_failing(
            &bench,
            &format!(r#"{{ sound = 9, fault = "trap", cuts = "{cuts}" }}"#),
        );
        let cut = bench
            .windlass(&[&SWAP[..], &["--restart-memo"]].concat())
            .await;
        assert_shown(name, &bench, refused(&cut));
    }
    assert_eq!(events(&bench).await, before, "nothing changed");

    configure(&bench, GATED, "");
    let abort = ["abort", "windlass.toml", "--actor", "ann"];
    said(&bench.windlass(&abort).await);
    configure(&bench, FINER, "");
    let over = bench.windlass(&SWAP).await;
    assert_shown("over", &bench, refused(&over));
}

/// Killed right before the swap is written, and right after: it has happened whole or not at all,
/// and the same command can be given again, or the rollout goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_a_swap_leaves_all_of_it_or_nothing() {
    for (point, happened) in [("before-swap:1", false), ("after-swap:1", true)] {
        let bench = bench(8, GATED);
        let mut command = bench.command(&RUN);
        command.env("WINDLASS_CRASH_AT", point);
        command.stderr(Stdio::piped()).stdout(Stdio::piped());
        let mut run = Terminal::start(command);
        run.reason("awaiting-approval").await;
        configure(&bench, FINER, "");
        let swap = bench.windlass(&SWAP).await;
        assert!(!matches!(swap.code, Some(0)), "nobody answered: {swap:#?}");
        let died = run.end().await;
        assert_eq!(died.code, None, "{died:#?}");
        let told = events(&bench).await;
        assert_eq!(
            of_type(&told, "policies-swapped").len(),
            usize::from(happened)
        );
        if !happened {
            said(&bench.windlass(&SWAP).await);
        }
        let last = bench.run().await;
        assert_eq!(last.code, Some(0), "{last:#?}");
        everyone_once(bench, &last, 8).await;
    }
}
