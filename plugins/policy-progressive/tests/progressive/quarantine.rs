//! Devices that keep failing are left alone for a while (the penalty box).

use windlass_sdk::{Admission, Attribute, Candidate, Connectivity, Device, FailureKind, Policy};

use crate::fleet::{MINUTE, START, open};

const BOX: &str = r#"{"quarantine":{"failures":2,"penalty":"1h"}}"#;

pub(crate) fn device() -> Device {
    Device {
        id: "d".into(),
        name: String::new(),
        address: String::new(),
        kind: None,
        version: None,
        status: Connectivity::Unknown,
        location: None,
        timezone: None,
        tags: vec![],
        attributes: vec![],
        last_seen: None,
    }
}

fn failed(attempts: u32, kind: FailureKind, at: u64) -> Candidate {
    Candidate {
        device: device(),
        cohort: 0,
        attempts,
        last_failure: Some((kind, at)),
        first_seen: None,
    }
}

#[test]
fn a_device_that_failed_often_serves_its_penalty() {
    let policy = open(BOX);
    assert!(policy.admits());
    let candidate = failed(2, FailureKind::DeviceError, START);
    let kept = policy.admit(START + 59 * MINUTE, &candidate);
    assert_eq!(
        (kept.not_before, kept.never, kept.needs_connection),
        (Some(START + 60 * MINUTE), false, false)
    );
    let reason = kept.reason.expect("who may not start is told why");
    assert_eq!(reason.code, "quarantined");
    assert_eq!(
        reason.parameters,
        [
            Attribute::new("attempts", 2_i64),
            Attribute::new("kind", "device-error")
        ]
    );
    assert_eq!(
        policy.admit(START + 60 * MINUTE, &candidate),
        Admission::at_once()
    );
}

#[test]
fn others_start_at_once() {
    let fresh = Candidate {
        last_failure: None,
        ..failed(0, FailureKind::Other, START)
    };
    for candidate in [
        fresh,
        failed(1, FailureKind::DeviceError, START),
        failed(5, FailureKind::Unreachable, START),
        failed(5, FailureKind::Plugin, START),
        failed(5, FailureKind::Shutdown, START),
    ] {
        assert_eq!(
            open(BOX).admit(START, &candidate),
            Admission::at_once(),
            "{candidate:?}"
        );
    }
    let listed = open(r#"{"quarantine":{"failures":2,"penalty":"1h","kinds":["network","busy"]}}"#);
    for (kind, kept) in [
        (FailureKind::Unreachable, true),
        (FailureKind::Busy, true),
        (FailureKind::Silent, false),
        (FailureKind::Source, false),
    ] {
        let admission = listed.admit(START, &failed(2, kind, START));
        assert_eq!(admission.not_before.is_some(), kept, "{kind:?}");
    }
}

#[test]
fn the_host_is_spared_the_question_without_it() {
    assert!(!open("{}").admits());
}
