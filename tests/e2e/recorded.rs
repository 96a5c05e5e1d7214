//! The next rollout tried on the fleet of the last one (issue 4, "`--recorded STATE`").

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use serde_json::Value;
use windlass_model::{Change, ChangeSet, Reading, RolloutName, SignalName, SignalSample};
use windlass_sim::{Behaviour, Fault, FleetSpec, Offline, When};
use windlass_store::{Location, Store};

use crate::{
    sites::fleet,
    support::{Bench, Config, Ended},
};

const HOUR: Duration = Duration::from_secs(3_600);

const STATE: &str = "state/windlass.db";

/// Two sites of six, of which one device is away and one answers with an error at first; the
/// rollout of 9.0.0 has run, and `next.toml` is that of 9.1.0.
async fn after_a_rollout() -> Bench {
    let away = Behaviour {
        offline: Some(Offline::default()),
        ..Behaviour::default()
    };
    let fails = Behaviour::failing(Fault::status(500), When::First(1));
    let spec = FleetSpec {
        overrides: BTreeMap::from([(1, away), (2, fails)]),
        ..fleet(&["a", "b"], 6, Behaviour::default())
    };
    let bench = Bench::new(spec, 1_000);
    let config = bench.configure(&Config::default());
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(3), "one is away: {ended:#?}");
    let text = fs::read_to_string(config).expect("it was written");
    let next = text
        .replace("9.0.0", "9.1.0")
        .replace("app-9\"", "app-9-1\"")
        .replace("app.img", "never-there.img");
    bench.write("next.toml", &next);
    bench
}

async fn simulate(bench: &Bench, args: &[&str]) -> Ended {
    let recorded = ["simulate", "next.toml", "--recorded", STATE];
    bench.windlass(&[&recorded[..], args].concat()).await
}

async fn session(bench: &Bench, args: &[&str]) -> Value {
    let ended = simulate(bench, &[args, &["--output", "json"]].concat()).await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    ended.result()
}

/// Everything in the folder of the state, byte for byte.
fn files(bench: &Bench) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(bench.path("state")).expect("it is there");
    let files = entries.map(|entry| {
        let path = entry.expect("it can be listed").path();
        let name = path.file_name().expect("it has a name");
        let name = name.to_string_lossy().into_owned();
        let bytes = if name.ends_with(".db") {
            fs::read(&path).expect("it can be read")
        } else {
            Vec::new()
        };
        (name, bytes)
    });
    files
        .filter(|(name, _)| !name.ends_with("-shm") && !name.ends_with("-wal"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_rollout_is_tried_on_the_fleet_of_the_last() {
    let bench = after_a_rollout().await;
    let before = files(&bench);
    let told = session(&bench, &[]).await;
    assert_eq!(told["devices"], 12, "{told}");
    assert_eq!(told["fleet"], STATE);
    assert_eq!(told["configuration"], "next.toml");
    let recorded = &told["recorded"];
    assert_eq!(recorded["devices"], 12);
    assert_eq!(recorded["attempts"], 12, "eleven and a retry: {recorded}");
    assert_eq!(recorded["waits"], 1, "{recorded}");
    assert_eq!(recorded["untried"], 1, "{recorded}");
    let failing = recorded["failing"].as_f64().expect("a share");
    assert!((failing - 1.0 / 12.0).abs() < 1e-9, "{failing}");
    // The same bytes for the same seed, of another number of devices as well.
    let many = ["--devices", "500", "--seed", "4", "--for", "2d"];
    let first = simulate(&bench, &many).await;
    assert_eq!(first.code, Some(0), "{first:#?}");
    assert_eq!(first.stdout, simulate(&bench, &many).await.stdout);
    assert!(
        first.stdout.contains("500 simulated devices"),
        "{}",
        first.stdout
    );
    let filter = "filter = { plugin = \"cel\", expression = 'device.location == \"a\"' }";
    let next = fs::read_to_string(bench.path("next.toml")).expect("it is there");
    bench.write(
        "next.toml",
        &next.replace("probe_interval", &format!("{filter}\nprobe_interval")),
    );
    let half = session(&bench, &["--devices", "500"]).await;
    assert_eq!(half["devices"], 250, "each site keeps its share");
    assert_eq!(files(&bench), before, "the state is as it was");
}

/// An engine may be at work on it.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_in_use_is_read_as_well() {
    let bench = after_a_rollout().await;
    let owner = Store::open(&Location::File(bench.path(STATE))).expect("nobody owns it");
    let told = session(&bench, &["--for", "1h"]).await;
    assert_eq!(told["recorded"]["attempts"], 12);
    drop(owner);
}

/// Another length of transfers is the user's word against the record's.
#[tokio::test(flavor = "multi_thread")]
async fn a_given_length_of_transfers_overrules_the_recorded() {
    let bench = after_a_rollout().await;
    let recorded = session(&bench, &[]).await;
    let told = session(&bench, &["--transfer", "10m"]).await;
    let half = |session: &Value| {
        session["updated"]["half_ms"]
            .as_u64()
            .expect("it is updated")
    };
    assert!(half(&recorded) < 60_000, "{recorded}");
    assert!(half(&told) >= 300_000, "{told}");
}

/// Writes what the rollout of the past measured: a good value, none, a bad one, an hour apart.
fn measure(bench: &Bench) {
    let mut store = Store::open(&Location::File(bench.path(STATE))).expect("nobody owns it");
    let name = RolloutName::new("app-9");
    let known = store.rollout(&name).expect("it can be read");
    let rollout = known.expect("it has run");
    let started = rollout.started_at.expect("it has run");
    let readings = [
        Reading::Value(0.01),
        Reading::Missing("the job was late".to_owned()),
        Reading::Value(0.2),
    ];
    let samples = (0_u32..).zip(readings).map(|(hours, reading)| {
        let at = started.plus(hours * HOUR);
        Change::Signal(SignalSample {
            name: SignalName::new("errors"),
            at,
            reading,
            fresh_until: at.plus(HOUR),
        })
    });
    let set = ChangeSet {
        rollout: rollout.key,
        changes: samples.collect(),
        events: Vec::new(),
    };
    for committed in store.commit(&[&set]) {
        committed.expect("no conflict");
    }
}

/// The next rollout has a canary that the signal watches.
fn watch(bench: &Bench) {
    let next = fs::read_to_string(bench.path("next.toml")).expect("it is there");
    let watched = next
        .replace(
            r#"[{ name = "all", percent = 100 }]"#,
            r#"[{ name = "canary", count = 2, soak = "1d", analysis = [
  { signal = "errors", success = { at_most = 0.05 }, failure_limit = 0, on_failure = "abort" },
] }, { name = "all" }]"#,
        )
        .replace(
            "[plugins.http]",
            "[signals.errors]\nfile = \"never-there.txt\"\n\n[plugins.http]",
        );
    assert_ne!(watched, next);
    bench.write("next.toml", &watched);
}

/// What a signal read in the past it reads again, at the same time after the start.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_reads_what_it_did_in_the_past() {
    let bench = after_a_rollout().await;
    measure(&bench);
    watch(&bench);
    let before = files(&bench);
    let again = ["--signal", "errors=recorded"];
    let told = session(&bench, &again).await;
    assert_eq!(told["end"]["how"], "aborted", "{}", told["end"]);
    let at = told["end"]["at_ms"].as_u64().expect("it has an end");
    let hour = 3_600_000;
    assert!((2 * hour..2 * hour + hour / 10).contains(&at), "{at}");
    let signal = &told["signals"][0];
    assert_eq!(
        (&signal["name"], &signal["recorded"]),
        (&"errors".into(), &"app-9".into())
    );
    let steps = signal["steps"].as_array().expect("steps");
    let steps: Vec<_> = steps
        .iter()
        .map(|step| (&step["from_ms"], &step["value"]))
        .collect();
    assert_eq!(
        steps,
        [
            (&0.into(), &0.01.into()),
            (&hour.into(), &Value::Null),
            (&(2 * hour).into(), &0.2.into()),
        ]
    );
    let shown = simulate(&bench, &again).await;
    let line = "errors reads what it did in app-9: 3 readings within 2h, from 0.01";
    assert!(shown.stdout.contains(line), "{}", shown.stdout);
    assert_eq!(shown.stdout, simulate(&bench, &again).await.stdout);
    // What is said goes before what was measured.
    let good = session(&bench, &["--signal", "errors=0.01"]).await;
    assert_ne!(good["end"]["how"], "aborted", "{}", good["end"]);
    assert_eq!(files(&bench), before, "the state is as it was");
}

/// Exit 2: no file, no such signal, none at all.
#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_was_never_measured_is_refused() {
    let bench = after_a_rollout().await;
    watch(&bench);
    let mut refusals = Vec::new();
    let mut refuse = async |args: &[&str]| refusals.push(refused(&bench, args).await);
    refuse(&["--signal", "errors=recorded"]).await;
    let recorded = ["--recorded", STATE, "--signal"];
    refuse(&[&recorded[..], &["errors=recorded"]].concat()).await;
    refuse(&[&recorded[..], &["errors=recorded,0.2@6h"]].concat()).await;
    measure(&bench);
    refuse(&[&recorded[..], &["eror=recorded"]].concat()).await;
    insta::assert_snapshot!("never_measured", refusals.join("\n"));
}

/// What a simulation says that is refused.
async fn refused(bench: &Bench, args: &[&str]) -> String {
    let ended = bench
        .windlass(&[&["simulate", "next.toml"], args].concat())
        .await;
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (Some(2), ""),
        "{ended:#?}"
    );
    bench.portable(&ended.stderr)
}

fn execute(file: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(file).expect("it can be opened");
    connection.execute_batch(sql).expect("it can be changed");
}

/// Exit 2, and nothing is made or changed.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_recorded_fleet_is_refused() {
    let bench = after_a_rollout().await;
    let mut settings = insta::Settings::clone_current();
    settings.add_filter(r"schema \d+\n", "schema [known]\n");
    settings.add_filter(r"knows schema \d+", "knows schema [known]");
    let _guard = settings.bind_to_scope();
    for (name, version) in [("newer", 1_000), ("older", 1)] {
        let file = bench.path(&format!("{name}.db"));
        fs::copy(bench.path(STATE), &file).expect("it can be copied");
        execute(&file, &format!("PRAGMA user_version = {version}"));
    }
    bench.write("other.db", "no database");
    drop(Store::open(&Location::File(bench.path("empty.db"))).expect("it can be made"));
    let import = [
        "devices",
        "import",
        "devices.json",
        "--state",
        "untouched.db",
    ];
    let ended = bench.windlass(&import).await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    let cases: [(&str, &[&str]); 7] = [
        ("no_such_state", &["--recorded", "nowhere.db"]),
        ("a_newer_state", &["--recorded", "newer.db"]),
        ("an_older_state", &["--recorded", "older.db"]),
        ("no_state_at_all", &["--recorded", "other.db"]),
        ("a_state_without_devices", &["--recorded", "empty.db"]),
        ("a_state_without_history", &["--recorded", "untouched.db"]),
        (
            "a_fleet_of_two_kinds",
            &["--recorded", STATE, "--profile", "pos"],
        ),
    ];
    for (name, args) in cases {
        insta::assert_snapshot!(name, refused(&bench, args).await);
    }
    assert!(!bench.path("nowhere.db").exists());
    assert_eq!(
        fs::read(bench.path("other.db")).expect("it is there"),
        b"no database"
    );
}
