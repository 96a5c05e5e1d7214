//! What becomes of a release on a device that installs late, restarts, says nothing or
//! cannot run it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use http::StatusCode;
use windlass_sim::{
    Behaviour, Failing, Fault, FaultRate, Fleet, FleetSpec, Install, Meanwhile, PushEnd, When,
};

use crate::support::{Client, head, push, version};

const RELEASE: &[u8] = b"the bytes of a release";
const GOOD: &str = "x-release-version: 2.2.1\r\n";
const BAD: &str = "x-release-version: 2.3.0\r\nx-attempt-id: 4\r\n";
const SOON: Duration = Duration::from_millis(30);
const NEVER: Duration = Duration::from_secs(3_600);

fn one(behaviour: Behaviour) -> Fleet {
    Fleet::start(FleetSpec {
        overrides: BTreeMap::from([(0, behaviour)]),
        ..FleetSpec::default()
    })
    .expect("a fleet of one")
}

async fn reported(fleet: &Fleet) -> Option<String> {
    let answer = version(fleet, 0).await.ok()?;
    (answer.status == 200).then(|| answer.json()["version"].as_str().expect("text").to_owned())
}

async fn until_reported(fleet: &Fleet, version: &str) {
    while reported(fleet).await.as_deref() != Some(version) {
        tokio::task::yield_now().await;
    }
}

/// Sends a push and does not wait for its answer.
async fn begin(fleet: &Fleet) -> Client {
    let mut client = Client::to(fleet, 0).await.expect("connects");
    let head = head(RELEASE.len(), BAD);
    client.send(head.as_bytes()).await.expect("sends");
    client.send(RELEASE).await.expect("sends");
    fleet.until(|now| now.installed == 1).await;
    client
}

/// Issue 3, "some swallow the body before the kill and install it after".
#[tokio::test]
async fn a_swallowed_release_is_installed_after_its_sender_is_gone() {
    let fleet = one(Behaviour {
        install: Install {
            takes: SOON,
            meanwhile: Meanwhile::OldVersion,
        },
        ..Behaviour::failing(Fault::Swallow, When::Always)
    });
    drop(begin(&fleet).await);
    fleet.until(|now| now.in_flight == 0).await;
    until_reported(&fleet, "2.3.0").await;
    let report = fleet.stop().await;
    let record = &report.devices[0].pushes[0];
    assert_eq!((record.end, record.installed), (PushEnd::Completed, true));
}

/// Issue 3, "a device that answers after its deadline".
#[tokio::test]
async fn a_late_device_has_installed_when_it_answers() {
    let fleet = one(Behaviour::failing(
        Fault::Late { after: SOON },
        When::Always,
    ));
    let began = Instant::now();
    let mut client = begin(&fleet).await;
    assert_eq!(client.answer().await.expect("answers").status, 200);
    assert!(began.elapsed() >= SOON);

    let fleet = one(Behaviour::failing(
        Fault::Late { after: NEVER },
        When::Always,
    ));
    let _unanswered = begin(&fleet).await;
    assert_eq!(reported(&fleet).await.as_deref(), Some("2.3.0"));
    assert_eq!(fleet.counts().in_flight, 1);
}

/// The push is answered, and then nobody is there until the new version runs.
#[tokio::test]
async fn a_device_restarts_after_it_installed() {
    let rebooting = |reboot| Behaviour {
        reboot,
        ..Behaviour::default()
    };
    let fleet = one(rebooting(NEVER));
    let mut client = Client::to(&fleet, 0).await.expect("connects");
    let answer = client.push(RELEASE, BAD).await.expect("answers");
    assert_eq!(answer.status, 200);
    client.get("/version").await.expect_err("it restarts");
    push(&fleet, 0, RELEASE, GOOD)
        .await
        .expect_err("it restarts");
    let report = fleet.stop().await;
    assert_eq!(report.devices[0].version, "2.2.0");
    assert_eq!((report.totals.refused, report.totals.begun), (1, 1));

    let fleet = one(rebooting(SOON));
    push(&fleet, 0, RELEASE, BAD).await.expect("answers");
    let mut refused = 0;
    while reported(&fleet).await.as_deref() != Some("2.3.0") {
        refused += 1;
        tokio::task::yield_now().await;
    }
    assert!(refused > 0, "it was never seen with the old version");
}

/// Issue 3, "one that never tells its version".
#[tokio::test]
async fn a_mute_device_takes_a_release_and_does_not_tell() {
    for code in [StatusCode::NOT_FOUND, StatusCode::NOT_IMPLEMENTED] {
        let fleet = one(Behaviour::failing(Fault::Mute { code }, When::Always));
        let answer = push(&fleet, 0, RELEASE, BAD).await.expect("answers");
        assert_eq!(answer.status, 200);
        let asked = version(&fleet, 0).await.expect("answers");
        assert_eq!(asked.status, code.as_u16());
        assert_eq!(fleet.stop().await.devices[0].version, "2.3.0");
    }
}

/// GO-61: a bad build fails where others do well, and says so, falls silent, or falls back.
#[tokio::test]
async fn a_bad_build_fails_and_the_next_one_does_not() {
    let bad = |fault| one(Behaviour::failing(fault, When::Version("2.3.0".to_owned())));

    let fleet = bad(Fault::status(500));
    let answer = push(&fleet, 0, RELEASE, BAD).await.expect("answers");
    assert_eq!(answer.status, 500);
    push(&fleet, 0, RELEASE, GOOD).await.expect("answers");
    assert_eq!(reported(&fleet).await.as_deref(), Some("2.2.1"));

    let code = StatusCode::NOT_FOUND;
    let fleet = bad(Fault::Mute { code });
    assert_eq!(reported(&fleet).await.as_deref(), Some("2.2.0"));
    push(&fleet, 0, RELEASE, BAD).await.expect("answers");
    assert_eq!(reported(&fleet).await, None);
    push(&fleet, 0, RELEASE, GOOD).await.expect("answers");
    assert_eq!(reported(&fleet).await.as_deref(), Some("2.2.1"));

    let fleet = bad(Fault::FallBack { after: SOON });
    push(&fleet, 0, RELEASE, BAD).await.expect("answers");
    until_reported(&fleet, "2.2.0").await;
    let answer = push(&fleet, 0, RELEASE, GOOD).await.expect("answers");
    assert_eq!(answer.status, 200);
    assert_eq!(reported(&fleet).await.as_deref(), Some("2.2.1"));
    let report = fleet.stop().await;
    let device = &report.devices[0];
    assert_eq!(device.versions, ["2.2.0", "2.3.0", "2.2.0", "2.2.1"]);
    assert_eq!(report.no_version_twice(), []);
}

/// A build runs until it falls back, and a rollback that comes before keeps it from that.
#[tokio::test]
async fn a_device_that_was_taken_back_does_not_fall_back() {
    let falls_back = Fault::FallBack { after: NEVER };
    let fleet = one(Behaviour::failing(falls_back, When::Always));
    push(&fleet, 0, RELEASE, BAD).await.expect("answers");
    assert_eq!(reported(&fleet).await.as_deref(), Some("2.3.0"));
    push(&fleet, 0, RELEASE, GOOD).await.expect("answers");
    assert_eq!(reported(&fleet).await.as_deref(), Some("2.2.1"));
}

/// The share that takes a bad build badly is drawn, and the rest takes it well.
#[tokio::test]
async fn a_share_of_the_devices_cannot_run_a_build() {
    let fleet = Fleet::start(FleetSpec {
        count: 60,
        seed: 3,
        faults: vec![FaultRate {
            failing: Failing {
                fault: Fault::status(500),
                when: When::Version("2.3.0".to_owned()),
            },
            share: 0.5,
        }],
        ..FleetSpec::default()
    })
    .expect("a fleet");
    let mut statuses = BTreeMap::new();
    for index in 0..60 {
        for (version, headers) in [("2.3.0", BAD), ("2.2.1", GOOD)] {
            let answer = push(&fleet, index, RELEASE, headers)
                .await
                .expect("answers");
            *statuses.entry((version, answer.status)).or_insert(0) += 1;
        }
    }
    assert_eq!(statuses.get(&("2.2.1", 200)), Some(&60));
    let failed = statuses.get(&("2.3.0", 500)).copied().unwrap_or_default();
    assert!((10..=50).contains(&failed), "{statuses:?}");
    assert_eq!(statuses.get(&("2.3.0", 200)), Some(&(60 - failed)));
}

#[tokio::test]
async fn a_version_that_is_installed_twice_is_found() {
    let fleet = one(Behaviour::default());
    for attempt in [5, 6] {
        let headers = format!("x-release-version: 2.3.0\r\nx-attempt-id: {attempt}\r\n");
        push(&fleet, 0, RELEASE, &headers).await.expect("answers");
    }
    let report = fleet.stop().await;
    assert_eq!(
        report.no_version_twice(),
        [windlass_sim::Violation::VersionAgain {
            device: "device-00000".to_owned(),
            version: "2.3.0".to_owned(),
            times: 2
        }]
    );
}
