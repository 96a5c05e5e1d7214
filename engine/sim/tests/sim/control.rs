//! A fleet that is watched and controlled from outside.

use std::net::Ipv4Addr;

use windlass_model::Connectivity;
use windlass_sim::{
    Addressing, Behaviour, Choice, ChoiceError, DeviceRecord, Fleet, FleetSpec, Offline, PushEnd,
    Report,
};

use crate::support::{Answer, Client, address, head, push};

const RELEASE: &[u8] = b"the bytes of release 2.3.0";

fn offline(count: usize, addressing: Addressing) -> Fleet {
    Fleet::start(FleetSpec {
        count,
        addressing,
        default: Behaviour {
            offline: Some(Offline::default()),
            ..Behaviour::default()
        },
        control: Some((Ipv4Addr::LOCALHOST, 0).into()),
        ..FleetSpec::default()
    })
    .expect("a fleet")
}

async fn ask(fleet: &Fleet, request: &str, body: &str) -> Answer {
    let control = fleet.control_address().expect("there is a listener");
    let mut client = Client::connect(&format!("http://{control}"))
        .await
        .expect("connects");
    let answer = client.request(request, "", body.as_bytes()).await;
    answer.expect("answers")
}

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.body);
    match serde_json::from_str(&answer.body).expect("a choice") {
        Choice::Devices(ids) => ids,
        other => panic!("{other:?}"),
    }
}

/// GO-129, GO-137: devices appear when a test says so, and not at some time.
#[tokio::test]
async fn devices_are_brought_online_and_taken_offline() {
    let ports = Addressing::Ports {
        address: Ipv4Addr::LOCALHOST,
    };
    for addressing in [Addressing::default(), ports] {
        let fleet = offline(3, addressing);
        let body = r#"{"devices": ["device-00001", "device-00002"]}"#;
        assert_eq!(ids(&ask(&fleet, "POST /connect", body).await).len(), 2);
        assert_eq!(ids(&ask(&fleet, "POST /connect", body).await), [""; 0]);
        push(&fleet, 0, RELEASE, "").await.expect_err("offline");
        for index in 1..3 {
            while push(&fleet, index, RELEASE, "").await.is_err() {
                tokio::task::yield_now().await;
            }
        }

        let mut client = Client::to(&fleet, 2).await.expect("connects");
        client.send(head(9, "").as_bytes()).await.expect("sends");
        fleet.until(|now| now.in_flight == 1).await;
        let body = r#"{"devices": ["device-00002"]}"#;
        assert_eq!(
            ids(&ask(&fleet, "POST /disconnect", body).await),
            ["device-00002"]
        );
        client.closed().await;
        fleet.until(|now| now.aborted == 1).await;
        push(&fleet, 2, RELEASE, "").await.expect_err("offline");
        let answer = ask(&fleet, "GET /devices", "").await;
        let devices: Vec<DeviceRecord> = serde_json::from_str(&answer.body).expect("the export");
        let statuses = devices.iter().map(|device| device.status);
        let expected = [
            Connectivity::Offline,
            Connectivity::Online,
            Connectivity::Offline,
        ];
        assert_eq!(statuses.collect::<Vec<_>>(), expected);

        assert_eq!(
            ids(&ask(&fleet, "POST /connect", r#""all""#).await).len(),
            2
        );
        let answer = push(&fleet, 2, RELEASE, "").await.expect("it is back");
        assert_eq!(answer.status, 200);
    }
}

/// A share is of those that it concerns, and drawn by the seed.
#[tokio::test]
async fn a_share_of_the_offline_devices_appears() {
    let fleet = offline(20, Addressing::default());
    let half = Choice::Share(0.5);
    let first = fleet.connect_chosen(&half).expect("connected");
    assert_eq!(first.len(), 10);
    assert_eq!(
        offline(20, Addressing::default()).connect_chosen(&half),
        Ok(first.clone())
    );
    let second = fleet.connect_chosen(&half).expect("connected");
    assert_eq!(second.len(), 5);
    assert!(first.iter().all(|id| !second.contains(id)));
    assert_eq!(
        fleet.disconnect_chosen(&Choice::All).map(|ids| ids.len()),
        Ok(15)
    );
    assert_eq!(
        fleet.connect_chosen(&Choice::Share(1.5)),
        Err(ChoiceError::Share(1.5))
    );
}

#[tokio::test]
async fn the_report_is_there_while_the_fleet_runs() {
    let fleet = offline(2, Addressing::default());
    fleet.connect(0);
    let first = "x-attempt-id: 3\r\nx-release-version: 2.3.0\r\n";
    push(&fleet, 0, RELEASE, first).await.expect("answers");
    let mut client = Client::connect(&address(&fleet, 0))
        .await
        .expect("connects");
    client.send(head(9, "").as_bytes()).await.expect("sends");
    fleet.until(|now| now.in_flight == 1).await;

    let answer = ask(&fleet, "GET /report", "").await;
    let report: Report = serde_json::from_str(&answer.body).expect("a report");
    assert_eq!(report.devices, fleet.report().devices);
    let [whole, under_way] = &report.devices[0].pushes[..] else {
        panic!("two pushes: {report:?}");
    };
    assert_eq!((whole.end, whole.bytes), (PushEnd::Completed, 26));
    assert_eq!(whole.attempt.map(|attempt| attempt.0.get()), Some(3));
    assert_eq!(under_way.end, PushEnd::UnderWay);
    assert!(report.devices[0].online && !report.devices[1].online);
}

#[tokio::test]
async fn what_cannot_be_understood_is_refused() {
    let fleet = offline(1, Addressing::default());
    for (request, body, status) in [
        ("POST /connect", r#"{"devices": ["nobody"]}"#, 404),
        ("POST /connect", r#"{"share": -1}"#, 400),
        ("POST /connect", "", 400),
        ("GET /connect", "", 405),
        ("GET /nothing", "", 404),
    ] {
        let answer = ask(&fleet, request, body).await;
        assert_eq!(answer.status, status, "{request} {body}: {}", answer.body);
    }
    assert!(!fleet.report().devices[0].online);
}
