//! What bad input gets: an error in the style of a compiler, exit code 2, nothing touched and
//! no state written. The texts are what users read, so they are kept as snapshots.

use std::fs;

use windlass_sim::FleetSpec;

use crate::support::{Bench, Config};

/// Runs with the configuration changed from `from` to `to`, and returns what was said.
async fn refused(from: &str, to: &str) -> String {
    let bench = Bench::new(
        FleetSpec {
            count: 2,
            ..FleetSpec::default()
        },
        100,
    );
    let config = bench.configure(&Config {
        rollout: r#"filter = { plugin = "cel", expression = 'device.status == "online"' }"#,
        cohorts: r#"[{ name = "first", percent = 50 }, { name = "all", percent = 100 }]"#,
        ..Config::default()
    });
    let text = fs::read_to_string(&config).expect("it was written");
    assert!(text.contains(from), "{from} is not in the configuration");
    fs::write(&config, text.replace(from, to)).expect("it can be written");
    said(&bench).await
}

async fn said(bench: &Bench) -> String {
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(2), "{ended:#?}");
    assert_eq!(ended.stdout, "", "nothing is reported as done");
    assert!(!bench.has_state(), "no state is written");
    assert_eq!(bench.fleet.counts().connections, 0, "no device is touched");
    bench.portable(&ended.stderr)
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident: $from:expr => $to:expr;)*) => {$(
        $(#[$doc])*
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            insta::assert_snapshot!(stringify!($name), refused($from, $to).await);
        }
    )*};
}

refusals! {
    a_misspelt_key: "concurrency =" => "concurency =";
    a_wrong_type: "concurrency = 20" => "concurrency = \"many\"";
    a_concurrency_of_zero: "concurrency = 20" => "concurrency = 0";
    /// Design §7.4.
    zero_attempts: "attempts = 3" => "attempts = 0";
    a_missing_unit: "backoff = \"20ms\"" => "backoff = 20";
    percentages_that_do_not_rise: "percent = 50 }" => "percent = 100 }";
    a_filter_that_does_not_parse: "device.status ==" => "device.status === ";
    a_filter_on_an_unknown_field: "device.status ==" => "device.sttus ==";
    an_unknown_plugin: "delivery = \"http\"" => "delivery = \"htpp\"";
    an_unknown_builtin: "builtin:filter-cel" => "builtin:filter-cell";
    a_plugin_of_the_wrong_kind: "delivery = \"http\"" => "delivery = \"cel\"";
    settings_that_the_plugin_does_not_know: "allow_plain_http = true" => "alow_plain_http = true";
    a_payload_that_is_missing: "app.img" => "nowhere.img";
    a_payload_with_another_digest:
        "payload = \"app.img\"" => "payload = \"app.img\"\nsha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"";
    a_component_that_is_none: "\"builtin:filter-cel\"" => "\"devices.json\"";
    a_component_that_is_missing: "\"builtin:filter-cel\"" => "\"filter.wasm\"";
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duplicate_device_id_and_an_address_without_scheme() {
    let bench = Bench::new(
        FleetSpec {
            count: 2,
            ..FleetSpec::default()
        },
        100,
    );
    bench.configure(&Config::default());
    bench.write(
        "devices.json",
        r#"[
  {"id": "till-1", "name": "Till 1", "address": "https://till-1.example:8443"},
  {"id": "till-2", "name": "Till 2", "address": "10.0.0.2:8443"},
  {"id": "till-1", "name": "Till 1 again", "address": "https://till-3.example:8443"}
]
"#,
    );
    insta::assert_snapshot!(said(&bench).await);
}

/// A component built for another version of the contract says which, and what to do.
#[tokio::test(flavor = "multi_thread")]
async fn a_component_of_another_contract_version() {
    let bench = Bench::new(
        FleetSpec {
            count: 1,
            ..FleetSpec::default()
        },
        100,
    );
    let component = windlass_builtin::builtin("filter-cel").expect("it is built in");
    let other = replace_all(
        component,
        b"windlass:plugin/filter@0.1.0",
        b"windlass:plugin/filter@0.9.0",
    );
    fs::write(bench.path("other.wasm"), other).expect("the folder can be written");
    let config = bench.configure(&Config::default());
    let text = fs::read_to_string(&config).expect("it was written");
    fs::write(&config, text.replace("builtin:filter-cel", "other.wasm"))
        .expect("it can be written");
    insta::assert_snapshot!(said(&bench).await);
}

fn replace_all(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let places: Vec<_> = bytes
        .windows(from.len())
        .enumerate()
        .filter(|(_, part)| part == &from)
        .map(|(at, _)| at)
        .collect();
    for at in places {
        bytes[at..at + from.len()].copy_from_slice(to);
    }
    bytes
}

/// The state file is refused, and left as it is, if another process has it, if a newer windlass
/// wrote it, or if it is something else.
#[tokio::test(flavor = "multi_thread")]
async fn a_state_file_that_cannot_be_taken() {
    let bench = Bench::new(
        FleetSpec {
            count: 1,
            ..FleetSpec::default()
        },
        100,
    );
    bench.configure(&Config::default());
    assert_eq!(bench.run().await.code, Some(0));
    let state = bench.path("state/windlass.db");

    let owner = windlass_store::Store::open(&windlass_store::Location::File(state.clone()))
        .expect("nobody has it");
    let in_use = bench.run().await;
    assert_eq!(in_use.code, Some(2), "{in_use:#?}");
    let text = bench
        .portable(&in_use.stderr)
        .replace(&std::process::id().to_string(), "[pid]");
    insta::assert_snapshot!("state_in_use", text);
    drop(owner);

    fs::write(
        &state,
        b"this is no database, but a diary of considerable length",
    )
    .expect("it can be written");
    let foreign = bench.run().await;
    assert_eq!(foreign.code, Some(2), "{foreign:#?}");
    insta::assert_snapshot!("state_foreign", bench.portable(&foreign.stderr));
}

/// Design §6: a changed filter is shown as a difference and needs a flag; another payload under
/// the same name is refused in any case.
#[tokio::test(flavor = "multi_thread")]
async fn a_rollout_that_is_no_longer_the_same() {
    let bench = Bench::new(
        FleetSpec {
            count: 4,
            offline_share: 1.0,
            ..FleetSpec::default()
        },
        100,
    );
    bench.configure(&Config::default());
    assert_eq!(bench.run().await.code, Some(3), "all devices are offline");

    bench.configure(&Config {
        rollout: r#"filter = { plugin = "cel", expression = "true" }"#,
        ..Config::default()
    });
    let differs = bench.run().await;
    assert_eq!(differs.code, Some(2), "{differs:#?}");
    insta::assert_snapshot!("identity_filter", bench.portable(&differs.stderr));
    let accepted = bench
        .windlass(&[
            "run",
            "windlass.toml",
            "--output",
            "json",
            "--accept-changes",
        ])
        .await;
    assert_eq!(accepted.code, Some(3), "{accepted:#?}");

    bench.write("app.img", "another payload");
    let other = bench.run().await;
    assert_eq!(other.code, Some(2), "{other:#?}");
    assert!(
        other.stderr.contains("was started with another payload"),
        "{other:#?}"
    );
}

/// `check` finds the same, and neither makes a state file nor touches a device.
#[tokio::test(flavor = "multi_thread")]
async fn check_touches_nothing() {
    let bench = Bench::new(
        FleetSpec {
            count: 1,
            ..FleetSpec::default()
        },
        100,
    );
    bench.configure(&Config::default());
    let right = bench.windlass(&["check", "windlass.toml"]).await;
    assert_eq!(right.code, Some(0), "{right:#?}");
    bench.configure(&Config {
        cohorts: r#"[{ name = "all", percent = 0 }]"#,
        ..Config::default()
    });
    let wrong = bench.windlass(&["check", "windlass.toml"]).await;
    assert_eq!(wrong.code, Some(2), "{wrong:#?}");
    assert!(!bench.has_state());
    assert_eq!(bench.fleet.stop().await.totals.connections, 0);
}

/// What only planning finds is found before the state file is opened, by `check` as well.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_no_delivery_serves() {
    let bench = Bench::new(
        FleetSpec {
            count: 1,
            ..FleetSpec::default()
        },
        100,
    );
    bench.configure(&Config::default());
    bench.write(
        "devices.json",
        r#"[{"id": "gate-1", "name": "Gate", "address": "ssh://gate-1.example"}]"#,
    );
    insta::assert_snapshot!(said(&bench).await);
    let checked = bench.windlass(&["check", "windlass.toml"]).await;
    assert_eq!(checked.code, Some(2), "{checked:#?}");
}
