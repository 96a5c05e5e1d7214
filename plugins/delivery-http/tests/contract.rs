//! What a device gets, and what its answers mean.

use windlass_delivery_http::DeliveryHttp;
use windlass_sdk::{
    Delivery, DeliveryError, Job, Payload, Problem, Receipt, Verification,
    testing::{self, Answer, FakeHost},
};

fn open(settings: &str) -> DeliveryHttp {
    testing::open_delivery(settings).expect("the settings are good")
}

fn job(payload: &Payload) -> Job {
    let mut device = testing::device("pos-1", "https://pos-1.example:8443/");
    device.name = "Kasse Köln 3%".to_owned();
    testing::job(device, payload)
}

/// Pushes three bytes to a device that answers so.
fn push(settings: &str, answer: Answer) -> Result<Receipt, DeliveryError> {
    let host = FakeHost::start();
    host.answer(move |_| answer.clone());
    let payload = testing::payload(b"new");
    open(settings).push(&job(&payload), &payload)
}

fn verify(answer: Answer) -> Result<Verification, DeliveryError> {
    let host = FakeHost::start();
    host.answer(move |_| answer.clone());
    open("{}").verify(&job(&testing::payload(b"new")))
}

/// Issue 2, "Built-in plugins"; `wire-formats.md`, "HTTP delivery".
#[test]
fn a_push_is_one_post_with_everything_the_device_needs() {
    let host = FakeHost::start();
    host.answer(|_| Answer::status(200).body(r#"{"success":true}"#));
    let payload = testing::payload(b"new");

    let delivery = open(r#"{"headers": {"Authorization": "Bearer abc"}}"#);
    assert_eq!(
        delivery.push(&job(&payload), &payload),
        Ok(Receipt::Delivered)
    );

    let requests = host.requests();
    assert_eq!(requests.len(), 1);
    let request = &requests[0];
    assert_eq!(request.method, "POST");
    assert_eq!(request.url, "https://pos-1.example:8443/update");
    assert_eq!(request.body, b"new");
    for (name, value) in [
        ("Authorization", "Bearer abc"),
        ("Content-Length", "3"),
        ("Content-Type", "application/octet-stream"),
        // printf new | openssl dgst -sha256 -binary | base64
        (
            "Repr-Digest",
            "sha-256=:EVB6Di9eadXfpApiob17buV+a82FxnybhDGzb/8hxDc=:",
        ),
        ("X-Attempt-Id", "7"),
        ("X-Device-Id", "pos-1"),
        ("X-Device-Name", "Kasse K%C3%B6ln 3%25"),
        ("X-Release-Name", "release"),
        ("X-Release-Version", "2.0.0"),
    ] {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
}

#[test]
fn paths_and_method_follow_the_settings() {
    let host = FakeHost::start();
    host.answer(|_| Answer::status(202));
    let delivery = open(
        r#"{"method": "PUT", "update_path": "/fw?slot=b", "expected_status": 202,
            "allow_plain_http": true}"#,
    );
    let payload = testing::payload(b"new");
    let device = testing::device("d", "http://10.0.0.7/gateway/3");
    let pushed = delivery.push(&testing::job(device, &payload), &payload);

    assert_eq!(pushed, Ok(Receipt::Delivered));
    assert_eq!(host.requests()[0].method, "PUT");
    assert_eq!(
        host.requests()[0].url,
        "http://10.0.0.7/gateway/3/fw?slot=b"
    );
}

#[test]
fn each_status_means_what_the_table_says() {
    use DeliveryError::{Busy, DeviceError, Rejected, TimedOut, Unauthorized};

    let failed = |status| push("{}", Answer::status(status)).expect_err("it is no success");
    assert_eq!(push("{}", Answer::status(204)), Ok(Receipt::Delivered));
    assert!(matches!(failed(401), Unauthorized(_)));
    assert!(matches!(failed(403), Unauthorized(_)));
    assert!(matches!(failed(408), TimedOut(_)));
    assert!(matches!(failed(425), Busy((None, _))));
    assert!(matches!(failed(429), Busy((None, _))));
    assert!(matches!(failed(500), DeviceError(_)));
    assert!(matches!(failed(503), Busy((None, _))));
    for status in [304, 400, 404, 405, 409, 413, 422] {
        assert!(matches!(failed(status), Rejected(_)), "{status}");
    }

    let redirect = push("{}", Answer::status(302).header("Location", "/new"));
    assert_eq!(
        redirect,
        Err(DeliveryError::rejected(
            "the device answered 302 and points to \"/new\"; redirects are not followed, \
             so give the final address"
        ))
    );
    let refused = push("{}", Answer::status(422).body("no space\nleft\n"));
    assert_eq!(
        refused,
        Err(DeliveryError::rejected(
            "the device answered 422: no space left"
        ))
    );
    // An expected status replaces the rule for 2xx.
    assert_eq!(
        push(r#"{"expected_status": 202}"#, Answer::status(200)),
        Err(DeliveryError::rejected(
            "the device answered 200 where 202 was expected"
        ))
    );
}

/// A date counts from the answer's own `Date`, so a device whose clock is years off
/// is still understood.
#[test]
fn retry_after_is_honoured_in_both_forms() {
    let after = |answer: Answer| match push("{}", answer) {
        Err(DeliveryError::Busy((after, _))) => after,
        other => panic!("expected busy, got {other:?}"),
    };
    let busy = Answer::status(503);
    assert_eq!(
        after(busy.clone().header("Retry-After", "120")),
        Some(120_000)
    );
    assert_eq!(
        after(Answer::status(500).header("Retry-After", "0")),
        Some(0)
    );
    assert_eq!(
        after(
            busy.clone()
                .header("Date", "Thu, 01 Jan 1970 00:00:30 GMT")
                .header("Retry-After", "Thu, 01 Jan 1970 00:01:00 GMT")
        ),
        Some(30_000)
    );
    assert_eq!(
        after(
            busy.clone()
                .header("Retry-After", "Thu, 01 Jan 1970 00:01:00 GMT")
        ),
        Some(0)
    );
    assert_eq!(after(busy.header("Retry-After", "-5")), None);
}

/// A device that does not tell is not taken for one that runs something else.
#[test]
fn verify_tells_release_other_busy_and_unknown_apart() {
    let version = |version: &str| Answer::status(200).body(format!(r#"{{"version":"{version}"}}"#));
    assert_eq!(verify(version("2.0.0")), Ok(Verification::RunsRelease));
    assert_eq!(
        verify(version("1.9.9")),
        Ok(Verification::RunsOther("1.9.9".to_owned()))
    );
    assert_eq!(verify(Answer::status(503)), Ok(Verification::Busy));
    assert_eq!(verify(Answer::status(404)), Ok(Verification::CannotTell));
    for body in ["", "{}", r#"{"version":3}"#, "<html>"] {
        let answer = verify(Answer::status(200).body(body));
        assert!(
            matches!(answer, Err(DeliveryError::DeviceError(_))),
            "{body}"
        );
    }
    let flood = verify(Answer::status(200).body(vec![b' '; 1 << 20]));
    assert!(matches!(flood, Err(DeliveryError::DeviceError(_))));
}

#[test]
fn probe_finds_the_version_or_at_least_whether_there_is_a_device() {
    let host = FakeHost::start();
    let device = testing::device("d", "https://d.example");
    let delivery = open("{}");
    let probe = || {
        let state = delivery.probe(&device).expect("a state");
        (state.reachable, state.version)
    };

    assert_eq!(probe(), (false, None));
    host.answer(|_| Answer::status(500));
    assert_eq!(probe(), (true, None));
    host.answer(|_| Answer::status(200).body(r#"{"version":"1.0","updated_at":0}"#));
    assert_eq!(probe(), (true, Some("1.0".to_owned())));
    host.answer(|_| Answer::status(401));
    assert!(matches!(
        delivery.probe(&device),
        Err(DeliveryError::Unauthorized(_))
    ));
}

/// Design §7, 14.
#[test]
fn plain_http_needs_permission_before_anything_is_sent() {
    let host = FakeHost::start();
    host.answer(|_| Answer::status(200));
    let device = testing::device("d", "http://d.example");
    let payload = testing::payload(b"new");

    let refused = open("{}").push(&testing::job(device, &payload), &payload);

    assert_eq!(
        refused,
        Err(DeliveryError::other(
            "http://d.example is not encrypted; give the device an https:// address, or set \
             allow_plain_http = true in the plugin's settings"
        ))
    );
    assert!(host.requests().is_empty());
}

#[test]
fn addresses_that_cannot_be_joined_are_refused() {
    let delivery = open(r#"{"allow_plain_http": true}"#);
    for address in [
        "d.example",
        "ftp://d.example",
        "https://",
        "https://:80",
        "https://u:secret@d.example",
        "https://d.example/?a=b",
        "https://d.example/#a",
        "https://dé.example",
        "https://d example",
    ] {
        match delivery.probe(&testing::device("d", address)) {
            Err(DeliveryError::Other(text)) => assert!(!text.contains("secret"), "{text}"),
            other => panic!("{address}: {other:?}"),
        }
    }
}

#[test]
fn bad_settings_are_all_reported_at_their_places() {
    let problems = testing::open_delivery::<DeliveryHttp>(
        r#"{"update_path": "update", "version_path": "/a b", "expected_status": 100,
            "headers": {"Content-Length": "3", "a b": "c", "X-Key": "Schlüssel"}}"#,
    )
    .err()
    .expect("they are bad");
    let places: Vec<_> = problems.iter().map(|problem| &problem.place).collect();
    let expected: Vec<_> = [
        "/update_path",
        "/version_path",
        "/headers/Content-Length",
        "/headers/X-Key",
        "/headers/a b",
        "/expected_status",
    ]
    .iter()
    .map(|&pointer| Problem::setting(pointer, "").place)
    .collect();
    assert_eq!(places, expected.iter().collect::<Vec<_>>());
    assert!(
        problems
            .iter()
            .all(|problem| !problem.message.contains("Schlüssel"))
    );

    let unknown = testing::open_delivery::<DeliveryHttp>(r#"{"update_pth": "/u"}"#).err();
    let unknown = unknown.expect("an unknown key is refused");
    assert_eq!(unknown[0].place, Problem::setting("/update_pth", "").place);
}
