//! The cap is exact, and neither addresses nor devices exhaust the process.

use std::time::Duration;

use serde_json::json;
use windlass_sim::{Behaviour, FleetSpec, Inspect};

use crate::support::{Bench, Config};

/// GO-09, GO-48: a concurrency of 7 is seen by the devices as a peak of exactly 7.
#[tokio::test(flavor = "multi_thread")]
async fn a_concurrency_of_seven_is_a_peak_of_exactly_seven() {
    let slow = Behaviour {
        latency: Duration::from_millis(20)..=Duration::from_millis(40),
        ..Behaviour::default()
    };
    let bench = Bench::new(
        FleetSpec {
            count: 150,
            default: slow,
            ..FleetSpec::default()
        },
        10_000,
    );
    bench.configure(&Config {
        concurrency: 7,
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(bench.fleet.stop().await.totals.peak_pushes, 7);
}

/// GO-10, GO-65: twenty thousand devices with an address each, and never more descriptors than
/// the process may have.
#[tokio::test(flavor = "multi_thread")]
async fn twenty_thousand_addresses_do_not_run_out_of_descriptors() {
    const DEVICES: usize = 20_000;
    let bench = Bench::new(
        FleetSpec {
            count: DEVICES,
            inspect: Inspect::Count,
            ..FleetSpec::default()
        },
        1_024,
    );
    bench.configure(&Config {
        concurrency: 100,
        ..Config::default()
    });
    let mut command = std::process::Command::new("prlimit");
    command
        .arg("--nofile=1024:1024")
        .arg(env!("CARGO_BIN_EXE_windlass"));
    command
        .args(["run", "windlass.toml", "--output", "json"])
        .current_dir(bench.path("."));
    let ended = crate::support::finish(command).await;
    assert_eq!(ended.code, Some(0), "{} {}", ended.stderr, ended.result());
    assert_eq!(ended.result()["succeeded"], json!(DEVICES));
    assert_eq!(bench.fleet.stop().await.totals.updated, DEVICES as u64);
}
