//! What a faultless device answers and records.

use windlass_model::AttemptId;
use windlass_sim::{Fleet, FleetSpec, Inspect, Violation};

use crate::support::{Client, head, push, repr_digest, sha256, version};

const RELEASE: &[u8] = b"the bytes of release 2.3.0";

fn one() -> Fleet {
    Fleet::start(FleetSpec::default()).expect("a fleet of one")
}

/// GX-39, GO-156: the three endpoints, over one kept connection.
#[tokio::test]
async fn a_device_takes_a_release_and_reports_its_version() {
    let fleet = one();
    let mut client = Client::to(&fleet, 0).await.expect("connects");
    let before = client.get("/version").await.expect("answers").json();
    assert_eq!(before["version"], "2.2.0");
    assert_eq!(before["device_id"], "device-00000");
    assert_eq!(before["device_name"], "Device 0");
    assert!(
        before["updated_at"]
            .as_str()
            .is_some_and(|at| at.ends_with('Z'))
    );

    let headers = format!(
        "{}x-release-version: 2.3.0\r\nx-attempt-id: 17\r\n",
        repr_digest(RELEASE)
    );
    let answer = client.push(RELEASE, &headers).await.expect("answers");
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.body,
        "{\"success\":true,\"message\":\"Update installed successfully\",\"size\":26}\n"
    );
    let after = client.get("/version").await.expect("answers").json();
    assert_eq!(after["version"], "2.3.0");
    let health = client.get("/health").await.expect("answers");
    assert_eq!((health.status, health.body.as_str()), (200, "OK"));
    assert_eq!(client.get("/update").await.expect("answers").status, 405);
    assert_eq!(client.get("/nothing").await.expect("answers").status, 404);

    let sample = fleet.last_push(0).expect("pushed to");
    assert_eq!(sample.header("x-attempt-id"), Some("17"));
    let report = fleet.stop().await;
    assert_eq!(report.exactly_once(sha256(RELEASE)), []);
    let device = &report.devices[0];
    assert_eq!(device.bytes, RELEASE.len() as u64);
    assert_eq!(device.last_right, Some(true));
    assert_eq!(device.versions, ["2.2.0", "2.3.0"]);
    assert_eq!(device.attempts, [AttemptId(17.try_into().expect("not 0"))]);
    assert_eq!((device.connections, device.requests), (1, 6));
    let totals = &report.totals;
    assert_eq!(
        (totals.begun, totals.completed, totals.installed),
        (1, 1, 1)
    );
}

#[tokio::test]
async fn without_a_header_the_first_ten_bytes_are_the_version() {
    let fleet = one();
    push(&fleet, 0, b"2.4.0-rc.1 and more", "")
        .await
        .expect("answers");
    let answer = version(&fleet, 0).await.expect("answers");
    assert_eq!(answer.json()["version"], "2.4.0-rc.1");
}

/// Neither a short body with `Content-Length` nor a chunked one without its last chunk
/// counts as a push that came; a chunked one with it does.
#[tokio::test]
async fn only_a_whole_body_is_installed() {
    let fleet = one();
    for part in [
        head(100, ""),
        "POST /update HTTP/1.1\r\nhost: d\r\ntransfer-encoding: chunked\r\n\r\n5\r\n".to_owned(),
    ] {
        let begun = fleet.counts().begun;
        let mut client = Client::to(&fleet, 0).await.expect("connects");
        client.send(part.as_bytes()).await.expect("sends");
        client.send(b"bytes").await.expect("sends");
        fleet
            .until(|now| now.begun > begun && now.in_flight == 1)
            .await;
        drop(client);
        fleet.until(|now| now.in_flight == 0).await;
    }
    let mut client = Client::to(&fleet, 0).await.expect("connects");
    let chunked = "PUT /update HTTP/1.1\r\nhost: d\r\ntransfer-encoding: chunked\r\n\r\n\
                   b\r\nhello world\r\n0\r\n\r\n";
    client.send(chunked.as_bytes()).await.expect("sends");
    assert_eq!(client.answer().await.expect("answers").status, 200);

    let report = fleet.stop().await;
    assert_eq!(report.totals.aborted, 2);
    assert_eq!((report.totals.completed, report.totals.installed), (1, 1));
    assert_eq!(report.totals.bytes, 5 + 5 + 11);
}

#[tokio::test]
async fn wrong_bytes_are_refused_and_remembered() {
    let fleet = Fleet::start(FleetSpec {
        count: 2,
        expected: Some(sha256(RELEASE)),
        ..FleetSpec::default()
    })
    .expect("a fleet");
    let other = b"not the release";
    let answer = push(&fleet, 0, other, "").await.expect("answers");
    assert_eq!(answer.status, 422, "it is not the expected release");
    let answer = push(&fleet, 0, RELEASE, &repr_digest(other)).await;
    assert_eq!(
        answer.expect("answers").status,
        422,
        "it is not the announced one"
    );
    let answer = push(&fleet, 0, RELEASE, "repr-digest: sha-256=nonsense\r\n").await;
    assert_eq!(answer.expect("answers").status, 400);

    for _ in 0..2 {
        let answer = push(&fleet, 1, RELEASE, "x-attempt-id: 5\r\n").await;
        assert_eq!(answer.expect("answers").status, 200);
    }
    let report = fleet.stop().await;
    assert_eq!(report.totals.wrong_bytes, 2);
    let (first, second) = ("device-00000".to_owned(), "device-00001".to_owned());
    assert_eq!(
        report.exactly_once(sha256(RELEASE)),
        [
            Violation::WrongBytes {
                device: first,
                times: 2
            },
            Violation::UpdatedAgain {
                device: second.clone(),
                times: 2
            },
            Violation::AttemptRepeated {
                device: second,
                attempt: AttemptId(5.try_into().expect("not 0")),
                times: 2
            },
        ]
    );
}

#[tokio::test]
async fn a_fleet_that_only_counts_cannot_claim_that_bytes_are_right() {
    let fleet = Fleet::start(FleetSpec {
        inspect: Inspect::Count,
        ..FleetSpec::default()
    })
    .expect("a fleet");
    let answer = push(&fleet, 0, RELEASE, &repr_digest(b"other")).await;
    assert_eq!(answer.expect("answers").status, 200);
    let report = fleet.stop().await;
    assert_eq!(report.totals.bytes, RELEASE.len() as u64);
    assert_eq!(report.devices[0].last_sha256, None);
    let device = "device-00000".to_owned();
    assert_eq!(
        report.exactly_once(sha256(RELEASE)),
        [Violation::Unhashed { device }]
    );
}
