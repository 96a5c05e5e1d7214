//! Devices that a rollout is done with, or never had; and policies that cannot answer.

use windlass_sim::{Behaviour, Fault, FleetSpec, Offline, When};

use crate::{
    sites::fleet,
    support::{Bench, Config, build_guest, repository},
    terminal::{RUN, Terminal},
    why::{answering, steady, told, why, whys},
};

/// A bench of devices at named sites.
fn bench(spec: FleetSpec, rollout: &str) -> Bench {
    let bench = Bench::new(spec, 1_000);
    bench.configure(&Config {
        rollout,
        ..Config::default()
    });
    bench
}

/// Writes the configuration again, with something else in it.
fn rewrite(bench: &Bench, from: &str, to: &str) {
    let text = std::fs::read_to_string(bench.path("windlass.toml")).expect("it was written");
    assert!(text.contains(from), "{text}");
    bench.write("windlass.toml", &text.replace(from, to));
}

/// Skipped for each reason that there is, and dismissed by a person.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_was_left_alone_is_told_why() {
    let _guard = steady();
    let away = Behaviour {
        offline: Some(Offline::default()),
        ..Behaviour::default()
    };
    let mut spec = fleet(&["a"], 4, Behaviour::default());
    spec.devices[1].firmware_version = Some("9.0.0".to_owned());
    spec.devices[2].firmware_version = Some("10.0.0".to_owned());
    spec.overrides.insert(0, away);
    spec.overrides.insert(3, answering(500));
    let rollout = "offline = \"skip\"\nretry = { attempts = 1 }";
    let bench = bench(spec, rollout);
    let run = bench.run().await;
    assert_eq!(run.code, Some(1), "{run:#?}");
    let dismiss = ["dead-letters", "dismiss", "a-4"];
    let bob = ["--actor", "bob", "--reason", "sold"];
    told(&bench, &[&dismiss[..], &bob].concat()).await;
    let all = ["a-1", "a-2", "a-3", "a-4"];
    insta::assert_snapshot!("left_alone", whys(&bench, &all, &[]).await);
}

/// What several parts of a filter say of one device, in an expression of several lines.
const FILTER: &str = r#"filter = { plugin = "cel", expression = '''
device.location == "a" &&
  (device.version == "2.1.0" || !(has(device.version) || device.name == "till"))
''' }"#;

/// Left out by two parts of the filter, out of service, matching only today.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_no_rollout_has_is_told_why() {
    let _guard = steady();
    let mut spec = fleet(&["a", "b"], 2, Behaviour::default());
    spec.devices[0].firmware_version = Some("2.1.0".to_owned());
    let bench = bench(spec, FILTER);
    let run = bench.run().await;
    assert_eq!(run.code, Some(0), "{run:#?}");
    insta::assert_snapshot!("by_three_parts", why(&bench, "b-1", &[]).await);
    let json = ["why", "b-1", "windlass.toml", "--output", "json"];
    let answer = bench.windlass(&json).await.result();
    let answer = serde_json::to_string_pretty(&answer).expect("it is JSON");
    insta::assert_snapshot!("by_three_parts_json", answer);
    told(&bench, &["devices", "decommission", "b-2"]).await;
    insta::assert_snapshot!("decommissioned", why(&bench, "b-2", &[]).await);

    let listed = std::fs::read_to_string(bench.path("devices.json")).expect("it was written");
    let moved = listed
        .replace("\"location\":\"b\"", "\"location\":\"a\"")
        .replace("2.2.0", "2.1.0");
    assert_ne!(moved, listed);
    bench.write("moved.json", &moved);
    told(&bench, &["devices", "import", "moved.json"]).await;
    insta::assert_snapshot!("matches_now", why(&bench, "b-1", &[]).await);
}

/// Without a filter the fleet is all there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_came_later_is_told_so() {
    let _guard = steady();
    let bench = bench(fleet(&["a"], 1, Behaviour::default()), "");
    let run = bench.run().await;
    assert_eq!(run.code, Some(0), "{run:#?}");
    let listed = std::fs::read_to_string(bench.path("devices.json")).expect("it was written");
    bench.write("more.json", &listed.replace("a-1", "a-2"));
    told(&bench, &["devices", "import", "more.json"]).await;
    insta::assert_snapshot!("not_in_fleet", why(&bench, "a-2", &[]).await);
}

/// A bench whose policy is the guest that fails.
fn failing(settings: &str) -> Bench {
    let folder = repository().join("tests/guests/failing-policy");
    let component = build_guest(&folder, "failing-policy");
    let own = format!(
        "[plugins.own]\ncomponent = \"{}\"\nsettings = {settings}\n",
        component.display()
    );
    let bench = Bench::new(fleet(&["a"], 1, Behaviour::default()), 1_000);
    bench.configure(&Config {
        plugins: &own,
        ..Config::default()
    });
    rewrite(&bench, r#"["careful"]"#, r#"["own"]"#);
    bench
}

/// A policy that traps holds its rollout.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_that_cannot_answer_is_named() {
    let _guard = steady();
    let bench = failing(r#"{ sound = 0, fault = "trap" }"#);
    let mut run = Terminal::open(&bench, &RUN);
    run.event("rollout-holding").await;
    insta::assert_snapshot!("policy_failed", why(&bench, "a-1", &[]).await);
    drop(run);
}

/// So does one that traps when it is shown devices: these wait as they are.
#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_judges_nobody_is_named() {
    let _guard = steady();
    let bench = failing(r#"{ sound = 99, fault = "trap", judges_nobody = true }"#);
    let mut run = Terminal::open(&bench, &RUN);
    run.event("rollout-holding").await;
    insta::assert_snapshot!("plugin_failed", why(&bench, "a-1", &[]).await);
    let json = ["why", "a-1", "windlass.toml", "--output", "json"];
    let answer = bench.windlass(&json).await.result();
    assert_eq!(answer["because"][0]["code"], "holding", "{answer}");
    drop(run);
}

/// A delivery that keeps trapping holds its rollout for a while, and costs its devices nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_keeps_failing_is_told() {
    let _guard = steady();
    let folder = repository().join("tests/guests/trapping-delivery");
    let component = build_guest(&folder, "trapping-delivery");
    let own = format!(
        "[plugins.own]\ncomponent = \"{}\"\nsettings = {{ chunked = false }}\n",
        component.display()
    );
    let bench = Bench::new(fleet(&["a"], 1, Behaviour::default()), 1_000);
    bench.configure(&Config {
        plugins: &own,
        rollout: r#"delivery = "own""#,
        ..Config::default()
    });
    let mut run = Terminal::open(&bench, &RUN);
    run.event("rollout-holding").await;
    let answer = why(&bench, "a-1", &[]).await;
    // Whether the device's own wait is over, too, depends on the machine.
    let of_hold = |line: &&str| !line.contains("goes on with attempt");
    let lines: Vec<_> = answer.lines().filter(of_hold).collect();
    insta::assert_snapshot!("delivery_failed", lines.join("\n"));
    drop(run);
}

/// A rollout that takes another back has only devices that may run its release.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_tells_whom_it_has_and_whom_not() {
    let _guard = steady();
    let mut spec = fleet(&["a"], 2, Behaviour::default());
    spec.overrides
        .insert(1, Behaviour::failing(Fault::status(409), When::Always));
    let bench = bench(spec, "");
    rewrite(
        &bench,
        "[plugins.http]",
        "[[rollback.releases]]\nversion = \"2.2.0\"\npayload = \"app.img\"\n\n[plugins.http]",
    );
    let run = bench.run().await;
    assert_eq!(run.code, Some(1), "{run:#?}");
    let ann = ["--actor", "ann", "--reason", "the tills freeze"];
    let order = ["rollback", "windlass.toml"];
    let ordered = bench.windlass(&[&order[..], &ann].concat()).await;
    assert_eq!(ordered.code, Some(0), "{ordered:#?}");
    bench.run().await;
    let answers = whys(&bench, &["a-1", "a-2"], &[]).await;
    insta::assert_snapshot!("rolled_back", answers);
}
