//! Rollouts tried before they touch a device (issue 4, design §8): through the built binary, with
//! the real components.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::{Ended, finish, repository, shared_cache};

/// A canary of a tenth for two weeks, then all; three bad devices end it.
const CANARY: &str = r#"
[release]
name = "app"
version = "9.0.0"
payload = "never-there.img"

[plugins.http]
component = "builtin:delivery-http"

[plugins.careful]
component = "builtin:policy-progressive"

[plugins.careful.settings]
abort = { count = 3 }
cohorts = [
  { name = "canary", percent = 10, quorum = 0.9, soak = "14d" },
  { name = "rest" },
]

[rollout]
name = "app-9"
delivery = "http"
policies = ["careful"]
"#;

/// A folder with configurations, and nothing else.
pub(crate) struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    pub(crate) fn with(text: &str) -> Self {
        let desk = Self::new();
        desk.write("rollout.toml", text);
        desk
    }

    /// The POS scenarios without their payload.
    fn pos() -> Self {
        let desk = Self::new();
        let scenarios = repository().join("tests/scenarios/pos");
        for entry in fs::read_dir(&scenarios).expect("the scenarios are there") {
            let from = entry.expect("it can be listed").path();
            let name = from.file_name().expect("it has a name");
            let name = name.to_str().expect("it is UTF-8");
            let text = || fs::read_to_string(&from).expect("it can be read");
            if name.ends_with(".toml") {
                desk.write(name, &text());
            } else if name == "devices.json" {
                fs::write(desk.0.path().join(name), text()).expect("it can be written");
            }
        }
        desk
    }

    fn write(&self, name: &str, text: &str) {
        let cache = format!("[engine]\ncache = \"{}\"\n", shared_cache().display());
        let text = if text.contains("[engine]\n") {
            text.replace("[engine]\n", &cache)
        } else {
            format!("{cache}{text}")
        };
        fs::write(self.0.path().join(name), text).expect("it can be written");
    }

    pub(crate) async fn simulate(&self, args: &[&str]) -> Ended {
        let mut command = Command::new(env!("CARGO_BIN_EXE_windlass"));
        command
            .arg("simulate")
            .args(args)
            .current_dir(self.0.path())
            .stdin(Stdio::null());
        command
            .env_remove("WINDLASS_STATE")
            .env_remove("WINDLASS_CONCURRENCY")
            // Other tests compile into the same cache, which is worth a warning.
            .env("WINDLASS_LOG", "error");
        finish(command).await
    }

    /// One session, as JSON.
    pub(crate) async fn session(&self, args: &[&str]) -> Value {
        let ended = self.simulate(&[args, &["--output", "json"]].concat()).await;
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{ended:#?}"
        );
        assert_eq!(ended.stdout.lines().count(), 1, "{ended:#?}");
        ended.result()
    }

    /// What was said of bad input.
    pub(crate) async fn refused(&self, args: &[&str]) -> String {
        let ended = self.simulate(args).await;
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{ended:#?}"
        );
        ended.stderr
    }

    fn has(&self, name: &str) -> bool {
        self.0.path().join(name).exists()
    }
}

pub(crate) fn number(value: &Value) -> u64 {
    value
        .as_u64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// The session with one sample of forty, so that a person can read it.
fn thinned(mut session: Value) -> String {
    let samples = session["samples"].as_array_mut().expect("samples");
    let mut keep = (0..40).cycle();
    samples.retain(|_| keep.next() == Some(0));
    serde_json::to_string_pretty(&session).expect("it is JSON")
}

/// A simulation that says nothing of a policy could be taken for one that asked it.
#[tokio::test(flavor = "multi_thread")]
async fn policies_in_shadow_are_left_out_and_that_is_said() {
    let bold =
        "[plugins.bold]\ncomponent = \"builtin:policy-rate\"\nsettings.maximum_per_minute = 5\n";
    let shadow = CANARY.replace(
        "[rollout]\n",
        &format!("{bold}[rollout]\nshadow = [\"bold\"]\n"),
    );
    let desk = Desk::with(&shadow);
    let ended = desk.simulate(&["rollout.toml", "--devices", "20"]).await;
    insta::assert_snapshot!(ended.stderr);
    desk.write("rollout.toml", CANARY);
    let without = desk.simulate(&["rollout.toml", "--devices", "20"]).await;
    assert_eq!((ended.code, ended.stdout), (without.code, without.stdout));
    assert_eq!(without.stderr, "");
}

/// "A 14-day canary rollout with a bad build, simulated, shows its abort within the blast radius
/// it stated before."
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_build_is_aborted_within_the_stated_radius() {
    let desk = Desk::with(CANARY);
    let bad = [
        "rollout.toml",
        "--devices",
        "2000",
        "--fail",
        "20%",
        "--after",
        "6h",
    ];
    for seed in ["1", "2", "3"] {
        let session = desk.session(&[&bad[..], &["--seed", seed]].concat()).await;
        assert_eq!(session["end"]["how"], "aborted", "{}", session["end"]);
        let marks = session["marks"].as_array().expect("marks");
        let abort = marks.iter().find(|mark| mark["verdict"] == "abort");
        let abort = abort.expect("it is aborted");
        let stated = number(&session["blast_radius"]["devices"]);
        assert!(number(&abort["started"]) <= stated, "{abort} and {stated}");
        assert_eq!(stated, 200);
        assert_eq!(session["blast_radius"]["cohort"], "canary");
        assert_eq!(session["cohorts"][1]["first_started_ms"], Value::Null);
    }
    assert!(!desk.has("state"), "no state is kept");
}

/// A build that no device shows to be bad, and that a fifth of them loses: the round at the end of
/// the soak finds it out (design §7.12).
#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_devices_lose_again_is_found_by_the_round() {
    let desk = Desk::with(CANARY);
    let lost = [
        "rollout.toml",
        "--devices",
        "500",
        "--fall-back",
        "20%",
        "--fall-back-after",
        "6h",
    ];
    let session = desk.session(&lost).await;
    assert_eq!(session["end"]["how"], "aborted", "{}", session["end"]);
    let fell_back = &session["harm"]["fell_back"];
    let fortnight = 14 * 24 * 3_600_000;
    assert!(
        number(&fell_back["first_found_ms"]) >= fortnight,
        "{fell_back}"
    );
    assert_eq!(fell_back["after_ms"], 6 * 3_600_000);
    let (devices, found) = (number(&fell_back["devices"]), number(&fell_back["found"]));
    assert!(found >= 3 && found <= devices, "{fell_back}");
    assert_eq!(session["harm"]["harmed"], 0);
    assert_eq!(session["cohorts"][1]["first_started_ms"], Value::Null);
    insta::assert_snapshot!("a_build_that_is_lost", desk.simulate(&lost).await.stdout);
    let alone = ["rollout.toml", "--fall-back-after", "6h"];
    insta::assert_snapshot!("falls_back_after_nothing", desk.refused(&alone).await);
}

/// The same of the POS scenario with a canary (GO-128), as it is but for its soak.
#[tokio::test(flavor = "multi_thread")]
async fn a_pos_canary_of_14_days_takes_a_bad_build_back() {
    let desk = Desk::pos();
    let scenario = repository().join("tests/scenarios/pos/3-progressive.toml");
    let scenario = fs::read_to_string(scenario);
    let scenario = scenario.expect("it is there");
    let canary = "soak = \"24h\"";
    assert!(scenario.contains(canary), "{scenario}");
    desk.write("careful.toml", &scenario.replace(canary, "soak = \"14d\""));
    let bad = [
        "careful.toml",
        "--devices",
        "5000",
        "--fail",
        "5%",
        "--after",
        "6h",
    ];
    for seed in ["1", "2"] {
        let args = [&bad[..], &["--seed", seed]].concat();
        let session = desk.session(&args).await;
        assert_eq!(session["end"]["how"], "rolled-back", "{}", session["end"]);
        let stated = &session["blast_radius"];
        assert_eq!(
            (&stated["devices"], &stated["rate"]),
            (&500.into(), &0.05.into())
        );
        assert_eq!(stated["cohort"], "canary");
        let marks = session["marks"].as_array().expect("marks");
        let abort = marks.iter().find(|mark| mark["verdict"] == "roll-back");
        let abort = abort.expect("it is taken back");
        assert!(number(&abort["started"]) <= 500, "{abort}");
        assert!(number(&abort["at_ms"]) < 14 * 24 * 3_600_000, "{abort}");
        assert_eq!(session["cohorts"][1]["first_started_ms"], Value::Null);
        let told = desk.simulate(&args).await.stdout;
        let words = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            words.contains("devices started, within the 500 stated"),
            "{told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_told_in_json() {
    let desk = Desk::with(CANARY);
    let bad = [
        "rollout.toml",
        "--devices",
        "200",
        "--fail",
        "0.1",
        "--after",
        "2h",
    ];
    let session = desk.session(&bad).await;
    insta::assert_snapshot!("a_bad_build_in_json", thinned(session));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_told_in_words() {
    let desk = Desk::with(&CANARY.replace("14d", "1d"));
    let good = ["rollout.toml", "--devices", "2000", "--flaky", "1%"];
    let bad = [&good[..], &["--fail", "5%", "--after", "6h"]].concat();
    for (name, args) in [("a_good_build", &good[..]), ("a_bad_build", &bad)] {
        let ended = desk.simulate(args).await;
        assert_eq!(
            (ended.code, ended.stderr.as_str()),
            (Some(0), ""),
            "{ended:#?}"
        );
        insta::assert_snapshot!(name, ended.stdout);
    }
}

/// "The same bytes for the same seed."
#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_says_the_same() {
    let desk = Desk::with(CANARY);
    let args = [
        "rollout.toml",
        "--devices",
        "500",
        "--profile",
        "iot",
        "--for",
        "1d",
        "--output",
        "json",
    ];
    let page = |name: &'static str| [&args[..], &["--html", name]].concat();
    let first = desk.simulate(&page("first.html")).await;
    let again = desk.simulate(&page("again.html")).await;
    assert_eq!(first.code, Some(0), "{first:#?}");
    assert_eq!(first.stdout, again.stdout);
    let written = |name: &str| fs::read(desk.0.path().join(name)).expect("it was written");
    assert_eq!(written("first.html"), written("again.html"));
    let other = desk.simulate(&[&args[..], &["--seed", "2"]].concat()).await;
    assert_ne!(first.stdout, other.stdout);
}

/// The six scenarios of the POS fleet (GO-126 to GO-131), each with its own records: the ten
/// terminals, and a chain of a thousand like them.
#[tokio::test(flavor = "multi_thread")]
async fn the_pos_scenarios_are_simulated() {
    let desk = Desk::pos();
    let scenarios = [
        ("1-immediate.toml", 10, 1000),
        ("2-night-window.toml", 10, 1000),
        ("3-progressive.toml", 10, 1000),
        // Its filter names three ids, and each further device has another.
        ("4-on-connect.toml", 3, 3),
        ("5-region.toml", 3, 300),
        ("6-firmware.toml", 4, 400),
    ];
    for (scenario, few, many) in scenarios {
        for (devices, targets) in [("10", few), ("1000", many)] {
            let args = [scenario, "--devices", devices, "--profile", "signage"];
            // Noon in New York.
            let start = ["--start", "2026-01-05T17:00:00Z"];
            let session = desk.session(&[&args[..], &start].concat()).await;
            let end = &session["end"];
            assert_eq!(number(&session["devices"]), targets, "{scenario}");
            assert_eq!(end["how"], "completed", "{scenario}: {end}");
            let cohorts = session["cohorts"].as_array().expect("cohorts");
            let updated: u64 = cohorts
                .iter()
                .map(|cohort| number(&cohort["succeeded"]))
                .sum();
            assert!(updated * 100 >= targets * 98, "{scenario}: {updated}");
            // Nobody's night has begun (GO-127).
            let first = number(&cohorts[0]["first_started_ms"]);
            let by_night = scenario == "2-night-window.toml";
            assert_eq!(first > 0, by_night, "{scenario}: {first}");
        }
    }
    assert!(!desk.has("state"), "no state is kept");
}

/// What no look at the configuration tells: most tills are off when the window is open.
#[tokio::test(flavor = "multi_thread")]
async fn a_window_in_which_tills_are_off_is_found_out() {
    let desk = Desk::pos();
    let night = ["2-night-window.toml", "--devices", "300", "--for", "5d"];
    let session = desk.session(&night).await;
    assert_eq!(session["end"]["how"], "unfinished", "{}", session["end"]);
    let updated = number(&session["cohorts"][0]["succeeded"]);
    assert!((1..150).contains(&updated), "{updated}");
}

/// Configurations side by side are lived through by the same fleet.
#[tokio::test(flavor = "multi_thread")]
async fn several_configurations_are_told_one_after_the_other() {
    let desk = Desk::with(&CANARY.replace("14d", "1d"));
    desk.write("bold.toml", &CANARY.replace("14d", "2h"));
    let ended = desk
        .simulate(&[
            "rollout.toml",
            "--against",
            "bold.toml",
            "--devices",
            "500",
            "--output",
            "json",
        ])
        .await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let sessions = ended.events();
    let [careful, bold] = &sessions[..] else {
        panic!("{ended:#?}");
    };
    let done = |session: &Value| number(&session["updated"]["most_ms"]);
    assert!(done(bold) < done(careful), "{bold} {careful}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_usage_is_refused() {
    let desk = Desk::with(CANARY);
    let cases: [(&str, &[&str]); 8] = [
        ("an_unknown_profile", &["--profile", "toaster"]),
        ("a_rate_above_one", &["--fail", "20"]),
        ("a_rate_that_is_none", &["--flaky", "often"]),
        ("a_span_without_unit", &["--for", "30"]),
        ("a_span_of_years", &["--for", "3650d"]),
        ("a_transfer_of_no_time", &["--transfer", "0s"]),
        ("a_start_that_is_no_time", &["--start", "tomorrow"]),
        ("a_delay_of_no_failure", &["--after", "6h"]),
    ];
    for (name, args) in cases {
        let said = desk.refused(&[&["rollout.toml"], args].concat()).await;
        insta::assert_snapshot!(name, said);
    }
}

/// What does not check is not simulated.
#[tokio::test(flavor = "multi_thread")]
async fn bad_configurations_are_refused() {
    let desk = Desk::with(&CANARY.replace("percent = 10", "percent = 110"));
    let said = desk.refused(&["rollout.toml"]).await;
    insta::assert_snapshot!("a_configuration_that_does_not_check", said);

    let filter = "[plugins.cel]\ncomponent = \"builtin:filter-cel\"\n\n[rollout]\n\
        filter = { plugin = \"cel\", expression = 'device.kind == \"kiosk\"' }\n";
    let desk = Desk::with(&CANARY.replace("[rollout]\n", filter));
    let said = desk.refused(&["rollout.toml"]).await;
    insta::assert_snapshot!("a_filter_that_selects_nothing", said);

    let fleet = "[fleet]\ndevices = \"devices.json\"\n\n[release]\n";
    let desk = Desk::with(&CANARY.replace("[release]\n", fleet));
    fs::write(desk.0.path().join("devices.json"), "[{\"id\": 7}]").expect("it can be written");
    let said = desk.refused(&["rollout.toml"]).await;
    insta::assert_snapshot!("a_fleet_file_that_is_wrong", said);
    assert!(
        !Path::new(desk.0.path()).join("state").exists(),
        "no state is kept"
    );
}

/// Several configurations are compared, and the page holds them all; where it cannot be written
/// is said before anything is lived through.
#[tokio::test(flavor = "multi_thread")]
async fn configurations_are_compared_and_written_as_a_page() {
    let desk = Desk::with(CANARY);
    desk.write(
        "bold.toml",
        &CANARY.replace("percent = 10,", "percent = 50,"),
    );
    let ended = desk
        .simulate(&[
            "rollout.toml",
            "--against",
            "bold.toml",
            "--devices",
            "500",
            "--fail",
            "10%",
            "--html",
            "page.html",
        ])
        .await;
    assert_eq!(
        (ended.code, ended.stderr.as_str()),
        (Some(0), ""),
        "{ended:#?}"
    );
    insta::assert_snapshot!("side_by_side", ended.stdout);
    let page = fs::read_to_string(desk.0.path().join("page.html")).expect("it was written");
    insta::assert_snapshot!("a_page_of_both", page);
    assert!(
        page.matches("<svg").count() >= 3,
        "a chart of each and one of both"
    );
    for outside in ["http://", "https://", "<script"] {
        let own = page.replace("http://www.w3.org/", "");
        assert!(!own.contains(outside), "{outside}");
    }

    let nowhere = ["rollout.toml", "--html", "nowhere/page.html"];
    insta::assert_snapshot!("a_page_without_a_place", desk.refused(&nowhere).await);
}
