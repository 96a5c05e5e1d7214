use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use windlass_host::{Delivery, DeliveryOptions, Host, Limits};
use windlass_model::{AttemptOutcome, FailureKind, Timestamp};

use crate::{
    delivery::job,
    guest,
    support::{Payload, device, host, host_with, load, open_filter},
};

/// Traps at the second call of an instance.
const ONCE: &str = "(if (global.get $calls) (then (unreachable)))
    (global.set $calls (i32.const 1))";

async fn open(host: &Host, component: Bytes) -> Delivery {
    load(host, component)
        .await
        .delivery(&json!({}), DeliveryOptions::default())
        .await
        .expect("it accepts empty settings")
}

async fn push(delivery: &Delivery) -> AttemptOutcome {
    let payload = Payload::of(10);
    let job = job("http://127.0.0.1:9", &*payload);
    delivery.push(job, payload).await.outcome
}

#[tokio::test]
async fn an_instance_serves_again_unless_it_keeps_something_of_its_job() {
    let host = host();
    let honest = format!("{ONCE} (call $let-go) (call $delivered)");
    let honest = open(&host, guest::delivery(&honest)).await;
    assert_eq!(push(&honest).await, AttemptOutcome::Delivered);
    let AttemptOutcome::Failed(failure) = push(&honest).await else {
        panic!("the same instance serves the second job, and traps");
    };
    assert_eq!(failure.kind, FailureKind::Plugin);
    insta::assert_snapshot!(failure.message, @"plugin `test` trapped in `push`: wasm trap: wasm `unreachable` instruction executed");

    // The payload of the first job is still in its hands: it does not get a second job.
    let hoarder = format!("{ONCE} (call $delivered)");
    let hoarder = open(&host, guest::delivery(&hoarder)).await;
    for _ in 0..3 {
        assert_eq!(push(&hoarder).await, AttemptOutcome::Delivered);
    }
}

#[tokio::test]
async fn an_instance_serves_as_often_as_it_may() {
    let limits = Limits {
        delivery_uses: 1,
        ..Limits::default()
    };
    let host = host_with(1, limits);
    let once = format!("{ONCE} (call $let-go) (call $delivered)");
    let once = open(&host, guest::delivery(&once)).await;
    for _ in 0..3 {
        assert_eq!(push(&once).await, AttemptOutcome::Delivered);
    }
}

#[tokio::test]
async fn a_delivery_sees_the_device_fields_that_it_reads() {
    const ADDRESS: u16 = 1 << 1;
    let host = host();
    for (reads, told) in [(0, ""), (ADDRESS, "http://127.0.0.1:9")] {
        let delivery = open(&host, guest::delivery_that_tells_the_address(reads)).await;
        let AttemptOutcome::Failed(failure) = push(&delivery).await else {
            panic!("it never delivers");
        };
        assert_eq!(failure.message, told);
    }
}

#[tokio::test]
async fn a_push_that_loops_is_ours_and_frees_its_place() {
    let limits = Limits {
        call_cpu: Duration::from_millis(50),
        payload_cpu: Duration::ZERO,
        ..Limits::default()
    };
    let host = host_with(1, limits);
    let endless = open(&host, guest::delivery("(loop (br 0)) (unreachable)")).await;
    let good = open(&host, guest::delivery("(call $let-go) (call $delivered)")).await;
    let (spun, delivered) = tokio::join!(push(&endless), push(&good));
    let AttemptOutcome::Failed(failure) = spun else {
        panic!("it never delivers");
    };
    assert_eq!(failure.kind, FailureKind::Plugin);
    insta::assert_snapshot!(failure.message, @"plugin `test` used more than 50ms of CPU time in `push`");
    assert_eq!(delivered, AttemptOutcome::Delivered);
}

#[tokio::test]
async fn the_last_words_of_a_plugin_are_shown_without_control_characters() {
    let host = host();
    let imports = r#"
        (import "wasi:cli/stderr@0.2.12" "get-stderr" (func $stderr (result i32)))
        (import "wasi:io/streams@0.2.12" "[method]output-stream.blocking-write-and-flush"
            (func $write (param i32 i32 i32 i32)))
        (data (i32.const 2048) "panicked at src/lib.rs:7\1b[2J")"#;
    let matches = "(call $write (call $stderr) (i32.const 2048) (i32.const 28) (i32.const 128))
        (unreachable)";
    let world = "import wasi:cli/stderr@0.2.12; import wasi:io/streams@0.2.12;";
    let filter = open_filter(&host, guest::filter_with(world, 0, imports, matches)).await;
    let error = filter
        .matches(Timestamp(0), &[device("d1", "http://127.0.0.1")])
        .await
        .expect_err("it traps");
    insta::assert_snapshot!(error.stderr, @r"panicked at src/lib.rs:7\u{1b}[2J");
}
