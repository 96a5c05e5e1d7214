//! Taking a release back (design §7.9): nobody waits for a device that never answers, and
//! whoever cannot go back is named.

use std::{fs, time::Duration};

use serde_json::Value;
use windlass_sim::{Behaviour, Fault, FleetSpec, Install, Meanwhile, When};

use crate::{
    support::{Bench, Config},
    terminal::{RUN, Terminal},
    verdict::{device, log, of_type},
};

const DEVICES: usize = 4;

/// `windlass.toml` with this in `[rollback]`, and the rest of the configuration.
fn bench(last: Behaviour, rollback: &str, rollout: &str) -> Bench {
    let spec = FleetSpec {
        count: DEVICES,
        overrides: [(DEVICES - 1, last)].into(),
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 1_000);
    let config = bench.configure(&Config {
        rollout: &format!("{rollout}\n{rollback}"),
        ..Config::default()
    });
    assert!(config.exists());
    bench
}

/// What every device of the bench ran first; the fleet takes one payload only.
const BACK: &str = "[[rollback.releases]]\nversion = \"2.2.0\"\npayload = \"app.img\"\n";

/// Takes the version of these devices out of the list that the engine reads.
fn forget_versions(bench: &Bench, devices: std::ops::Range<usize>) {
    let path = bench.path("devices.json");
    let text = fs::read_to_string(&path).expect("it was written");
    let mut list: Vec<Value> = serde_json::from_str(&text).expect("it is JSON");
    for entry in &mut list[devices] {
        let known = entry.as_object_mut().expect("devices are objects");
        assert!(known.remove("firmware_version").is_some(), "{known:?}");
    }
    let text = serde_json::to_string(&list).expect("it is JSON");
    fs::write(path, text).expect("it can be written");
}

/// A device that took the release and says for an hour that it is busy keeps its rollout from
/// ending; the others go back all the same, and it is left alone.
#[tokio::test(flavor = "multi_thread")]
async fn devices_go_back_although_one_never_says_what_it_runs() {
    let silent = Behaviour {
        install: Install {
            takes: Duration::from_secs(3_600),
            meanwhile: Meanwhile::Unavailable,
        },
        ..Behaviour::failing(Fault::Swallow, When::Always)
    };
    let bench = bench(silent, BACK, "timeouts = { idle = \"500ms\" }");
    let mut run = Terminal::open(&bench, &RUN);
    let rest = DEVICES as u64 - 1;
    for _ in 0..rest {
        run.event("device-succeeded").await;
    }
    run.event("device-settling").await;
    let taken_back = bench.windlass(&["rollback", "windlass.toml"]).await;
    assert_eq!(taken_back.code, Some(0), "{taken_back:#?}");
    let started = run.event("rollback-started").await;
    assert_eq!(started["targets"], DEVICES, "{started}");
    let begun = 2 * rest + 1;
    bench.fleet.until(|counts| counts.begun == begun).await;
    run.signal("-INT");
    let ended = run.end().await;
    assert_eq!(ended.code, Some(3), "{ended:#?}");
    assert!(ended.stderr.contains("not taken back yet"), "{ended:#?}");

    let report = bench.fleet.stop().await;
    for known in &report.devices[..DEVICES - 1] {
        assert_eq!(known.versions, ["2.2.0", "9.0.0", "2.2.0"], "{known:?}");
    }
    assert_eq!(
        report.totals.begun,
        2 * rest + 1,
        "nobody else was pushed to"
    );
}

/// GO-61: a device of which it is not known what it ran is named at the end, with the reason.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_ran_nobody_knows_what_is_named_at_the_end() {
    let bench = bench(Behaviour::default(), BACK, "");
    forget_versions(&bench, 1..2);
    let first = bench.run().await;
    assert_eq!(first.code, Some(0), "{first:#?}");
    let order = bench.windlass(&["rollback", "windlass.toml"]).await;
    assert_eq!(order.code, Some(0), "{order:#?}");
    let back = bench.windlass(&["run", "windlass.toml"]).await;
    assert_eq!(back.code, Some(1), "{back:#?}");
    insta::assert_snapshot!("one_cannot_go_back", back.stderr);
    let events = log(&bench).await;
    let impossible = of_type(&events, "rollback-impossible");
    assert_eq!(impossible.len(), 1, "{events:#?}");
    assert_eq!(device(impossible[0]), "device-00001");
    let report = bench.fleet.stop().await;
    for (index, known) in report.devices.iter().enumerate() {
        let runs = if index == 1 { "9.0.0" } else { "2.2.0" };
        assert_eq!(known.versions.last().map(String::as_str), Some(runs));
    }
}

/// One that can take nobody back says so, and is made when the configuration says what to go
/// back to.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_that_takes_nobody_back_says_so() {
    let bench = bench(Behaviour::default(), BACK, "");
    forget_versions(&bench, 0..DEVICES);
    let first = bench.run().await;
    assert_eq!(first.code, Some(0), "{first:#?}");
    let order = bench.windlass(&["rollback", "windlass.toml"]).await;
    assert_eq!(order.code, Some(0), "{order:#?}");
    let back = bench.windlass(&["run", "windlass.toml"]).await;
    assert_eq!(back.code, Some(1), "{back:#?}");
    insta::assert_snapshot!("nobody_can_go_back", back.stderr);
    assert_eq!(bench.fleet.counts().begun, DEVICES as u64);

    let config = fs::read_to_string(bench.path("windlass.toml")).expect("it was written");
    let to = format!("[rollback]\nto = \"2.2.0\"\n{BACK}");
    bench.write("windlass.toml", &config.replace(BACK, &to));
    let back = bench.windlass(&["run", "windlass.toml"]).await;
    assert_eq!(back.code, Some(0), "{back:#?}");
    for known in bench.fleet.stop().await.devices {
        assert_eq!(known.versions, ["2.2.0", "9.0.0", "2.2.0"]);
    }
}

/// Design §7.6: nobody is taken back to a release that is condemned itself.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_goes_back_to_a_condemned_release() {
    let spec = FleetSpec {
        count: DEVICES,
        versions: vec!["2.1.0".to_owned()],
        overrides: [(0, Behaviour::failing(Fault::status(500), When::First(1)))].into(),
        ..FleetSpec::default()
    };
    let bench = Bench::new(spec, 1_000);
    let config = bench.configure(&Config {
        cohorts: r#"[{ name = "all", percent = 100, abort = { count = 1 } }]"#,
        rollout: &format!("[rollback]\nto = \"2.2.0\"\n{BACK}"),
        ..Config::default()
    });
    let config = fs::read_to_string(config).expect("it was written");
    let (before, _) = config.split_once("[rollback]").expect("it has one");
    bench.write(
        "first.toml",
        &before.replace("9.0.0", "2.2.0").replace("app-9", "app-2"),
    );
    let first = bench.windlass(&["run", "first.toml"]).await;
    assert_eq!(first.code, Some(1), "{first:#?}");
    let second = bench.run().await;
    assert_eq!(second.code, Some(0), "{second:#?}");
    let order = ["rollback", "windlass.toml", "--rollout", "app-9"];
    let order = bench.windlass(&order).await;
    assert_eq!(order.code, Some(0), "{order:#?}");
    let begun = bench.fleet.counts().begun;
    let back = bench.windlass(&["run", "windlass.toml"]).await;
    insta::assert_snapshot!("condemned_itself", back.stderr);
    assert_eq!(bench.fleet.counts().begun, begun, "nobody was pushed to");
}

/// Orders reach a rollout that has ended while those that take it back go on.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_is_taken_back_takes_orders_once_it_has_ended() {
    let failing = Behaviour::failing(Fault::status(500), When::Version("9.0.0".into()));
    let bench = bench(failing, BACK, "retry = { attempts = 1 }");
    let first = bench.run().await;
    assert_eq!(first.code, Some(1), "{first:#?}");
    let hold = [
        "devices",
        "hold",
        "device-00000",
        "--config",
        "windlass.toml",
    ];
    let letter = ["device-00003", "--config", "windlass.toml"];
    for order in [&hold[..], &["rollback", "windlass.toml"]] {
        let done = bench.windlass(order).await;
        assert_eq!(done.code, Some(0), "{done:#?}");
    }
    let mut run = Terminal::open(&bench, &RUN);
    run.event("device-deferred").await;
    let dismiss = [&["dead-letters", "dismiss"], &letter[..]].concat();
    let dismissed = tokio::time::timeout(Duration::from_secs(60), bench.windlass(&dismiss)).await;
    let dismissed = dismissed.expect("it is answered while the rollback waits");
    assert_eq!(dismissed.code, Some(0), "{dismissed:#?}");
    let release = [
        "devices",
        "release",
        "device-00000",
        "--config",
        "windlass.toml",
    ];
    assert_eq!(bench.windlass(&release).await.code, Some(0));
    let ended = run.end().await;
    assert_eq!(ended.code, Some(1), "{ended:#?}");
    for known in &bench.fleet.stop().await.devices[..DEVICES - 1] {
        assert_eq!(known.versions, ["2.2.0", "9.0.0", "2.2.0"], "{known:?}");
    }
}
