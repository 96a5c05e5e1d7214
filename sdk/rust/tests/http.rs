//! Requests and responses, seen by doubles of host and device.

use windlass_sdk::{
    DeliveryError,
    http::{Address, Request, Response, encode_text, is_header_name},
    job, log,
    testing::{self, Answer, FakeHost},
};

fn address() -> Address<'static> {
    Address::parse("https://d.example/base/").expect("it is an address")
}

fn get(host: &FakeHost, answer: Answer) -> Response {
    host.answer(move |_| answer.clone());
    let response = Request::new("GET", &address(), "x?y=1").send();
    response.expect("the device answers")
}

#[test]
fn text_of_any_kind_fits_into_a_header() {
    for (text, encoded) in [
        ("plain text: ~!", "plain text: ~!"),
        ("Köln", "K%C3%B6ln"),
        ("100%", "100%25"),
        ("a\r\nX-Evil: 1", "a%0D%0AX-Evil: 1"),
        (" padded ", "%20padded%20"),
        ("", ""),
        ("  ", "%20%20"),
    ] {
        assert_eq!(encode_text(text), encoded);
    }
}

#[test]
fn a_header_that_would_begin_another_is_not_sent() {
    let host = FakeHost::start();
    host.answer(|_| Answer::status(200));
    for (name, value) in [
        ("X-A", "1\r\nX-B: 2"),
        ("X-A", "1\nX-B: 2"),
        ("X-A: 1\r\nX-B", "2"),
        ("X-A", "\u{7f}"),
        ("X A", "1"),
        ("", "1"),
    ] {
        let put = || Request::new("PUT", &address(), "/").header("X-Good", "1");
        let refused = DeliveryError::other(format!(
            "the header {name} is not allowed, or its value is not allowed in HTTP"
        ));
        let sent = put().header(name, value).send();
        assert_eq!(sent.err(), Some(refused.clone()));
        let streamed = put().header(name, value).send_body(None, |_| Ok(()));
        assert_eq!(streamed.err(), Some(refused));
    }
    assert!(host.requests().is_empty());
}

#[test]
fn every_byte_is_judged_alike_wherever_it_stands() {
    let host = FakeHost::start();
    host.answer(|_| Answer::status(200));
    for byte in 0..0x80_u8 {
        let byte = char::from(byte);
        for length in [1, 7, 8, 9, 16, 21] {
            for place in 0..length {
                let text: String = (0..length)
                    .map(|index| if index == place { byte } else { 'a' })
                    .collect();
                let sent = |name: &str, value: &str| {
                    let request = Request::new("PUT", &address(), "/").header(name, value);
                    request.send().is_ok()
                };
                let is_value = byte == '\t' || !byte.is_ascii_control();
                assert_eq!(sent("X-A", &text), is_value, "the value {text:?}");
                let is_mark = "!#$%&'*+-.^_`|~".contains(byte);
                let is_name = byte.is_ascii_alphanumeric() || is_mark;
                assert_eq!(is_header_name(&text), is_name, "the name {text:?}");
                assert_eq!(sent(&text, "1"), is_name, "the name {text:?}");
                let is_at_an_end = place == 0 || place == length - 1;
                let is_plain = match byte {
                    ' ' => !is_at_an_end,
                    '%' => false,
                    byte => byte.is_ascii_graphic(),
                };
                assert_eq!(encode_text(&text) == text, is_plain, "{text:?}");
            }
        }
    }
}

#[test]
fn a_response_is_read_within_its_bounds() {
    let host = FakeHost::start();
    let answer = Answer::status(200)
        .header("Retry-After", "5")
        .body("0123456789");

    let response = get(&host, answer.clone());
    assert_eq!(response.header("retry-after").as_deref(), Some("5"));
    assert_eq!(response.read(10), Ok(b"0123456789".to_vec()));
    assert_eq!(
        get(&host, answer.clone()).read(9),
        Err(DeliveryError::device_error(
            "the device answered with more than 9 bytes"
        ))
    );
    assert_eq!(get(&host, answer).excerpt(4), "0123");
    assert_eq!(
        get(&host, Answer::status(200).body("a\u{7}b")).excerpt(9),
        "a b"
    );
    assert_eq!(host.requests()[0].url, "https://d.example/base/x?y=1");
}

/// Issue 2: a broken sender never looks finished.
#[test]
fn a_body_that_is_not_finished_is_never_a_request() {
    let host = FakeHost::start();
    host.answer(|_| Answer::status(200));
    let put = || Request::new("PUT", &address(), "/");

    let given_up = put().send_body(None, |body| {
        body.write(b"half")?;
        Err(DeliveryError::source("the rest is gone"))
    });
    assert_eq!(
        given_up.err(),
        Some(DeliveryError::source("the rest is gone"))
    );
    assert!(host.requests().is_empty());

    let short = put().send_body(Some(5), |body| body.write(b"four"));
    assert_eq!(
        short.err(),
        Some(DeliveryError::other(
            "the request's body is not of the length announced"
        ))
    );
}

#[test]
fn parts_of_a_payload_are_sent_spliced_and_transformed() {
    let host = FakeHost::start();
    host.answer(|_| Answer::status(200));
    let payload = testing::payload(b"0123456789");
    let put = || Request::new("PUT", &address(), "/");

    let sent = put()
        .send_range(&payload, 2, 3)
        .map(|response| response.status());
    assert_eq!(sent, Ok(200));
    let sent = put().send_body(Some(7), |body| {
        body.write(b"<")?;
        let mut stream = payload.open(0, 4)?;
        while body.splice(&mut stream, 3)? > 0 {}
        let mut stream = payload.open(8, 2)?;
        body.transform(&mut stream, |_, chunk| chunk.reverse())
    });
    assert_eq!(sent.map(|response| response.status()), Ok(200));

    let requests = host.requests();
    assert_eq!(requests[0].body, b"234");
    assert_eq!(requests[1].body, b"<012398");
    assert!(payload.open(8, 3).is_err());
    assert!(put().send_range(&payload, u64::MAX, 1).is_err());
}

#[test]
fn what_a_job_tells_is_seen_by_the_test() {
    let host = FakeHost::start();
    job::report(5);
    log::warn("odd");
    assert_eq!(job::checkpoint(b"at 5"), Ok(()));
    assert!(job::checkpoint(&[0; job::CHECKPOINT_LIMIT + 1]).is_err());

    assert_eq!(host.reports(), [5]);
    assert_eq!(host.lines(), [(log::Level::Warn, "odd".to_owned())]);
    assert_eq!(host.checkpoints(), [b"at 5"]);
}
