//! What a device gets, seen through a double of the host.

use windlass_example_delivery::Frames;
use windlass_sdk::{
    Delivery, DeliveryError, Payload, Problem, Receipt,
    testing::{self, Answer, FakeHost},
};

/// Reads frames as a device does: the payload, and the digest after the end mark.
fn unframe(mut body: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut payload = Vec::new();
    loop {
        let (length, rest) = body.split_first_chunk::<4>().expect("a length");
        let length = u32::from_be_bytes(*length) as usize;
        if length == 0 {
            return (payload, rest.to_vec());
        }
        payload.extend_from_slice(&rest[..length]);
        body = &rest[length..];
    }
}

fn push(settings: &str, payload: &Payload) -> Result<Receipt, DeliveryError> {
    let frames: Frames = testing::open_delivery(settings).expect("the settings are good");
    let device = testing::device("d", "http://d.example");
    frames.push(&testing::job(device, payload), payload)
}

#[test]
fn a_device_gets_the_payload_in_frames_and_its_digest_at_the_end() {
    let host = FakeHost::start();
    host.answer(|_| Answer::status(204));
    let bytes: Vec<u8> = (0..=255).cycle().take(1000).collect();
    let payload = testing::payload(&bytes);

    assert_eq!(push(r#"{"frame": 300}"#, &payload), Ok(Receipt::Delivered));

    let request = &host.requests()[0];
    assert_eq!(request.method, "PUT");
    assert_eq!(request.url, "http://d.example/frames");
    assert_eq!(request.header("x-attempt-id"), Some("7"));
    assert_eq!(unframe(&request.body), (bytes, payload.sha256()));
    assert_eq!(host.reports(), [300, 600, 900, 1000]);
}

#[test]
fn a_key_runs_on_over_the_borders_of_frames() {
    let host = FakeHost::start();
    host.answer(|_| Answer::status(200));
    let payload = testing::payload([0; 7]);

    assert_eq!(
        push(r#"{"frame": 4, "key": "0102ff"}"#, &payload),
        Ok(Receipt::Delivered)
    );

    let (masked, digest) = unframe(&host.requests()[0].body);
    assert_eq!(masked, [1, 2, 0xff, 1, 2, 0xff, 1]);
    assert_eq!(digest, payload.sha256());
}

#[test]
fn a_device_that_refuses_in_the_middle_is_heard() {
    let host = FakeHost::start();
    host.close_after(10);
    host.answer(|_| Answer::status(507));
    let payload = testing::payload([0; 100]);
    assert_eq!(
        push("{}", &payload),
        Err(DeliveryError::device_error("the device answered 507"))
    );

    // A success for a part is no success.
    host.answer(|_| Answer::status(200));
    assert!(matches!(
        push("{}", &payload),
        Err(DeliveryError::Interrupted(_))
    ));
}

#[test]
fn every_bad_setting_is_reported_at_its_place() {
    let settings = r#"{"path": "frames", "frame": 0, "key": "abc"}"#;
    let problems = testing::open_delivery::<Frames>(settings).err();
    let places: Vec<_> = problems
        .expect("they are bad")
        .into_iter()
        .map(|problem| problem.place)
        .collect();
    let expected = ["/path", "/frame", "/key"].map(|place| Problem::setting(place, "").place);
    assert_eq!(places, expected);
}
