//! Recorded decisions are run again from the state file alone (design §8).

use std::mem;

use rusqlite::{Connection, params};
use serde_json::json;
use windlass_model::{DecisionAnswer, RolloutName};
use windlass_store::Store;

use crate::{
    decisions::{bench, run_to_the_end, said},
    support::{Bench, Config},
};

const REPLAY: [&str; 2] = ["replay", "windlass.toml"];

/// What nobody does: writes into the state file of a rollout that is over. Its decisions are kept
/// as in older files then, where SQL reaches into them.
fn tamper(bench: &Bench, sql: &str) {
    let path = bench.path("state/windlass.db");
    let file = Connection::open(&path).expect("SQLite opens the file");
    let mut packed = file
        .prepare("SELECT 1 FROM packed")
        .expect("the SQL is sound");
    if packed.exists([]).expect("readable") {
        unpack(&Store::open_read_only(&path).expect("readable"), &file);
    }
    file.execute_batch(sql).expect("the SQL is sound");
}

fn unpack(store: &Store, file: &Connection) {
    let rollout = store.rollout(&RolloutName::new("app-9")).expect("readable");
    let rollout = rollout.expect("known").key;
    for mut stored in store.decisions(rollout, 0, usize::MAX).expect("readable") {
        let memo_before = mem::take(&mut stored.record.memo_before);
        let memo = match &mut stored.record.answer {
            DecisionAnswer::Decided(decision) => mem::take(&mut decision.memo),
            DecisionAnswer::Failed(_) => Vec::new(),
        };
        let record = serde_json::to_string(&stored.record).expect("JSON");
        file.execute(
            "UPDATE decision SET record = ?2, memo_before = ?3, memo = ?4 WHERE id = ?1",
            params![stored.id, record, memo_before, memo],
        )
        .expect("written");
    }
    file.execute("DELETE FROM packed", []).expect("written");
}

/// Issue 4, `windlass replay`: cohorts, a gate and a person's consent come out as they did, also
/// if the configuration has changed meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_is_replayed_without_a_difference() {
    let bench = bench();
    run_to_the_end(&bench).await;
    bench.configure(&Config::default());
    let all = bench.windlass(&REPLAY).await;
    assert_eq!(said(&all), "app-9: 4 decisions run again: none differs\n");

    let state = ["--state", "state/windlass.db", "--output", "json"];
    let last = [&["replay", "--from", "3"], &state[..]].concat();
    let last = bench.windlass(&last).await;
    said(&last);
    let expected = json!({ "rollout": "app-9", "compared": 2, "failed": 0, "difference": null });
    assert_eq!(last.events(), [expected]);
}

/// The first decision that comes out otherwise is shown field by field, and none is run after it.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_difference_is_shown_field_by_field() {
    let bench = bench();
    run_to_the_end(&bench).await;
    tamper(
        &bench,
        "UPDATE decision SET record = json_set(record, '$.answer.decided.ceilings[1].started', 7, \
           '$.answer.decided.reasons[0].text', 'because I say so') WHERE id = 2; \
         UPDATE decision SET memo = x'ff' WHERE id = 2; \
         UPDATE decision SET record = json_set(record, '$.answer.decided.verdict', 'abort') \
           WHERE id = 3",
    );
    let human = bench.windlass(&REPLAY).await;
    assert_eq!(
        (human.code, human.stderr.as_str()),
        (Some(1), ""),
        "{human:#?}"
    );
    insta::with_settings!({ filters => [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[time]"),
        (r"\d{13}", "[instant]"),
    ] }, { insta::assert_snapshot!("differs", human.stdout); });

    let json = bench
        .windlass(&[&REPLAY[..], &["--output", "json"]].concat())
        .await;
    assert_eq!(json.code, Some(1), "{json:#?}");
    let said = json.result();
    assert_eq!(
        (&said["compared"], &said["difference"]["seq"]),
        (&json!(2), &json!(2))
    );
    let fields = said["difference"]["fields"].as_array().expect("fields");
    let ceilings = json!({
        "field": "ceilings of cohort all",
        "recorded": "7 started, 0 in progress",
        "again": "0 started, 0 in progress",
    });
    assert!(fields.contains(&ceilings), "{fields:#?}");
    assert_eq!(fields.len(), 3, "{fields:#?}");

    let from = bench
        .windlass(&[&REPLAY[..], &["--from", "4"]].concat())
        .await;
    assert_eq!(from.code, Some(0), "{from:#?}");
}

/// What another version wrote otherwise, and reads the same, does not differ.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_may_be_written_otherwise() {
    let bench = bench();
    run_to_the_end(&bench).await;
    tamper(
        &bench,
        "UPDATE decision SET record = json_set(record, '$.answer.decided.rechecks', json('[]')) \
         WHERE id = 2; \
         UPDATE decision SET record = json_patch('{\"answer\":null}', record) WHERE id = 3",
    );
    let all = bench.windlass(&REPLAY).await;
    assert_eq!(said(&all), "app-9: 4 decisions run again: none differs\n");
}

/// Parts of a long history are run at once and told in their order: the first difference, and
/// what cannot be read only if nothing before it differs.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_history_is_compared_in_order() {
    let bench = bench();
    run_to_the_end(&bench).await;
    tamper(
        &bench,
        "WITH RECURSIVE n (i) AS (SELECT 5 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) \
         INSERT INTO decision (id, rollout, policy, component, at, record, memo_before, memo) \
         SELECT i, rollout, policy, component, at, record, memo_before, memo \
         FROM n, decision WHERE id = 2",
    );
    let json = [&REPLAY[..], &["--output", "json"]].concat();
    let all = bench.windlass(&json).await;
    assert_eq!(
        (all.code, &all.result()["compared"]),
        (Some(0), &json!(3000))
    );
    tamper(
        &bench,
        "UPDATE decision SET memo = x'ff' WHERE id IN (1500, 1501, 2900); \
         UPDATE decision SET record = 'nonsense' WHERE id = 2000",
    );
    let first = bench.windlass(&json).await;
    let result = first.result();
    assert_eq!(
        (
            first.code,
            &result["compared"],
            &result["difference"]["seq"]
        ),
        (Some(1), &json!(1500), &json!(1500))
    );
    let unread = bench
        .windlass(&[&REPLAY[..], &["--from", "1502"]].concat())
        .await;
    assert_eq!((unread.code, unread.stdout.as_str()), (Some(1), ""));
    assert!(
        unread.stderr.contains("the decisions could not be read"),
        "{unread:#?}"
    );
    let last = [&json[..], &["--from", "2001"]].concat();
    assert_eq!(
        bench.windlass(&last).await.result()["difference"]["seq"],
        2900
    );
}

/// A decision that cannot be had back is named, and those before it are run.
#[tokio::test(flavor = "multi_thread")]
async fn a_decision_that_cannot_be_unpacked_is_named() {
    let bench = bench();
    run_to_the_end(&bench).await;
    let file = Connection::open(bench.path("state/windlass.db")).expect("SQLite opens the file");
    file.execute("UPDATE packed SET pattern = 99 WHERE decision = 3", [])
        .expect("written");
    for command in [&REPLAY[..], &["decisions", "windlass.toml"]] {
        let ended = bench.windlass(command).await;
        assert_eq!(ended.code, Some(1), "{ended:#?}");
        for said in [
            "the state database holds decision 3 packed, and it cannot be unpacked",
            "its pattern 99 is missing",
        ] {
            assert!(ended.stderr.replace('\n', " ").contains(said), "{ended:#?}");
        }
    }
    let after = [&REPLAY[..], &["--from", "4"]].concat();
    assert_eq!(bench.windlass(&after).await.code, Some(0));
}

/// A policy that no longer answers differs as well.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_fails_now_is_a_difference() {
    let bench = bench();
    run_to_the_end(&bench).await;
    // A memo that no instance has the memory for.
    tamper(
        &bench,
        "UPDATE decision SET memo_before = zeroblob(100000000) WHERE id = 2",
    );
    let ended = bench.windlass(&REPLAY).await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    assert!(ended.stdout.contains("failed: "), "{ended:#?}");
}

/// A policy that gave no answer then is not held to one now.
#[tokio::test(flavor = "multi_thread")]
async fn failures_are_left_out() {
    let bench = bench();
    run_to_the_end(&bench).await;
    tamper(
        &bench,
        r#"UPDATE decision SET record = json_set(record, '$.answer', json('{"failed":"it took too long"}'))
           WHERE id = 2"#,
    );
    let shown = bench.windlass(&["decisions", "windlass.toml"]).await;
    assert!(
        said(&shown).contains("policy careful: failed\n        it took too long\n"),
        "{shown:#?}"
    );
    let ended = bench.windlass(&REPLAY).await;
    assert_eq!(
        said(&ended),
        "app-9: 3 decisions run again: none differs; 1 failure left out: there is no answer to compare\n"
    );
}

/// Issue 4, "Bad input": a replay whose component or settings are gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_replay_without_what_it_needs_is_refused() {
    let bench = bench();
    run_to_the_end(&bench).await;
    for (table, what) in [("component", "component"), ("settings", "settings")] {
        tamper(
            &bench,
            &format!("CREATE TABLE kept AS SELECT * FROM {table}; DELETE FROM {table}"),
        );
        let ended = bench.windlass(&REPLAY).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{ended:#?}"
        );
        let said = format!(
            "decision 1 of the policy `careful` cannot be run again: the state file does not keep its {what}"
        );
        assert!(
            ended.stderr.replace('\n', " ").contains(&said),
            "{ended:#?}"
        );
        tamper(
            &bench,
            &format!("INSERT INTO {table} SELECT * FROM kept; DROP TABLE kept"),
        );
    }
    let other = [&REPLAY[..], &["--rollout", "app-8"]].concat();
    let other = bench.windlass(&other).await;
    assert_eq!(other.code, Some(2), "{other:#?}");
    assert!(
        other.stderr.contains("there is no rollout `app-8`"),
        "{other:#?}"
    );
    assert_eq!(bench.windlass(&REPLAY).await.code, Some(0));
}

/// Issue 4, `replay --policy`: history under other settings parts where these would have let more
/// go; under the same it parts nowhere.
#[tokio::test(flavor = "multi_thread")]
async fn another_policy_is_led_through_what_was_recorded() {
    let bench = bench();
    run_to_the_end(&bench).await;
    let same = bench
        .windlass(&[&REPLAY[..], &["--policy", "careful"]].concat())
        .await;
    assert_eq!(
        said(&same),
        "app-9: 4 decisions of policy careful shown to careful: it would have allowed and said \
         the same\n"
    );
    bench.configure(&Config {
        plugins: r#"
[plugins.eager]
component = "builtin:policy-progressive"
settings.cohorts = [
  { name = "canary", count = 1 },
  { name = "all", success_rate = 1.0 },
]"#,
        cohorts: crate::decisions::GATED,
        ..Config::default()
    });
    let eager = [&REPLAY[..], &["--policy", "eager"]].concat();
    let human = bench.windlass(&eager).await;
    assert_eq!(
        (human.code, human.stderr.as_str()),
        (Some(1), ""),
        "{human:#?}"
    );
    insta::with_settings!({ filters => [
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "[time]"),
    ] }, { insta::assert_snapshot!("under_another_policy", human.stdout); });
    let json = bench
        .windlass(&[&eager[..], &["--of", "careful", "--output", "json"]].concat())
        .await;
    let summary = json.result();
    assert_eq!(
        (
            &summary["candidate"],
            &summary["stricter"],
            &summary["most_more"]
        ),
        (&json!("eager"), &json!(0), &json!(1)),
        "{json:#?}"
    );
    assert_eq!(
        json.events().len() as u64,
        summary["differ"].as_u64().unwrap_or(0) + 1
    );
}

/// A plugin or policy that is none, and a plugin that is no policy, are refused.
#[tokio::test(flavor = "multi_thread")]
async fn a_candidate_that_is_none_is_refused() {
    let bench = bench();
    run_to_the_end(&bench).await;
    let mut errors = String::new();
    for wrong in [
        &["--policy", "carefull"][..],
        &["--policy", "http"],
        &["--policy", "careful", "--of", "nights"],
    ] {
        let ended = bench.windlass(&[&REPLAY[..], wrong].concat()).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{ended:#?}"
        );
        errors.push_str(&ended.stderr);
    }
    insta::assert_snapshot!("no_candidates", errors);
}
