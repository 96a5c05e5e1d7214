//! A fleet as a whole: reproducible, counted exactly, one address a device.

use std::time::Duration;

use rustix::process::{Resource, getrlimit, setrlimit};
use windlass_sim::{Behaviour, DeviceRecord, Failing, Fault, FaultRate, Fleet, FleetSpec, When};

use crate::support::{Client, address, head, push};

const RELEASE: &[u8] = b"the bytes of release 2.3.0";

fn flaky(count: usize, seed: u64) -> Fleet {
    let rate = |code, when, share| FaultRate {
        failing: Failing {
            fault: Fault::status(code),
            when,
        },
        share,
    };
    Fleet::start(FleetSpec {
        count,
        seed,
        faults: vec![
            rate(500, When::Chance(0.5), 0.4),
            rate(403, When::Always, 0.2),
        ],
        offline_share: 0.2,
        versions: vec!["1.9.0".to_owned(), "2.2.0".to_owned()],
        ..FleetSpec::default()
    })
    .expect("a fleet")
}

/// What every device answers to three pushes; `None` is a connection turned away.
async fn observe(fleet: &Fleet, order: impl Iterator<Item = usize>) -> Vec<[Option<u16>; 3]> {
    let mut seen = Vec::new();
    for index in order {
        let mut answers = [None; 3];
        for answer in &mut answers {
            *answer = push(fleet, index, RELEASE, "")
                .await
                .ok()
                .map(|answer| answer.status);
        }
        seen.push((index, answers));
    }
    seen.sort_unstable_by_key(|(index, _)| *index);
    seen.into_iter().map(|(_, answers)| answers).collect()
}

fn without_ports(fleet: &Fleet, count: usize) -> Vec<DeviceRecord> {
    let records = fleet.devices().take(count).map(|mut record| {
        let (address, _port) = record.address.rsplit_once(':').expect("a port");
        record.address = address.to_owned();
        record
    });
    records.collect()
}

/// The same seed gives the same devices, whatever the order of requests and the size of
/// the fleet; another seed gives others.
#[tokio::test]
async fn behaviour_follows_from_the_seed_and_the_index_alone() {
    let (first, larger, other) = (flaky(40, 7), flaky(60, 7), flaky(40, 8));
    assert_eq!(without_ports(&first, 40), without_ports(&larger, 40));
    assert_ne!(without_ports(&first, 40), without_ports(&other, 40));

    let seen = observe(&first, 0..40).await;
    assert_eq!(seen, observe(&larger, (0..40).rev()).await);
    assert_ne!(seen, observe(&other, 0..40).await);
    for answer in [None, Some(200), Some(403), Some(500)] {
        assert!(
            seen.iter().flatten().any(|seen| *seen == answer),
            "{answer:?}"
        );
    }
}

/// Design §6, "the concurrency cap is exact": the instrument that proves it must be so.
#[tokio::test]
async fn the_peak_of_concurrent_pushes_is_exact() {
    let fleet = Fleet::start(FleetSpec {
        count: 7,
        ..FleetSpec::default()
    })
    .expect("a fleet");
    for round in 1..=20 {
        let mut clients = Vec::new();
        for index in 0..7 {
            let mut client = Client::to(&fleet, index).await.expect("connects");
            let head = head(RELEASE.len(), "");
            client.send(head.as_bytes()).await.expect("sends");
            clients.push(client);
        }
        fleet.until(|now| now.in_flight == 7).await;
        // From here a new push begins only after an answer was read.
        for client in &mut clients {
            client.send(RELEASE).await.expect("sends");
            assert_eq!(client.answer().await.expect("answers").status, 200);
            assert_eq!(client.push(RELEASE, "").await.expect("answers").status, 200);
        }
        assert_eq!(fleet.counts().begun, round * 14);
    }
    let report = fleet.stop().await;
    assert_eq!(report.totals.peak_pushes, 7);
    assert!(report.devices.iter().all(|device| device.peak_pushes == 1));
}

/// One listener, an address for each device, and idle connections do not pile up.
#[tokio::test]
async fn two_thousand_devices_have_an_address_each() {
    const COUNT: usize = 2_000;
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("raised to the hard limit");

    let fleet = Fleet::start(FleetSpec {
        count: COUNT,
        ..FleetSpec::default()
    })
    .expect("a fleet");
    let mut file = Vec::new();
    fleet.export(&mut file).expect("written");
    let records: Vec<DeviceRecord> = serde_json::from_slice(&file).expect("the device file");
    assert!(records[0].address.starts_with("http://127.1.0.1:"));
    assert!(
        records[COUNT - 1]
            .address
            .starts_with("http://127.1.7.208:")
    );

    let mut clients = Vec::new();
    for record in &records {
        let mut client = Client::connect(&record.address).await.expect("connects");
        let version = client.get("/version").await.expect("answers").json();
        assert_eq!(version["device_id"], record.id);
        clients.push(client);
    }
    let mut newest = clients.pop().expect("a client");
    let oldest = clients.swap_remove(0);
    oldest.closed().await;
    assert_eq!(newest.get("/health").await.expect("answers").status, 200);

    let port = records[0].address.rsplit_once(':').expect("a port").1;
    for nobody in ["127.0.0.1", "127.1.7.209"] {
        let stray = Client::connect(&format!("http://{nobody}:{port}")).await;
        stray.expect("the listener is there").closed().await;
    }
    let report = fleet.stop().await;
    assert_eq!(report.totals.strays, 2);
    assert!(report.devices.iter().all(|device| device.connections == 1));
    assert!(report.totals.peak_connections < COUNT as u64);
}

/// Dropping the fleet ends every connection, also those in the middle of a request.
#[tokio::test]
async fn a_dropped_fleet_answers_no_more() {
    let latency = Duration::from_secs(3_600);
    let fleet = Fleet::start(FleetSpec {
        default: Behaviour {
            latency: latency..=latency,
            ..Behaviour::default()
        },
        ..FleetSpec::default()
    })
    .expect("a fleet");
    let address = address(&fleet, 0);
    let mut client = Client::connect(&address).await.expect("connects");
    let head = head(RELEASE.len(), "");
    client.send(head.as_bytes()).await.expect("sends");
    client.send(RELEASE).await.expect("sends");
    fleet.until(|now| now.installed == 1).await;
    drop(fleet);
    client.closed().await;
    while Client::connect(&address).await.is_ok() {
        tokio::task::yield_now().await;
    }
}
