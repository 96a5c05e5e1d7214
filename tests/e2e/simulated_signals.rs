//! What signals read in a simulation, because nobody measures any there (issue 4).

use crate::simulate::{Desk, number};

/// A canary whose error rate is watched.
const WATCHED: &str = r#"
[release]
name = "app"
version = "9.0.0"
payload = "never-there.img"

[signals.errors]
file = "never-there.json"
every = "1m"

[signals.load]
url = "http://127.0.0.1:1/never-there"
bearer = { env = "NEVER_SET" }

[plugins.http]
component = "builtin:delivery-http"

[plugins.careful]
component = "builtin:policy-progressive"

[plugins.careful.settings]
cohorts = [
  { name = "canary", percent = 10, soak = "1d", analysis = [
    { signal = "errors", success = { at_most = 0.05 }, measurements = 5, failure_limit = 2, on_failure = "abort" },
  ] },
  { name = "rest" },
]

[rollout]
name = "app-9"
delivery = "http"
policies = ["careful"]
"#;

const SMALL: [&str; 3] = ["rollout.toml", "--devices", "500"];

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_reads_what_it_is_said_to() {
    let desk = Desk::with(WATCHED);
    let simulated = async |signal: &str| {
        let args = [&SMALL[..], &["--signal", signal]].concat();
        desk.session(&args).await
    };
    let good = simulated("errors=0.01").await;
    assert_eq!(good["end"]["how"], "completed", "{}", good["end"]);
    let hour = 3_600_000;
    let turns = simulated("errors=0.01,0.2@6h").await;
    assert_eq!(turns["end"]["how"], "aborted", "{}", turns["end"]);
    let at = number(&turns["end"]["at_ms"]);
    assert!((6 * hour..6 * hour + hour / 10).contains(&at), "{at}");
    assert_eq!(turns["signals"][0]["steps"][1]["from_ms"], 6 * hour);
    // It comes back, and three bad measurements are more than two.
    let dips = simulated("errors=0.01,0.2@6h,0.01@6h1m30s").await;
    assert_eq!(dips["end"]["how"], "completed", "{}", dips["end"]);
    // Nothing is ever there: it says so, and does not wait for a month.
    let missing = simulated("errors=missing").await;
    assert_eq!(missing["end"]["how"], "blocked", "{}", missing["end"]);
    assert_eq!(
        missing["cohorts"][1]["first_started_ms"],
        serde_json::Value::Null
    );
}

/// A build whose devices say nothing for a week is found out by what its users say.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_build_moves_a_signal() {
    let desk = Desk::with(WATCHED);
    let bad = ["--fail", "20%", "--after", "7d", "--flaky", "1%"];
    let moved = ["--signal", "errors=0.01+5*harmed"];
    let args = [&["rollout.toml", "--devices", "5000"], &bad[..], &moved].concat();
    let session = desk.session(&args).await;
    assert_eq!(session["end"]["how"], "aborted", "{}", session["end"]);
    let stated = number(&session["blast_radius"]["devices"]);
    let marks = session["marks"].as_array().expect("marks");
    let abort = marks.iter().find(|mark| mark["verdict"] == "abort");
    let abort = abort.expect("it is aborted");
    assert!(
        number(&abort["started"]) <= stated && stated <= 500,
        "{abort} of {stated}"
    );
    let ended = desk.simulate(&args).await;
    insta::assert_snapshot!("a_bad_build_moves_a_signal", ended.stdout);
    let ended = desk
        .simulate(&[&SMALL[..], &["--signal", "errors=missing"]].concat())
        .await;
    insta::assert_snapshot!("a_signal_that_is_missing", ended.stdout);
}

/// Nothing is lived through before it is known what every signal reads.
#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_can_read_is_refused() {
    let desk = Desk::with(WATCHED);
    let cases: [(&str, &[&str]); 9] = [
        ("a_signal_without_a_word", &[]),
        (
            "a_signal_that_nobody_asks_for",
            &["--signal", "errors=0", "--signal", "error=1"],
        ),
        (
            "a_signal_that_is_not_watched",
            &["--signal", "errors=0", "--signal", "load=1"],
        ),
        (
            "a_signal_told_twice",
            &["--signal", "errors=0", "--signal", "errors=1"],
        ),
        ("a_signal_that_is_no_number", &["--signal", "errors=few"]),
        ("a_signal_that_is_infinite", &["--signal", "errors=inf"]),
        (
            "a_signal_that_goes_back",
            &["--signal", "errors=0,1@6h,2@5h"],
        ),
        ("a_signal_without_an_instant", &["--signal", "errors=0,1"]),
        ("a_signal_without_a_name", &["--signal", "0.01"]),
    ];
    for (name, args) in cases {
        let said = desk.refused(&[&["rollout.toml"], args].concat()).await;
        insta::assert_snapshot!(name, said);
    }
    let unknown = WATCHED.replace("[signals.errors]", "[signals.mistakes]");
    let said = Desk::with(&unknown).refused(&["rollout.toml"]).await;
    insta::assert_snapshot!("a_signal_that_is_not_configured", said);
}
