//! The example fleet (GO-126 to GO-133, GO-153, GO-145): the ten terminals and six scenarios of
//! `tests/scenarios/pos`, against simulated devices on real sockets.

use std::{fs, path::Path};

use serde_json::Value;
use windlass_sim::{Behaviour, DeviceRecord, Fault, Fleet, FleetSpec, When};

use crate::support::{Ended, finish, repository, shared_cache};

/// A copy of the scenarios whose devices have the addresses of simulated ones.
struct Pos {
    folder: tempfile::TempDir,
    fleet: Fleet,
}

impl Pos {
    fn new() -> Self {
        Self::with(|_| None)
    }

    /// Devices behave as `behaviour` says, by id.
    fn with(behaviour: impl Fn(&str) -> Option<Behaviour>) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let scenarios = repository().join("tests/scenarios/pos");
        for entry in fs::read_dir(&scenarios).expect("the scenarios are there") {
            let from = entry.expect("it can be listed").path();
            let name = from.file_name().expect("it has a name").to_owned();
            if from
                .extension()
                .is_some_and(|extension| extension == "toml")
            {
                // Compiling plugins is not what is tested.
                let cache = format!("[engine]\ncache = \"{}\"", shared_cache().display());
                let text = fs::read_to_string(&from).expect("it can be read");
                let text = text.replace("[engine]", &cache);
                fs::write(folder.path().join(name), text).expect("it can be written");
            } else if from.is_file() {
                fs::copy(&from, folder.path().join(name)).expect("it can be copied");
            }
        }
        let list = fs::read(folder.path().join("devices.json")).expect("it was copied");
        let list: Vec<DeviceRecord> = serde_json::from_slice(&list).expect("it is a list");
        let overrides = list
            .iter()
            .enumerate()
            .filter_map(|(index, device)| Some((index, behaviour(&device.id)?)))
            .collect();
        let fleet = Fleet::start(FleetSpec {
            overrides,
            ..FleetSpec::of(list)
        })
        .expect("the fleet starts");
        let pos = Self { folder, fleet };
        pos.export();
        pos
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn export(&self) {
        let file = fs::File::create(self.path().join("devices.json")).expect("it can be written");
        self.fleet.export(file).expect("it can be written");
    }

    fn connect(&self, id: &str) {
        let index = self.fleet.index_of(id).expect("it is in the fleet");
        self.fleet.connect(index);
    }

    async fn windlass(&self, args: &[&str], offset: Option<&str>) -> Ended {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_windlass"));
        command
            .args(args)
            .current_dir(self.path())
            .env_remove("WINDLASS_STATE");
        if let Some(millis) = offset {
            let file = self.path().join("offset");
            fs::write(&file, millis).expect("it can be written");
            command.env("WINDLASS_CLOCK_OFFSET", file);
        }
        finish(command).await
    }

    async fn run(&self, scenario: &str) -> Ended {
        self.windlass(&["run", scenario, "--output", "json"], None)
            .await
    }

    /// The ids of the devices that run `version`.
    fn running(&self, version: &str) -> Vec<String> {
        self.fleet
            .report()
            .devices
            .into_iter()
            .filter(|device| device.version == version)
            .map(|device| device.id)
            .collect()
    }
}

/// Milliseconds to add to the clock so that it shows `hour`:`minute` UTC today.
fn offset_to(hour: i64, minute: i64) -> String {
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("it is after 1970")
        .as_millis() as i64;
    let day = 24 * 3_600_000;
    ((hour * 60 + minute) * 60_000 - now % day).to_string()
}

/// GO-126, GO-105, GO-136: six of ten at once, the others are queued durably and taken when they
/// connect.
#[tokio::test(flavor = "multi_thread")]
async fn scenario_1_updates_those_online_and_queues_the_others() {
    let pos = Pos::new();
    let first = pos.run("1-immediate.toml").await;
    assert_eq!(first.code, Some(3), "{first:#?}");
    assert_eq!(first.result()["succeeded"], 6, "{first:#?}");
    assert_eq!(first.result()["deferred"], 4, "{first:#?}");
    for id in ["pos-chicago-002", "pos-seattle-001", "pos-miami-001"] {
        pos.connect(id);
    }
    let second = pos
        .windlass(
            &[
                "run",
                "1-immediate.toml",
                "--output",
                "json",
                "--wait",
                "done",
            ],
            None,
        )
        .await;
    assert_eq!(second.code, Some(0), "{second:#?}");
    assert_eq!(pos.running("2.3.0").len(), 10);
}

/// GO-127, GX-15: at 7:30 UTC it is the small hours in New York and Chicago, not further west.
#[tokio::test(flavor = "multi_thread")]
async fn scenario_2_keeps_to_the_night_of_each_device() {
    let pos = Pos::new();
    let summer = jiff_is_summer();
    // 2:30 in New York; an hour earlier in UTC while clocks are forward there.
    let offset = offset_to(if summer { 6 } else { 7 }, 30);
    let run = pos
        .windlass(
            &[
                "run",
                "2-night-window.toml",
                "--output",
                "json",
                "--wait",
                "3s",
            ],
            Some(&offset),
        )
        .await;
    assert_eq!(run.code, Some(3), "{run:#?}");
    assert_eq!(
        pos.running("2.3.0"),
        ["pos-nyc-001", "pos-nyc-002", "pos-boston-001"],
        "Miami is offline, and it is too early elsewhere: {run:#?}"
    );
}

fn jiff_is_summer() -> bool {
    let zone = jiff::tz::TimeZone::get("America/New_York").expect("it is a zone");
    let now = jiff::Timestamp::now();
    zone.to_offset_info(now).dst().is_dst()
}

/// GO-128: the canary soaks for a day; nobody else is touched before.
#[tokio::test(flavor = "multi_thread")]
async fn scenario_3_stops_after_the_canary_until_it_has_soaked() {
    let pos = Pos::new();
    let run = pos
        .windlass(
            &[
                "run",
                "3-progressive.toml",
                "--output",
                "json",
                "--wait",
                "1s",
            ],
            None,
        )
        .await;
    assert_eq!(run.code, Some(3), "{run:#?}");
    assert!(pos.running("2.3.0").len() <= 1, "{run:#?}");
}

/// GO-129, GO-108, GO-137: three devices that are away get it when they appear.
#[tokio::test(flavor = "multi_thread")]
async fn scenario_4_waits_for_devices_to_appear() {
    let pos = Pos::new();
    let first = pos.run("4-on-connect.toml").await;
    assert_eq!(first.code, Some(3), "{first:#?}");
    assert_eq!(first.result()["deferred"], 3);
    let away = ["pos-chicago-002", "pos-seattle-001", "pos-miami-001"];
    for id in away {
        pos.connect(id);
    }
    let second = pos
        .windlass(
            &[
                "run",
                "4-on-connect.toml",
                "--output",
                "json",
                "--wait",
                "done",
            ],
            None,
        )
        .await;
    assert_eq!(second.code, Some(0), "{second:#?}");
    assert_eq!(pos.running("2.3.0"), away);
}

/// GO-130: exactly the three of one region.
#[tokio::test(flavor = "multi_thread")]
async fn scenario_5_reaches_one_region() {
    let pos = Pos::new();
    let run = pos.run("5-region.toml").await;
    assert_eq!(run.code, Some(0), "{run:#?}");
    assert_eq!(
        pos.running("2.3.0"),
        ["pos-nyc-001", "pos-nyc-002", "pos-boston-001"]
    );
}

/// GO-131, GX-19: the four that run something older, by semver; two are offline and wait.
#[tokio::test(flavor = "multi_thread")]
async fn scenario_6_reaches_old_versions() {
    let pos = Pos::new();
    let run = pos.run("6-firmware.toml").await;
    assert_eq!(run.result()["targets"], 4, "{run:#?}");
    assert_eq!(run.result()["succeeded"], 2, "{run:#?}");
    assert_eq!(run.result()["deferred"], 2, "{run:#?}");
    let updated: Vec<_> = run
        .events()
        .into_iter()
        .filter(|event| event["type"] == "device-succeeded")
        .map(|event| event["device"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(
        updated.contains(&"pos-chicago-001".to_owned()),
        "{updated:?}"
    );
    assert!(
        updated.contains(&"pos-denver-001".to_owned()),
        "{updated:?}"
    );
}

/// GO-61, GX-09, OD-30, design §7.9: a build that fails is taken back by a rollout of its own, and
/// at its end every device runs what it ran before.
#[tokio::test(flavor = "multi_thread")]
async fn a_bad_build_is_taken_back_to_what_each_device_ran() {
    let bad = |id: &str| {
        (id == "pos-denver-001" || id == "pos-la-001")
            .then(|| Behaviour::failing(Fault::status(500), When::First(9)))
    };
    let pos = Pos::with(bad);
    for version in ["2.2.0", "2.2.1", "2.1.0", "2.1.5"] {
        fs::write(pos.path().join(format!("{version}.img")), version).expect("it can be written");
    }
    let text = fs::read_to_string(pos.path().join("1-immediate.toml")).expect("it was copied");
    let text = text.replace(
        "[rollout]\n",
        r#"
[plugins.careful]
component = "builtin:policy-progressive"
settings = { abort = { count = 2, action = "roll-back" } }

[rollback]
[[rollback.releases]]
version = "2.2.0"
payload = "2.2.0.img"
[[rollback.releases]]
version = "2.2.1"
payload = "2.2.1.img"
[[rollback.releases]]
version = "2.1.0"
payload = "2.1.0.img"

[rollout]
policies = ["careful"]
"#,
    );
    let text = text.replace("attempts = 3", "attempts = 1");
    fs::write(pos.path().join("bad.toml"), text).expect("it can be written");
    let run = pos.run("bad.toml").await;
    assert_eq!(run.code, Some(1), "{run:#?}");
    assert_eq!(pos.running("2.3.0"), Vec::<String>::new(), "{run:#?}");
    let report = pos.fleet.report();
    assert_eq!(report.no_version_twice(), []);

    // What a policy aborted is condemned: nothing starts it until a person forgives it.
    let text = fs::read_to_string(pos.path().join("bad.toml")).expect("it was written");
    fs::write(
        pos.path().join("again.toml"),
        text.replace("name = \"immediate\"", "name = \"again\""),
    )
    .expect("it can be written");
    let again = pos.run("again.toml").await;
    assert_eq!(again.code, Some(2), "{again:#?}");
    assert!(again.stderr.contains("condemned"), "{again:#?}");
    let state = ["--state", "state/immediate.db"];
    let forgiven = pos
        .windlass(
            &["release", "forgive", "pos-app", "2.3.0", state[0], state[1]],
            None,
        )
        .await;
    assert_eq!(forgiven.code, Some(0), "{forgiven:#?}");
}

/// GO-133: every scenario's plan names each device and what becomes of it; touches nothing.
#[tokio::test(flavor = "multi_thread")]
async fn each_plan_names_every_device() {
    let pos = Pos::new();
    for scenario in [
        "1-immediate.toml",
        "2-night-window.toml",
        "3-progressive.toml",
        "4-on-connect.toml",
        "5-region.toml",
        "6-firmware.toml",
    ] {
        let plan = pos
            .windlass(&["plan", scenario, "--output", "json"], None)
            .await;
        assert_eq!(plan.code, Some(0), "{plan:#?}");
        let named: Vec<Value> = plan.events();
        assert_eq!(named.len(), 10, "{plan:#?}");
    }
    assert!(!pos.path().join("state").exists());
    assert_eq!(pos.fleet.counts().begun, 0);
}
