//! Resumable uploads (draft-ietf-httpbis-resumable-upload) against a device that speaks
//! them, and against some that do not quite.

use std::{cell::RefCell, rc::Rc};

use windlass_delivery_http::DeliveryHttp;
use windlass_sdk::{
    Capabilities, Delivery, DeliveryError, Job, Receipt,
    testing::{self, Answer, FakeHost, Received},
};

const ADDRESS: &str = "https://pos-1.example";
const RELEASE: &[u8] = b"the bytes of release 2.0.0";

fn open() -> DeliveryHttp {
    testing::open_delivery(r#"{"resume": true}"#).expect("the settings are good")
}

/// What a device remembers of the one upload it is in.
#[derive(Default)]
struct Upload {
    held: Vec<u8>,
    complete: bool,
    /// Closes the connection after so many further bytes, once.
    cut: Option<usize>,
}

type Shared = Rc<RefCell<Upload>>;

/// A device that speaks the protocol, for one upload at `/uploads/1`.
fn speaks(upload: &Shared) -> impl FnMut(&Received) -> Answer + 'static {
    let upload = Rc::clone(upload);
    move |request| {
        let mut upload = upload.borrow_mut();
        match (request.method.as_str(), request.path()) {
            ("POST", "/update") => {
                *upload = Upload {
                    cut: upload.cut,
                    ..Upload::default()
                };
                Answer::status(201).header("Location", "/uploads/1")
            }
            ("HEAD", "/uploads/1") => Answer::status(204)
                .header("Upload-Offset", &upload.held.len().to_string())
                .header("Upload-Complete", if upload.complete { "?1" } else { "?0" })
                .header("Upload-Length", &RELEASE.len().to_string()),
            ("PATCH", "/uploads/1") => append(&mut upload, request),
            _ => Answer::status(404),
        }
    }
}

fn append(upload: &mut Upload, request: &Received) -> Answer {
    let held = upload.held.len().to_string();
    if request.header("Upload-Offset") != Some(&held) {
        return Answer::status(409).header("Upload-Offset", &held);
    }
    if let Some(cut) = upload.cut.take() {
        upload.held.extend_from_slice(&request.body[..cut]);
        return Answer::failure(DeliveryError::interrupted("the connection broke"));
    }
    upload.held.extend_from_slice(&request.body);
    upload.complete = request.header("Upload-Complete") == Some("?1");
    let complete = if upload.complete { "?1" } else { "?0" };
    Answer::status(200).header("Upload-Complete", complete)
}

fn shared() -> Shared {
    Rc::default()
}

/// A further attempt, with what the last one kept.
fn next(host: &FakeHost, job: &Job) -> Job {
    Job {
        attempt_id: job.attempt_id + 1,
        attempt: job.attempt + 1,
        checkpoint: host.checkpoints().last().cloned(),
        ..job.clone()
    }
}

fn first() -> (Job, windlass_sdk::Payload) {
    let payload = testing::payload(RELEASE);
    let job = testing::job(testing::device("pos-1", ADDRESS), &payload);
    (job, payload)
}

/// Pushes once to a device that answers so.
fn push(
    answer: impl FnMut(&Received) -> Answer + 'static,
) -> (FakeHost, Result<Receipt, DeliveryError>) {
    let host = FakeHost::start();
    host.answer(answer);
    let (job, payload) = first();
    let pushed = open().push(&job, &payload);
    (host, pushed)
}

fn lines(host: &FakeHost) -> Vec<String> {
    let requests = host.requests();
    let line = |request: &Received| format!("{} {}", request.method, request.path());
    requests.iter().map(line).collect()
}

#[test]
fn an_upload_is_created_without_bytes_and_then_filled() {
    assert!(DeliveryHttp::CAPABILITIES.contains(Capabilities::RESUMES));
    let upload = shared();
    let (host, pushed) = push(speaks(&upload));
    assert_eq!(pushed, Ok(Receipt::Delivered));
    assert_eq!(upload.borrow().held, RELEASE);

    let requests = host.requests();
    assert_eq!(lines(&host), ["POST /update", "PATCH /uploads/1"]);
    for (name, value) in [
        ("Content-Length", "0"),
        ("Content-Type", "application/octet-stream"),
        ("Upload-Complete", "?0"),
        ("Upload-Length", "26"),
        ("X-Attempt-Id", "7"),
        ("X-Release-Version", "2.0.0"),
        // printf 'the bytes of release 2.0.0' | openssl dgst -sha256 -binary | base64
        (
            "Repr-Digest",
            "sha-256=:YES4H6H5mahWD2ve5wWrccoghNKq4ZJAytSrE8Wdhmg=:",
        ),
    ] {
        assert_eq!(requests[0].header(name), Some(value), "{name}");
    }
    assert!(requests[0].body.is_empty());
    for (name, value) in [
        ("Content-Length", "26"),
        ("Content-Type", "application/partial-upload"),
        ("Upload-Complete", "?1"),
        ("Upload-Offset", "0"),
        ("X-Attempt-Id", "7"),
        ("X-Device-Id", "pos-1"),
    ] {
        assert_eq!(requests[1].header(name), Some(value), "{name}");
    }
    // RFC 9530: of a PATCH it would be the digest of the patch.
    assert_eq!(requests[1].header("Repr-Digest"), None);
    assert_eq!(host.checkpoints().last(), Some(&Vec::new()));
}

/// GO-69, GO-175: cut in the middle, the next attempt sends only the rest.
#[test]
fn a_cut_upload_goes_on_where_it_stopped() {
    let host = FakeHost::start();
    let upload = shared();
    upload.borrow_mut().cut = Some(13);
    host.answer(speaks(&upload));
    let (job, payload) = first();
    let delivery = open();

    let cut = delivery.push(&job, &payload);
    assert!(matches!(cut, Err(DeliveryError::Interrupted(_))), "{cut:?}");
    assert_eq!(upload.borrow().held, &RELEASE[..13]);
    let again = next(&host, &job);
    assert_eq!(delivery.push(&again, &payload), Ok(Receipt::Delivered));

    assert_eq!(upload.borrow().held, RELEASE);
    let expected = [
        "POST /update",
        "PATCH /uploads/1",
        "HEAD /uploads/1",
        "PATCH /uploads/1",
    ];
    assert_eq!(lines(&host), expected);
    let last = &host.requests()[3];
    assert_eq!(last.body, &RELEASE[13..]);
    assert_eq!(last.header("Upload-Offset"), Some("13"));
    assert_eq!(last.header("X-Attempt-Id"), Some("8"));
}

/// The answer was lost, not the bytes: nothing is sent twice unasked. If the device turns
/// out not to run the release, the attempt after that begins anew.
#[test]
fn a_complete_upload_is_not_sent_again_but_once_asked() {
    let host = FakeHost::start();
    let upload = shared();
    host.answer(speaks(&upload));
    let (job, payload) = first();
    let delivery = open();
    upload.borrow_mut().cut = Some(0);
    delivery.push(&job, &payload).expect_err("it is cut");
    *upload.borrow_mut() = Upload {
        held: RELEASE.to_vec(),
        complete: true,
        cut: None,
    };

    let second = next(&host, &job);
    assert_eq!(delivery.push(&second, &payload), Ok(Receipt::Delivered));
    assert_eq!(lines(&host)[2..], ["HEAD /uploads/1"]);
    let third = next(&host, &second);
    assert_eq!(delivery.push(&third, &payload), Ok(Receipt::Delivered));
    assert_eq!(lines(&host)[3..], ["POST /update", "PATCH /uploads/1"]);
}

/// All bytes are there, but nobody said so: a request without content does.
#[test]
fn an_upload_that_lacks_only_its_end_is_completed() {
    let host = FakeHost::start();
    let upload = shared();
    upload.borrow_mut().cut = Some(RELEASE.len());
    host.answer(speaks(&upload));
    let (job, payload) = first();
    let delivery = open();
    delivery.push(&job, &payload).expect_err("it is cut");
    assert_eq!(
        delivery.push(&next(&host, &job), &payload),
        Ok(Receipt::Delivered)
    );
    let requests = host.requests();
    let last = requests.last().expect("some");
    assert_eq!(last.header("Upload-Offset"), Some("26"));
    assert_eq!(last.header("Content-Length"), Some("0"));
    assert!(upload.borrow().complete);
}

/// What a device remembers that cannot be the upload of this release is not gone on with.
#[test]
fn an_upload_that_is_not_to_be_gone_on_with_begins_anew() {
    let looks: [fn() -> Answer; 6] = [
        || Answer::status(404),
        || Answer::status(410),
        || Answer::status(204).header("Upload-Offset", "27"),
        || {
            Answer::status(204)
                .header("Upload-Offset", "3")
                .header("Upload-Length", "99")
        },
        || Answer::status(200),
        || Answer::status(204).header("Upload-Offset", "-1"),
    ];
    for look in looks {
        let host = FakeHost::start();
        let upload = shared();
        upload.borrow_mut().cut = Some(13);
        let mut device = speaks(&upload);
        host.answer(move |request| match request.method.as_str() {
            "HEAD" => look(),
            _ => device(request),
        });
        let (job, payload) = first();
        let delivery = open();
        delivery.push(&job, &payload).expect_err("it is cut");
        let again = next(&host, &job);
        assert_eq!(delivery.push(&again, &payload), Ok(Receipt::Delivered));
        let expected = ["HEAD /uploads/1", "POST /update", "PATCH /uploads/1"];
        assert_eq!(lines(&host)[2..], expected);
        assert_eq!(upload.borrow().held, RELEASE);
    }
}

/// A checkpoint of another release, of a device that moved, or of nobody is no reason to
/// ask the device.
#[test]
fn a_checkpoint_of_something_else_is_passed_over() {
    let host = FakeHost::start();
    let upload = shared();
    upload.borrow_mut().cut = Some(1);
    host.answer(speaks(&upload));
    let (job, payload) = first();
    open().push(&job, &payload).expect_err("it is cut");
    let again = next(&host, &job);

    let mut other_release = again.clone();
    other_release.release.sha256[0] ^= 1;
    let mut moved = again.clone();
    moved.device.address = "https://pos-1.example:8443".to_owned();
    let mut garbled = again;
    garbled.checkpoint = Some(b"{".to_vec());
    for job in [other_release, moved, garbled] {
        let before = host.requests().len();
        assert_eq!(open().push(&job, &payload), Ok(Receipt::Delivered));
        assert_eq!(lines(&host)[before..], ["POST /update", "PATCH /uploads/1"]);
    }
}

#[test]
fn a_conflict_is_asked_about_once() {
    // Holds one byte more each time it is asked to take some.
    let stubborn = |conflicts: usize| {
        let (mut held, mut left) = (0, conflicts);
        move |request: &Received| match request.method.as_str() {
            "POST" => Answer::status(201).header("Location", "/uploads/1"),
            "HEAD" => Answer::status(204).header("Upload-Offset", &held.to_string()),
            _ if left > 0 => {
                left -= 1;
                held += 1;
                Answer::status(409).header("Upload-Offset", &held.to_string())
            }
            _ => Answer::status(200).header("Upload-Complete", "?1"),
        }
    };
    let (host, pushed) = push(stubborn(1));
    assert_eq!(pushed, Ok(Receipt::Delivered));
    assert_eq!(host.requests()[3].body, &RELEASE[1..]);
    drop(host);
    let (host, pushed) = push(stubborn(2));
    assert!(
        matches!(pushed, Err(DeliveryError::DeviceError(_))),
        "{pushed:?}"
    );
    assert_eq!(host.requests().len(), 4);
}

#[test]
fn a_device_that_forgets_under_way_is_believed_once() {
    let (host, pushed) = push(|request| match request.method.as_str() {
        "POST" => Answer::status(201).header("Location", "/uploads/1"),
        _ => Answer::status(404),
    });
    assert!(
        matches!(pushed, Err(DeliveryError::DeviceError(_))),
        "{pushed:?}"
    );
    let both = ["POST /update", "PATCH /uploads/1"];
    assert_eq!(lines(&host), [both, both].concat());
}

#[test]
fn a_device_that_does_not_speak_it_is_told_apart() {
    let (host, pushed) = push(|_| Answer::status(200).body(r#"{"success":true}"#));
    assert_eq!(
        pushed,
        Err(DeliveryError::incompatible(
            "the device answered 200 without the place of an upload, so it does not speak \
             resumable uploads; set resume = false in the plugin's settings"
        ))
    );
    assert_eq!((host.requests().len(), host.checkpoints().len()), (1, 0));
    drop(host);
    let (_host, pushed) = push(|_| Answer::status(422).body("no such release"));
    assert_eq!(
        pushed,
        Err(DeliveryError::rejected(
            "the device answered 422: no such release; if the device does not speak resumable \
             uploads, set resume = false in the plugin's settings"
        ))
    );
}

/// Design §4: a lease reaches the device's address and nothing else, and behind a gateway
/// the next device has the same host.
#[test]
fn an_upload_elsewhere_is_refused_before_a_byte_is_sent() {
    let at = |address: &str, location: &'static str| {
        let host = FakeHost::start();
        host.answer(move |request| match request.method.as_str() {
            "POST" => Answer::status(201).header("Location", location),
            _ => Answer::status(200).header("Upload-Complete", "?1"),
        });
        let payload = testing::payload(RELEASE);
        let job = testing::job(testing::device("d", address), &payload);
        let pushed = open().push(&job, &payload);
        pushed.map(|_| host.requests()[1].url.clone())
    };
    for (address, location, url) in [
        (
            "https://d.example",
            "/u/1?k=v#f",
            "https://d.example/u/1?k=v",
        ),
        (
            "https://d.example",
            "https://D.example:443/u/1",
            "https://d.example/u/1",
        ),
        (
            "https://d.example:8443/",
            "//d.example:8443/u/1",
            "https://d.example:8443/u/1",
        ),
        (
            "https://g.example/d/3",
            "/d/3/u/1",
            "https://g.example/d/3/u/1",
        ),
        ("https://g.example/d/3/", "u/1", "https://g.example/d/3/u/1"),
        (
            "https://g.example/d/3",
            "x/../u/1",
            "https://g.example/d/3/u/1",
        ),
    ] {
        assert_eq!(at(address, location), Ok(url.to_owned()), "{location}");
    }
    for (address, location) in [
        ("https://d.example", "https://other.example/u/1"),
        ("https://d.example", "http://d.example/u/1"),
        ("https://d.example", "https://d.example:8443/u/1"),
        ("https://d.example", "//other.example/u/1"),
        ("https://d.example", "https://u@d.example/u/1"),
        ("https://g.example/d/3", "/d/4/u/1"),
        ("https://g.example/d/3", "/d/34/u/1"),
        ("https://g.example/d/3", "../4/u/1"),
        ("https://g.example/d/3", "/d/3/%2e%2e/4/u/1"),
    ] {
        let refused = at(address, location);
        assert!(
            matches!(&refused, Err(DeliveryError::Rejected(why)) if why.contains("not below")),
            "{location}: {refused:?}"
        );
    }
    let broken = at("https://d.example", "http://[/");
    assert!(
        matches!(broken, Err(DeliveryError::DeviceError(_))),
        "{broken:?}"
    );
}

/// An answer with `Upload-Complete: ?1` is one about the release, and going on would not
/// help; without it the upload is still there.
#[test]
fn a_failure_keeps_the_upload_only_if_it_can_be_gone_on_with() {
    let kept = |answer: Answer| {
        let (host, pushed) = push(move |request| match request.method.as_str() {
            "POST" => Answer::status(201).header("Location", "/uploads/1"),
            _ => answer.clone(),
        });
        let error = pushed.expect_err("it is no success");
        (error, host.checkpoints().last() != Some(&Vec::new()))
    };
    let of_release = |status| Answer::status(status).header("Upload-Complete", "?1");
    assert!(matches!(
        kept(Answer::status(503)),
        (DeliveryError::Busy(_), true)
    ));
    assert!(matches!(
        kept(Answer::status(401)),
        (DeliveryError::Unauthorized(_), true)
    ));
    assert!(matches!(
        kept(of_release(500)),
        (DeliveryError::DeviceError(_), false)
    ));
    assert!(matches!(
        kept(of_release(404)),
        (DeliveryError::Rejected(_), false)
    ));
    assert!(matches!(
        kept(of_release(409)),
        (DeliveryError::Rejected(_), false)
    ));
    assert!(matches!(
        kept(Answer::status(400)),
        (DeliveryError::Rejected(_), false)
    ));
    let unfinished = Answer::status(200).header("Upload-Complete", "?0");
    assert!(matches!(
        kept(unfinished),
        (DeliveryError::DeviceError(_), true)
    ));
}

/// Design §7, 14: also for an upload that was begun when it was still allowed.
#[test]
fn plain_http_needs_permission_before_an_upload_is_looked_at() {
    let host = FakeHost::start();
    let payload = testing::payload(RELEASE);
    let device = testing::device("d", "http://d.example");
    let mut job = testing::job(device, &payload);
    let digest = "YES4H6H5mahWD2ve5wWrccoghNKq4ZJAytSrE8Wdhmg=";
    job.checkpoint = Some(
        format!(r#"{{"upload":"http://d.example/uploads/1","sha256":"{digest}","size":26}}"#)
            .into(),
    );
    let refused = open().push(&job, &payload);
    assert!(
        matches!(refused, Err(DeliveryError::Other(_))),
        "{refused:?}"
    );
    assert!(host.requests().is_empty());
}

#[test]
fn a_device_s_limits_are_kept() {
    let upload = shared();
    let mut device = speaks(&upload);
    let (host, pushed) = push(move |request| match request.method.as_str() {
        "POST" => device(request).header("Upload-Limit", "max-size=26, max-append-size=10;a=b"),
        _ => device(request),
    });
    assert_eq!(pushed, Ok(Receipt::Delivered));
    assert_eq!(upload.borrow().held, RELEASE);
    let sent = host.requests();
    let parts = sent[1..].iter().map(|part| {
        let complete = part.header("Upload-Complete").unwrap_or_default();
        (part.body.len(), complete.to_owned())
    });
    let expected = [(10, "?0"), (10, "?0"), (6, "?1")].map(|(size, last)| (size, last.to_owned()));
    assert_eq!(parts.collect::<Vec<_>>(), expected);
    drop(host);

    let (host, pushed) = push(|_| {
        Answer::status(201)
            .header("Location", "/uploads/1")
            .header("Upload-Limit", "max-size=25")
    });
    assert!(
        matches!(pushed, Err(DeliveryError::Rejected(_))),
        "{pushed:?}"
    );
    assert_eq!(host.requests().len(), 1);
}
