//! Resumable uploads, byte by byte on the wire.

use std::collections::BTreeMap;

use windlass_model::AttemptId;
use windlass_sim::{Behaviour, Fault, Fleet, FleetSpec, PushEnd, When};

use crate::support::{Answer, Client, repr_digest, sha256};

const RELEASE: &[u8] = b"the bytes of release 2.3.0";

fn one(behaviour: Behaviour) -> Fleet {
    Fleet::start(FleetSpec {
        overrides: BTreeMap::from([(0, behaviour)]),
        ..FleetSpec::default()
    })
    .expect("a fleet of one")
}

fn attempt(number: u32) -> AttemptId {
    AttemptId(number.try_into().expect("not 0"))
}

async fn client(fleet: &Fleet) -> Client {
    Client::to(fleet, 0).await.expect("connects")
}

/// Creates an upload of the release and gives its path.
async fn create(fleet: &Fleet, digest_of: &[u8]) -> String {
    let headers = format!(
        "upload-complete: ?0\r\nupload-length: {}\r\nx-release-version: 2.3.0\r\n{}",
        RELEASE.len(),
        repr_digest(digest_of)
    );
    let mut client = client(fleet).await;
    let answer = client.request("POST /update", &headers, b"").await;
    let answer = answer.expect("answers");
    assert_eq!(answer.status, 201);
    answer.header("location").expect("a location").to_owned()
}

fn append_headers(offset: usize, complete: &str, attempt: u32) -> String {
    format!(
        "upload-offset: {offset}\r\nupload-complete: {complete}\r\n\
         content-type: application/partial-upload\r\nx-attempt-id: {attempt}\r\n"
    )
}

async fn ask(fleet: &Fleet, request: String, headers: &str, body: &[u8]) -> Answer {
    let mut client = client(fleet).await;
    let answer = client.request(&request, headers, body).await;
    answer.expect("answers")
}

async fn append(fleet: &Fleet, upload: &str, offset: usize, complete: &str, body: &[u8]) -> Answer {
    let headers = append_headers(offset, complete, 9);
    ask(fleet, format!("PATCH {upload}"), &headers, body).await
}

/// Begins to append a release of `length` bytes, and gives the connection that they go to.
async fn begin(fleet: &Fleet, upload: &str, length: u64) -> Client {
    let mut client = client(fleet).await;
    let headers = append_headers(0, "?1", 1);
    let head =
        format!("PATCH {upload} HTTP/1.1\r\nhost: d\r\ncontent-length: {length}\r\n{headers}\r\n");
    client.send(head.as_bytes()).await.expect("sends");
    client
}

async fn look(fleet: &Fleet, upload: &str) -> Answer {
    ask(fleet, format!("HEAD {upload}"), "", b"").await
}

/// GO-69, GO-175: what came before a cut is kept, so that the sum of all bytes is the size.
#[tokio::test]
async fn an_upload_goes_on_after_a_cut() {
    let fleet = one(Behaviour::failing(Fault::Cut { after: 10 }, When::First(1)));
    let upload = create(&fleet, RELEASE).await;
    let mut cut = begin(&fleet, &upload, RELEASE.len() as u64).await;
    cut.send(&RELEASE[..10]).await.expect("sends");
    cut.closed().await;

    let state = look(&fleet, &upload).await;
    assert_eq!(state.status, 204);
    assert_eq!(state.header("upload-offset"), Some("10"));
    assert_eq!(state.header("upload-complete"), Some("?0"));
    assert_eq!(state.header("upload-length"), Some("26"));
    let headers = append_headers(10, "?1", 2);
    let answer = ask(&fleet, format!("PATCH {upload}"), &headers, &RELEASE[10..]).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("upload-complete"), Some("?1"));
    assert_eq!(answer.json()["size"], 26);
    let version = client(&fleet).await.get("/version").await.expect("answers");
    assert_eq!(version.json()["version"], "2.3.0");
    let state = look(&fleet, &upload).await;
    assert_eq!(state.header("upload-complete"), Some("?1"));

    let report = fleet.stop().await;
    assert_eq!(report.exactly_once(sha256(RELEASE)), []);
    assert_eq!(report.no_version_twice(), []);
    let device = &report.devices[0];
    assert_eq!(device.bytes, RELEASE.len() as u64);
    assert_eq!((device.begun, device.cut, device.completed), (2, 1, 1));
    assert_eq!(device.bytes_of(attempt(1)), 10);
    assert_eq!(device.bytes_of(attempt(2)), 16);
    let [first, second] = &device.pushes[..] else {
        panic!("two pushes, not {:?}", device.pushes);
    };
    assert_eq!(
        (first.end, first.offset, first.installed),
        (PushEnd::Cut, 0, false)
    );
    assert_eq!((second.end, second.offset), (PushEnd::Completed, 10));
    assert_eq!(second.version.as_deref(), Some("2.3.0"));
    assert_eq!(second.sha256, Some(sha256(RELEASE)));
    assert!(second.installed && second.ended.is_some());
}

#[tokio::test]
async fn bytes_of_a_sender_that_vanished_are_kept() {
    let fleet = one(Behaviour::default());
    let upload = create(&fleet, RELEASE).await;
    let mut client = begin(&fleet, &upload, RELEASE.len() as u64).await;
    client.send(&RELEASE[..7]).await.expect("sends");
    while fleet.report().devices[0].bytes < 7 {
        tokio::task::yield_now().await;
    }
    drop(client);
    fleet.until(|now| now.aborted == 1).await;
    let state = look(&fleet, &upload).await;
    assert_eq!(state.header("upload-offset"), Some("7"));
}

/// The draft, "Concurrency": who asks for the offset may rely on it, so an older request
/// that still sends has lost its turn.
#[tokio::test]
async fn asking_for_the_offset_ends_an_older_request() {
    let fleet = one(Behaviour::default());
    let upload = create(&fleet, RELEASE).await;
    let mut older = begin(&fleet, &upload, RELEASE.len() as u64).await;
    older.send(&RELEASE[..7]).await.expect("sends");
    while fleet.report().devices[0].bytes < 7 {
        tokio::task::yield_now().await;
    }
    let state = look(&fleet, &upload).await;
    assert_eq!(state.header("upload-offset"), Some("7"));
    older.closed().await;
    let answer = append(&fleet, &upload, 7, "?1", &RELEASE[7..]).await;
    assert_eq!(answer.status, 200);
}

/// What an older request still brings once it has lost its turn, the device has not received: the
/// offset that it told is all that counts.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_the_turn_was_lost_does_not_count() {
    // It must not end before the offset is asked for, however busy the machine is.
    const BODY: u64 = 1 << 40;
    let fleet = one(Behaviour::default());
    let mut told = 0;
    for _ in 0..20 {
        let upload = create(&fleet, RELEASE).await;
        let mut older = begin(&fleet, &upload, BODY).await;
        let pours = tokio::spawn(async move {
            let chunk = vec![0; 1 << 16];
            while older.send(&chunk).await.is_ok() {}
        });
        while fleet.report().devices[0].bytes == told {
            tokio::task::yield_now().await;
        }
        let state = look(&fleet, &upload).await;
        let offset = state.header("upload-offset").expect("an offset");
        told += offset.parse::<u64>().expect("a number");
        pours.await.expect("it ends when the device hangs up");
        fleet.until(|now| now.in_flight == 0).await;
        assert_eq!(fleet.report().devices[0].bytes, told);
    }
}

#[tokio::test]
async fn a_release_comes_in_parts() {
    let fleet = one(Behaviour::default());
    let upload = create(&fleet, RELEASE).await;
    let part = append(&fleet, &upload, 0, "?0", &RELEASE[..20]).await;
    assert_eq!(
        (part.status, part.header("upload-complete")),
        (204, Some("?0"))
    );
    let elsewhere = append(&fleet, &upload, 19, "?1", &RELEASE[19..]).await;
    assert_eq!(
        (elsewhere.status, elsewhere.header("upload-offset")),
        (409, Some("20"))
    );
    assert_eq!(
        append(&fleet, &upload, 20, "?1", &RELEASE[20..])
            .await
            .status,
        200
    );
    assert_eq!(append(&fleet, &upload, 26, "?1", b"").await.status, 400);

    let report = fleet.stop().await;
    assert_eq!(report.devices[0].bytes, 26);
    assert_eq!(report.devices[0].pushes[0].end, PushEnd::Part);
    assert_eq!(
        report.devices[0].attempts,
        [attempt(9)],
        "one push of one attempt"
    );
    assert_eq!(report.exactly_once(sha256(RELEASE)), []);
}

#[tokio::test]
async fn uploads_that_make_no_sense_are_refused() {
    let fleet = one(Behaviour::default());
    assert_eq!(look(&fleet, "/uploads/1").await.status, 404);
    assert_eq!(look(&fleet, "/uploads/x").await.status, 404);

    let short = create(&fleet, RELEASE).await;
    assert_eq!(
        append(&fleet, &short, 0, "?1", &RELEASE[..20]).await.status,
        400
    );
    assert_eq!(look(&fleet, &short).await.status, 404);
    let given_up = create(&fleet, RELEASE).await;
    let deleted = ask(&fleet, format!("DELETE {given_up}"), "", b"").await;
    assert_eq!(deleted.status, 204);
    assert_eq!(look(&fleet, &given_up).await.status, 404);

    let wrong = create(&fleet, b"another release").await;
    let answer = append(&fleet, &wrong, 0, "?1", RELEASE).await;
    assert_eq!(
        (answer.status, answer.header("upload-complete")),
        (422, Some("?1"))
    );
    assert_eq!(fleet.stop().await.totals.installed, 0);
}
