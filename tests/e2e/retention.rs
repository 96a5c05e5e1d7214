//! What is old is dropped from the state file, and the rest is whole.

use serde_json::Value;

use crate::{
    decisions::{bench, run_to_the_end, said},
    support::{Bench, finish},
};

const STATE: [&str; 4] = ["--state", "state/windlass.db", "--output", "json"];
const SHORT: &str = "[retention]\ndecisions = \"30d\"\nevents = \"30d\"\nattempts = \"30d\"\n";

async fn lines(bench: &Bench, args: &[&str]) -> Vec<Value> {
    let ended = bench.windlass(&[args, &STATE[..]].concat()).await;
    said(&ended);
    ended.events()
}

/// Starts the same run again so many days later.
async fn run_again_after(bench: &Bench, days: u64) {
    bench.write("offset", &(days * 24 * 60 * 60 * 1_000).to_string());
    let mut command = bench.command(&["run", "windlass.toml", "--output", "json"]);
    command.env("WINDLASS_CLOCK_OFFSET", bench.path("offset"));
    let ended = finish(command).await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
}

/// Design §6: `[retention]` has defaults; what is dropped leaves a database that is whole, and
/// what is left can be replayed.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_goes_and_the_rest_is_whole() {
    let bench = bench();
    run_to_the_end(&bench).await;
    let decisions = lines(&bench, &["decisions"]).await;
    let events = lines(&bench, &["events"]).await;
    assert!(decisions.len() > 1 && events.len() > 1);

    run_again_after(&bench, 60).await;
    assert_eq!(
        lines(&bench, &["decisions"]).await,
        decisions,
        "kept for 90 days"
    );

    let config = bench.path("windlass.toml");
    let text = std::fs::read_to_string(&config).expect("it is there");
    bench.write("windlass.toml", &format!("{SHORT}{text}"));
    run_again_after(&bench, 60).await;
    let left = lines(&bench, &["decisions"]).await;
    assert_eq!(left, decisions[decisions.len() - 1..], "the newest");
    assert!(lines(&bench, &["events"]).await.len() < events.len());

    let replay = bench.windlass(&[&["replay"], &STATE[..2]].concat()).await;
    assert!(said(&replay).contains("1 decision run again: none differs"));
    let store = windlass_store::Store::open_read_only(&bench.path("state/windlass.db"));
    let problems = store.expect("it opens").check().expect("it is read");
    assert!(problems.is_empty(), "{problems:?}");
}
