//! Requests and answers in one call, as `delivery-http` makes them.

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::{BodyExt as _, Full};
use hyper::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use windlass_host::{DeliveryOptions, PushEnd};
use windlass_model::{AttemptOutcome, Failure, Verification};

use crate::{
    delivery::job,
    guest,
    support::{Payload, builtin, device_that, host, load},
};

/// `delivery-http` with `settings` pushes to a device that answers everything with 200 and
/// `body`, then asks it for its version.
async fn push_and_verify(
    settings: Value,
    body: String,
) -> (PushEnd, Result<Verification, Failure>) {
    let body = Bytes::from(body);
    let address = device_that(move |request| {
        let body = body.clone();
        async move {
            // Of one that breaks off, nothing is said here.
            let _ = request.into_body().collect().await;
            Ok(Response::new(Full::new(body)))
        }
    })
    .await;
    let host = host();
    let delivery = builtin(&host, "delivery-http")
        .await
        .delivery(&settings, DeliveryOptions::default())
        .await
        .expect("it accepts the settings");
    let payload = Payload::of(5000);
    let end = delivery
        .push(job(&address, &*payload), payload.clone())
        .await;
    let said = delivery.verify(job(&address, &*payload)).await;
    (end, said)
}

/// What of an answer has not come with its head follows as a stream.
#[tokio::test]
async fn answers_of_any_length_are_read_whole() {
    for padding in [0, 1000, 16 * 1024, 50_000] {
        let padding = "x".repeat(padding);
        let body = json!({ "padding": padding, "version": "2.0.0" }).to_string();
        let (end, said) = push_and_verify(json!({ "allow_plain_http": true }), body).await;
        assert_eq!(end.outcome, AttemptOutcome::Delivered);
        assert_eq!(said, Ok(Verification::RunsRelease));
    }
}

/// Headers that only the host may set are named in the failure, and nothing is sent.
#[tokio::test]
async fn a_header_that_may_not_be_set_is_named() {
    let settings = json!({ "allow_plain_http": true, "headers": { "Keep-Alive": "9" } });
    let (end, said) = push_and_verify(settings, String::new()).await;
    assert_eq!(end.bytes_sent, 0);
    let AttemptOutcome::Failed(failure) = end.outcome else {
        panic!("it is no request: {:?}", end.outcome);
    };
    insta::assert_snapshot!(failure.message, @"the header Keep-Alive is not allowed, or its value is not allowed in HTTP");
    assert_eq!(said.expect_err("it is no request either"), failure);
}

/// The headers of a request are bounded together, as those of `wasi:http` are.
#[tokio::test]
async fn headers_beyond_the_limit_are_not_sent() {
    let long = "x".repeat(33 * 1024);
    let settings = json!({ "allow_plain_http": true, "headers": { "X-Long": long } });
    let (end, _) = push_and_verify(settings, String::new()).await;
    assert_eq!(end.bytes_sent, 0);
    let AttemptOutcome::Failed(failure) = end.outcome else {
        panic!("it is too large: {:?}", end.outcome);
    };
    insta::assert_snapshot!(failure.message, @"the request's headers are too large");
}

/// What a push of a guest that writes `headers` itself came to, and those that a device got.
async fn send(headers: &str) -> (AttemptOutcome, Option<HeaderMap>) {
    let (tell, mut told) = mpsc::unbounded_channel();
    let address = device_that(move |request| {
        tell.send(request.headers().clone()).expect("it is heard");
        async { Ok(Response::new(Full::default())) }
    })
    .await;
    let host = host();
    let delivery = load(&host, guest::delivery_that_sends(&address, headers))
        .await
        .delivery(&json!({}), DeliveryOptions::default())
        .await
        .expect("it accepts the settings");
    let payload = Payload::of(1);
    let end = delivery
        .push(job(&address, &*payload), payload.clone())
        .await;
    (end.outcome, told.try_recv().ok())
}

/// What follows a value's colon is the value, but for the blanks around it.
#[tokio::test]
async fn lines_arrive_as_they_were_written() {
    let (outcome, got) = send("x-a:1\r\nX-B: \t b: c \r\nX-A:2\r\nX-None:\r\n").await;
    assert_eq!(outcome, AttemptOutcome::Delivered);
    let got = got.expect("it was sent");
    let values: Vec<_> = got.get_all("x-a").iter().collect();
    assert_eq!(values, ["1", "2"]);
    assert_eq!(got["x-b"], "b: c");
    assert_eq!(got["x-none"], "");
}

/// What one reader takes for two fields and another for one is sent to nobody.
#[tokio::test]
async fn lines_that_can_be_read_in_two_ways_are_refused() {
    for (headers, named) in [
        ("X-A: 1\nX-B: 2\r\n", "X-A"),
        ("X-A: 1\rX-B: 2\r\n", "X-A"),
        ("X-A: 1\n\r\n", "X-A"),
        ("X-A: 1\r\n folded\r\n", " folded"),
        ("X-A: 1\r\n\r\nX-B: 2\r\n", ""),
        ("X-A : 1\r\n", "X-A "),
        ("X-A: 1", "X-A"),
        (": 1\r\n", ""),
        ("X-A: \u{7}\r\n", "X-A"),
        ("Transfer-Encoding: chunked\r\n", "Transfer-Encoding"),
        ("Host: elsewhere\r\n", "Host"),
    ] {
        let (outcome, got) = send(headers).await;
        let AttemptOutcome::Failed(failure) = outcome else {
            panic!("{headers:?} is no request: {outcome:?}");
        };
        assert_eq!(failure.message, named, "{headers:?}");
        assert_eq!(got, None, "{headers:?}");
    }
}
