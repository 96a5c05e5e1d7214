//! A broken sender never looks finished (design §4).

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;
use windlass_host::{DeliveryOptions, Host, HostConfig, Job, JobObserver, Limits, PayloadSource};
use windlass_model::{
    AssignmentId, AttemptId, AttemptOutcome, Connectivity, Device, DeviceId, FailureKind,
    PluginName, Release,
};
use windlass_runtime::payload::PinnedFile;
use windlass_sim::FleetSpec;

use crate::support::{Bench, build_guest, repository, shared_cache};

const TRAPS: u32 = 1_000;
const PAYLOAD: usize = 40_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_traps_in_chunked_bodies_complete_no_request() {
    a_thousand_traps_complete_no_request(true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_traps_in_bodies_with_a_length_complete_no_request() {
    a_thousand_traps_complete_no_request(false).await;
}

async fn a_thousand_traps_complete_no_request(chunked: bool) {
    let component = build_guest(
        &repository().join("tests/guests/trapping-delivery"),
        "trapping-delivery",
    );
    let bench = Bench::new(
        FleetSpec {
            count: 10,
            ..FleetSpec::default()
        },
        PAYLOAD,
    );
    let concurrency = NonZeroUsize::new(8).expect("not zero");
    let host = Host::start(HostConfig {
        concurrency,
        cache_dir: Some(shared_cache()),
        limits: Limits::default(),
    })
    .expect("the host starts");
    let bytes = std::fs::read(component).expect("it was built");
    let plugin = host
        .load(PluginName::new("trapping"), bytes.into())
        .await
        .expect("it is a plugin");
    let settings = serde_json::json!({ "chunked": chunked });
    let delivery = plugin
        .delivery(&settings, DeliveryOptions::default())
        .await
        .expect("it opens");
    let payload: Arc<dyn PayloadSource> = Arc::new(
        PinnedFile::open(
            &bench.path("app.img"),
            Some(bench.payload),
            "application/octet-stream",
        )
        .expect("it is there"),
    );
    let devices: Vec<_> = bench
        .fleet
        .devices()
        .map(|record| Arc::new(device(&record.id, &record.address)))
        .collect();
    let delivery = Arc::new(delivery);

    let mut pushes = tokio::task::JoinSet::new();
    for attempt in 1..=TRAPS {
        let device = Arc::clone(&devices[attempt as usize % devices.len()]);
        let (delivery, payload) = (Arc::clone(&delivery), Arc::clone(&payload));
        let job = job(device, payload.as_ref(), attempt);
        pushes.spawn(async move { delivery.push(job, payload).await });
        if pushes.len() == concurrency.get() {
            trapped(pushes.join_next().await);
        }
    }
    while let Some(push) = pushes.join_next().await {
        trapped(Some(push));
    }

    let report = bench.fleet.stop().await;
    assert_eq!(report.totals.completed, 0, "no broken body looked finished");
    assert_eq!(report.totals.installed, 0);
    assert!(
        report.totals.begun >= u64::from(TRAPS) / 10,
        "requests did reach the devices: {:?}",
        report.totals
    );
}

fn trapped(push: Option<Result<windlass_host::PushEnd, tokio::task::JoinError>>) {
    let end = push
        .expect("one is running")
        .expect("the host does not panic");
    match end.outcome {
        AttemptOutcome::Failed(failure) => {
            assert_eq!(failure.kind, FailureKind::Plugin, "{failure:?}")
        }
        other => panic!("a trap is a failure, not {other:?}"),
    }
}

fn device(id: &str, address: &str) -> Device {
    Device {
        id: DeviceId::new(id),
        name: id.into(),
        address: address.into(),
        kind: None,
        version: None,
        status: Connectivity::Online,
        location: None,
        timezone: None,
        tags: Vec::new(),
        attributes: std::collections::BTreeMap::new(),
        last_seen: None,
    }
}

fn job(device: Arc<Device>, payload: &dyn PayloadSource, attempt: u32) -> Job {
    Job {
        device,
        release: Arc::new(Release {
            name: "app".into(),
            version: "9.0.0".into(),
            size: payload.size(),
            sha256: payload.sha256(),
            media_type: payload.media_type().into(),
        }),
        assignment: AssignmentId(i64::from(attempt)),
        attempt: AttemptId(attempt.try_into().expect("attempts count from 1")),
        number: 1,
        checkpoint: None,
        idle: Duration::from_secs(10),
        deadline: Duration::from_secs(60),
        cancel: CancellationToken::new(),
        observer: Arc::new(Nobody),
        throttles: Vec::new(),
    }
}

struct Nobody;

impl JobObserver for Nobody {
    fn progress(&self, _bytes: u64) {}

    fn checkpoint(&self, _data: Vec<u8>) {}
}
