//! Plugins that no one wrote into the engine.

use std::{collections::BTreeMap, fs};

use windlass_sim::{Behaviour, FleetSpec};

use crate::support::{Bench, Config, build_guest, repository};

/// Two deliveries of one component with different settings, chosen per device (GO-03).
#[tokio::test(flavor = "multi_thread")]
async fn two_deliveries_of_one_component_serve_their_own_devices() {
    let bench = Bench::new(FleetSpec { count: 6, ..FleetSpec::default() }, 1_000);
    let mut devices: serde_json::Value =
        serde_json::from_slice(&fs::read(bench.path("devices.json")).expect("it is there")).expect("it is JSON");
    for (index, device) in devices.as_array_mut().expect("an array").iter_mut().enumerate() {
        device["kind"] = if index % 2 == 0 { "gateway".into() } else { "till".into() };
    }
    bench.write("devices.json", &devices.to_string());
    bench.configure(&Config {
        plugins: r#"
[plugins.http-gateways]
component = "builtin:delivery-http"
settings = { allow_plain_http = true, headers = { "X-Site" = "gateway" } }
"#,
        rollout: r#"delivery = [{ when = 'device.kind == "gateway"', use = "http-gateways" }, { use = "http" }]"#,
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    for index in 0..6 {
        let push = bench.fleet.last_push(index).expect("it was pushed to");
        assert_eq!(push.header("x-site"), (index % 2 == 0).then_some("gateway"), "device {index}");
    }
}

/// A component file in place of a built-in one.
#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_is_given_by_its_path() {
    let bench = Bench::new(FleetSpec { count: 3, ..FleetSpec::default() }, 1_000);
    let component = windlass_builtin::builtin("delivery-http").expect("it is built in");
    fs::write(bench.path("vendor.wasm"), component).expect("the folder can be written");
    bench.configure(&Config {
        plugins: "[plugins.vendor]\ncomponent = \"vendor.wasm\"\nsettings = { allow_plain_http = true }\n",
        rollout: "delivery = \"vendor\"",
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(bench.fleet.stop().await.exactly_once(bench.payload), []);
}

/// The SDK's example, compiled outside the workspace as a vendor would (GO-04, GO-52).
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_built_from_the_sdk_example_works() {
    let folder = repository().join("sdk/example-delivery");
    let component = build_guest(&folder, "windlass-example-delivery");
    let bench = Bench::new(
        FleetSpec { count: 5, default: Behaviour::default(), overrides: BTreeMap::new(), ..FleetSpec::default() },
        3_000_000,
    );
    fs::copy(component, bench.path("example.wasm")).expect("the folder can be written");
    bench.configure(&Config {
        plugins: "[plugins.example]\ncomponent = \"example.wasm\"\n",
        rollout: "delivery = \"example\"",
        ..Config::default()
    });
    let ended = bench.run().await;
    assert_eq!(ended.code, Some(0), "{ended:#?}");
    assert_eq!(bench.fleet.stop().await.exactly_once(bench.payload), []);
}
