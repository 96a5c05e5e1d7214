//! Every way a device can misbehave, seen from the sender's end of the socket.

use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use http::StatusCode;
use windlass_model::Connectivity;
use windlass_sim::{
    Addressing, Behaviour, Failing, Fault, Fleet, FleetSpec, Install, Meanwhile, Offline, When,
};

use crate::support::{Client, head, push, version};

const RELEASE: &[u8] = b"the bytes of release 2.3.0";
const NAMED: &str = "x-release-version: 2.3.0\r\n";
const PORTS: Addressing = Addressing::Ports {
    address: std::net::Ipv4Addr::LOCALHOST,
};

fn fleet_of(behaviours: impl IntoIterator<Item = Behaviour>, addressing: Addressing) -> Fleet {
    let overrides: BTreeMap<usize, Behaviour> = behaviours.into_iter().enumerate().collect();
    Fleet::start(FleetSpec {
        count: overrides.len(),
        addressing,
        overrides,
        ..FleetSpec::default()
    })
    .expect("a fleet")
}

fn failing(fault: Fault, when: When) -> Fleet {
    fleet_of([Behaviour::failing(fault, when)], Addressing::default())
}

async fn reported(fleet: &Fleet) -> serde_json::Value {
    let answer = version(fleet, 0).await.expect("answers");
    answer.json()["version"].clone()
}

#[tokio::test]
async fn a_device_fails_the_first_pushes_and_then_succeeds() {
    let fault = Fault::Status {
        code: StatusCode::SERVICE_UNAVAILABLE,
        retry_after: Some(3),
    };
    let fleet = failing(fault, When::First(2));
    for _ in 0..2 {
        let answer = push(&fleet, 0, RELEASE, NAMED).await.expect("answers");
        assert_eq!(answer.status, 503);
        assert_eq!(answer.header("retry-after"), Some("3"));
        assert_eq!(reported(&fleet).await, "2.2.0");
    }
    let answer = push(&fleet, 0, RELEASE, NAMED).await.expect("answers");
    assert_eq!(answer.status, 200);
    assert_eq!(reported(&fleet).await, "2.3.0");
    let totals = fleet.stop().await.totals;
    assert_eq!((totals.completed, totals.installed), (3, 1));
}

#[tokio::test]
async fn a_device_rejects_every_push() {
    let fleet = failing(Fault::status(403), When::Always);
    for _ in 0..3 {
        let answer = push(&fleet, 0, RELEASE, NAMED).await.expect("answers");
        assert_eq!(answer.status, 403);
    }
    assert_eq!(fleet.stop().await.totals.installed, 0);
}

#[tokio::test]
async fn a_device_cuts_the_connection_in_the_middle_of_the_body() {
    let fleet = failing(Fault::Cut { after: 10 }, When::First(1));
    let mut client = Client::to(&fleet, 0).await.expect("connects");
    client
        .send(head(1_000, "").as_bytes())
        .await
        .expect("sends");
    client.send(&[0; 20]).await.expect("sends");
    client.closed().await;
    let answer = push(&fleet, 0, RELEASE, NAMED).await.expect("answers");
    assert_eq!(answer.status, 200);
    let totals = fleet.stop().await.totals;
    assert_eq!((totals.cut, totals.completed, totals.aborted), (1, 1, 0));
}

/// The sender gives up, and the device notices.
#[tokio::test]
async fn a_device_hangs_and_one_swallows() {
    for (fault, version) in [(Fault::Hang, "2.2.0"), (Fault::Swallow, "2.3.0")] {
        let fleet = failing(fault, When::Always);
        let mut client = Client::to(&fleet, 0).await.expect("connects");
        let head = head(RELEASE.len(), NAMED);
        client.send(head.as_bytes()).await.expect("sends");
        client.send(RELEASE).await.expect("sends");
        fleet.until(|now| now.completed == 1).await;
        assert_eq!(reported(&fleet).await, version);
        assert_eq!(fleet.counts().in_flight, 1);
        drop(client);
        fleet.until(|now| now.in_flight == 0).await;
        assert_eq!(fleet.stop().await.totals.aborted, 0);
    }
}

#[tokio::test]
async fn a_device_answers_success_and_keeps_its_version() {
    let fleet = failing(Fault::KeepVersion, When::First(1));
    for version in ["2.2.0", "2.3.0"] {
        let answer = push(&fleet, 0, RELEASE, NAMED).await.expect("answers");
        assert_eq!(answer.status, 200);
        assert_eq!(reported(&fleet).await, version);
    }
    assert_eq!(fleet.stop().await.totals.installed, 1);
}

#[tokio::test]
async fn a_device_garbles_its_version_report() {
    let fleet = failing(Fault::GarbledReport, When::First(1));
    push(&fleet, 0, RELEASE, NAMED).await.expect("answers");
    let answer = version(&fleet, 0).await.expect("answers");
    assert_eq!(answer.status, 200);
    serde_json::from_str::<serde_json::Value>(&answer.body).expect_err("not JSON");
    push(&fleet, 0, RELEASE, NAMED).await.expect("answers");
    assert_eq!(reported(&fleet).await, "2.3.0");
}

#[tokio::test]
async fn an_install_takes_its_time() {
    let takes = Duration::from_secs(3_600);
    let slow = |meanwhile| Behaviour {
        install: Install { takes, meanwhile },
        ..Behaviour::default()
    };
    let behaviours = [slow(Meanwhile::OldVersion), slow(Meanwhile::Unavailable)];
    let fleet = fleet_of(behaviours, Addressing::default());
    for index in 0..2 {
        let answer = push(&fleet, index, RELEASE, NAMED).await.expect("answers");
        assert_eq!(answer.status, 200);
    }
    assert_eq!(reported(&fleet).await, "2.2.0");
    let busy = version(&fleet, 1).await.expect("answers");
    assert_eq!((busy.status, busy.header("retry-after")), (503, Some("1")));

    let brief = Install {
        takes: Duration::from_millis(5),
        meanwhile: Meanwhile::OldVersion,
    };
    let behaviour = Behaviour {
        install: brief,
        ..Behaviour::default()
    };
    let fleet = fleet_of([behaviour], Addressing::default());
    push(&fleet, 0, RELEASE, NAMED).await.expect("answers");
    while reported(&fleet).await != "2.3.0" {
        tokio::task::yield_now().await;
    }
}

/// On a shared listener a refusal is a reset; on a port of its own nobody listens.
#[tokio::test]
async fn a_device_refuses_connections() {
    let shared = failing(Fault::Refuse, When::First(2));
    for _ in 0..2 {
        push(&shared, 0, RELEASE, NAMED).await.expect_err("reset");
    }
    let answer = push(&shared, 0, RELEASE, NAMED).await.expect("answers");
    assert_eq!(answer.status, 200);
    let totals = shared.stop().await.totals;
    assert_eq!(
        (totals.refused, totals.connections, totals.begun),
        (2, 3, 1)
    );

    let own = fleet_of([Behaviour::failing(Fault::Refuse, When::Always)], PORTS);
    let refused = Client::to(&own, 0).await.err().expect("refused");
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn an_offline_device_is_reached_once_it_connects() {
    for addressing in [Addressing::default(), PORTS] {
        let offline = |comes_online_after| Behaviour {
            offline: Some(Offline { comes_online_after }),
            ..Behaviour::default()
        };
        let soon = Some(Duration::from_millis(20));
        let fleet = fleet_of([offline(None), offline(soon)], addressing);
        let status = |index| fleet.devices().nth(index).expect("a device").status;
        assert_eq!(status(0), Connectivity::Offline);
        push(&fleet, 0, RELEASE, NAMED).await.expect_err("offline");
        fleet.connect(0);
        assert_eq!(status(0), Connectivity::Online);
        for index in 0..2 {
            while push(&fleet, index, RELEASE, NAMED).await.is_err() {
                tokio::task::yield_now().await;
            }
        }
        assert_eq!(fleet.stop().await.totals.installed, 2);
    }
}

/// The floor follows from what was asked for; how much longer it takes is the machine's.
#[tokio::test]
async fn a_slow_device_takes_at_least_as_long_as_it_says() {
    let latency = Duration::from_millis(60);
    let behaviour = Behaviour {
        latency: latency..=latency,
        bandwidth: NonZeroU64::new(1_000_000),
        ..Behaviour::default()
    };
    let fleet = fleet_of([behaviour], Addressing::default());
    let began = Instant::now();
    let answer = push(&fleet, 0, &[7; 200_000], NAMED)
        .await
        .expect("answers");
    assert_eq!(answer.status, 200);
    assert!(began.elapsed() >= Duration::from_millis(200) + latency);
}

#[tokio::test]
async fn specifications_that_make_no_sense_are_refused() {
    let rate = |share| windlass_sim::FaultRate {
        failing: Failing {
            fault: Fault::Hang,
            when: When::Always,
        },
        share,
    };
    let sense = |spec: FleetSpec| match Fleet::start(spec) {
        Ok(_) => panic!("it started"),
        Err(error) => error.to_string(),
    };
    let faults = vec![rate(0.7), rate(0.7)];
    let error = sense(FleetSpec {
        faults,
        ..FleetSpec::default()
    });
    assert!(error.contains("more than all devices"), "{error}");
    let overrides = BTreeMap::from([(1, Behaviour::default())]);
    let error = sense(FleetSpec {
        overrides,
        ..FleetSpec::default()
    });
    assert!(error.contains("names device 1"), "{error}");
}
