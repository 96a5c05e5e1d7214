use bytes::Bytes;
use serde_json::json;
use windlass_host::{Host, HostConfig, Kind, Limits, OpenError, Place};
use windlass_model::{PluginName, Timestamp};

use crate::{
    guest::{filter, filter_with, patched},
    support::{builtin, device, host, load},
};

#[tokio::test]
async fn a_file_that_is_no_plugin_is_refused_with_what_to_do() {
    let host = host();
    let good = filter("", "(unreachable)");
    let newer = patched(
        &good,
        "windlass:plugin/filter@0.1.0",
        "windlass:plugin/filter@0.2.0",
    );
    let sockets = filter_with(
        "import wasi:sockets/instance-network@0.2.12;",
        0,
        r#"(import "wasi:sockets/instance-network@0.2.12" "instance-network"
            (func (result i32)))"#,
        "(unreachable)",
    );
    let empty = wat::parse_str("(component)").expect("it is well-formed");
    let mut said = Vec::new();
    for bytes in [
        Bytes::from_static(b"#!/bin/sh"),
        wat::parse_str("(module)")
            .expect("it is well-formed")
            .into(),
        empty.into(),
        newer,
        sockets,
    ] {
        let error = host
            .load(PluginName::new("test"), bytes)
            .await
            .err()
            .expect("it is no plugin");
        said.push(error.to_string());
    }
    insta::assert_snapshot!(said.join("\n"), @"
    the file is not a WebAssembly component; build the plugin for the target wasm32-wasip2
    the file is a WebAssembly module, not a component; build it for the target wasm32-wasip2, or wrap it with `wasm-tools component new`
    the component exports no plugin interface; export one of the worlds device-filter, rollout-policy or delivery of windlass:plugin@0.1.0
    the component is a filter for windlass:plugin@0.2.0, and this engine speaks windlass:plugin@0.1.0; update windlass, or take an older release of the plugin
    a filter may not import wasi:sockets/network@0.2.12, wasi:sockets/instance-network@0.2.12; it is pure, so all it needs has to come in its settings and arguments
    ");
}

#[tokio::test]
async fn a_compiled_component_is_kept_and_a_changed_one_is_compiled_again() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let cache = directory.path().join("cache");
    let start = || {
        Host::start(HostConfig {
            concurrency: std::num::NonZeroUsize::MIN,
            cache_dir: Some(cache.clone()),
            limits: Limits::default(),
        })
        .expect("the machine has room for one instance")
    };
    let good = filter("", "(call $answer (i32.const 1))");
    let kept = || {
        std::fs::read_dir(&cache)
            .expect("the host made it")
            .map(|entry| entry.expect("it can be read").path())
            .find(|path| {
                path.extension()
                    .is_some_and(|extension| extension == "cwasm")
            })
            .expect("the component was compiled")
    };
    load(&start(), good.clone()).await;
    let mut artifact = std::fs::read(kept()).expect("it can be read");
    let sound = artifact.clone();
    let last = artifact.len() - 1;
    artifact[last] ^= 1;
    std::fs::write(kept(), &artifact).expect("it can be written");

    let host = start();
    let filter = crate::support::open_filter(&host, good).await;
    let answer = filter
        .matches(Timestamp(0), &[device("d1", "http://127.0.0.1")])
        .await;
    assert_eq!(answer.expect("it was compiled again"), [false]);
    assert_eq!(std::fs::read(kept()).expect("it can be read"), sound);
}

#[tokio::test]
async fn settings_are_checked_by_the_plugins_schema_with_the_nearest_key() {
    let host = host();
    let delivery = builtin(&host, "delivery-http").await;
    assert_eq!(delivery.kind(), Kind::Delivery);
    let problems = delivery.check_settings(&json!({ "update_pth": "/x" }));
    insta::assert_debug_snapshot!(problems, @r#"
    [
        Problem {
            place: UnknownSetting(
                "/update_pth",
            ),
            message: "the setting `update_pth` is not known",
            hint: Some(
                "did you mean `update_path`?",
            ),
        },
    ]
    "#);
    let error = delivery
        .filter(None, &json!({}))
        .await
        .err()
        .expect("it is a delivery");
    insta::assert_snapshot!(error, @"the plugin is a delivery, and a filter is wanted here");
    let error = builtin(&host, "filter-cel")
        .await
        .filter(Some("device.verison == '1'"), &json!({}))
        .await
        .err()
        .expect("there is no such field");
    let OpenError::Refused(problems) = error else {
        panic!("the filter refuses: {error}");
    };
    assert!(matches!(problems[0].place, Place::Expression(_)));
}
