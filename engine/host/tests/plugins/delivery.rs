use std::{
    num::NonZeroU32,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::Response;
use serde_json::json;
use sha2::Digest;
use tokio::{net::TcpListener, sync::mpsc};
use tokio_util::sync::CancellationToken;
use windlass_host::{
    Delivery, DeliveryOptions, Host, Job, JobObserver, PayloadSource, PushEnd, SourceError,
};
use windlass_model::{AssignmentId, AttemptId, AttemptOutcome, FailureKind, Release, Sha256};

use crate::support::{Payload, builtin, device, device_that, host, host_with};

/// What a device saw of one request.
enum Seen {
    Whole {
        headers: http::HeaderMap,
        sha256: Sha256,
    },
    Broken,
}

/// A device that takes every upload and tells of it.
async fn device_server(status: u16) -> (String, mpsc::UnboundedReceiver<Seen>) {
    let (tell, seen) = mpsc::unbounded_channel();
    let address = device_that(move |request| {
        let tell = tell.clone();
        async move {
            let (parts, body) = request.into_parts();
            let event = match body.collect().await {
                Ok(body) => Seen::Whole {
                    headers: parts.headers,
                    sha256: Sha256(sha2::Sha256::digest(body.to_bytes()).into()),
                },
                Err(_) => Seen::Broken,
            };
            // A test that has seen enough does not listen any more.
            let _ = tell.send(event);
            Response::builder()
                .status(status)
                .body(Full::new(Bytes::from_static(b"noted")))
        }
    })
    .await;
    (address, seen)
}

#[derive(Default)]
struct Watch(Mutex<u64>);

impl JobObserver for Watch {
    fn progress(&self, bytes: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = bytes;
    }

    fn checkpoint(&self, _data: Vec<u8>) {}
}

async fn delivery(host: &Host) -> Delivery {
    builtin(host, "delivery-http")
        .await
        .delivery(
            &json!({ "allow_plain_http": true }),
            DeliveryOptions::default(),
        )
        .await
        .expect("it accepts empty settings")
}

pub(crate) fn job(address: &str, source: &dyn PayloadSource) -> Job {
    Job {
        device: Arc::new(device("d1", address)),
        release: Arc::new(Release {
            name: "app".to_owned(),
            version: "2.0.0".to_owned(),
            size: source.size(),
            sha256: source.sha256(),
            media_type: source.media_type().to_owned(),
        }),
        assignment: AssignmentId(1),
        attempt: AttemptId(NonZeroU32::MIN),
        number: 1,
        checkpoint: None,
        idle: Duration::from_secs(30),
        deadline: Duration::from_secs(60),
        cancel: CancellationToken::new(),
        observer: Arc::new(Watch::default()),
        throttles: Vec::new(),
    }
}

#[tokio::test]
async fn a_push_sends_exactly_the_payload_and_counts_it() {
    let (address, mut seen) = device_server(200).await;
    let host = host();
    let delivery = delivery(&host).await;
    let payload = Payload::of(3 * 1024 * 1024 + 17);
    // More jobs than one, so that the second is served by a used instance.
    for _ in 0..3 {
        let end = delivery
            .push(job(&address, &*payload), payload.clone())
            .await;
        assert_eq!(
            end,
            PushEnd {
                outcome: AttemptOutcome::Delivered,
                bytes_sent: payload.size(),
                reached: payload.size(),
            }
        );
        let Some(Seen::Whole { headers, sha256 }) = seen.recv().await else {
            panic!("the device takes the whole payload");
        };
        assert_eq!(sha256, payload.sha256());
        assert_eq!(headers["content-length"], payload.size().to_string());
        assert_eq!(headers["x-attempt-id"], "1");
    }
}

#[tokio::test]
async fn many_pushes_wait_for_a_place_and_none_fails() {
    let (address, _seen) = device_server(200).await;
    let host = host_with(2, Default::default());
    let delivery = delivery(&host).await;
    let payload = Payload::of(100_000);
    let ends = futures_util::future::join_all(
        (0..40).map(|_| delivery.push(job(&address, &*payload), payload.clone())),
    )
    .await;
    assert!(
        ends.iter()
            .all(|end| end.outcome == AttemptOutcome::Delivered)
    );
}

#[tokio::test]
async fn what_the_device_answers_and_what_breaks_become_kinds_of_failure() {
    let host = host();
    let delivery = delivery(&host).await;
    let payload = Payload::of(1000);
    let (unwilling, _seen) = device_server(503).await;
    let nobody = {
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a port is free");
        format!("http://{}", listener.local_addr().expect("it is bound"))
    };
    let mut kinds = Vec::new();
    for address in [
        unwilling.as_str(),
        &nobody,
        "http://169.254.169.254/",
        "no url",
    ] {
        let end = delivery
            .push(job(address, &*payload), payload.clone())
            .await;
        let AttemptOutcome::Failed(failure) = end.outcome else {
            panic!("nothing is delivered to {address}");
        };
        kinds.push(failure.kind);
    }
    assert_eq!(kinds[0], FailureKind::Busy);
    assert_eq!(kinds[1], FailureKind::Unreachable);
    assert_eq!(kinds[3], FailureKind::Other);
}

#[tokio::test]
async fn a_payload_that_changes_is_ours_and_never_looks_finished() {
    /// Its second block cannot be had.
    struct Changed(Arc<Payload>);

    impl PayloadSource for Changed {
        fn size(&self) -> u64 {
            self.0.size()
        }
        fn sha256(&self) -> Sha256 {
            self.0.sha256()
        }
        fn media_type(&self) -> &str {
            self.0.media_type()
        }
        fn cached(&self, block: u64) -> Option<Bytes> {
            if block == 0 { self.0.cached(0) } else { None }
        }
        fn load(&self, _block: u64) -> BoxFuture<'_, Result<Bytes, SourceError>> {
            Box::pin(async { Err(SourceError::Changed("block 1 differs".to_owned())) })
        }
    }

    let (address, mut seen) = device_server(200).await;
    let host = host();
    let delivery = delivery(&host).await;
    let payload = Arc::new(Changed(Payload::of(2 * 1024 * 1024)));
    let end = delivery
        .push(job(&address, &*payload), payload.clone())
        .await;
    let AttemptOutcome::Failed(failure) = end.outcome else {
        panic!("the payload is not delivered");
    };
    assert_eq!(failure.kind, FailureKind::Source, "{}", failure.message);
    assert!(matches!(seen.recv().await, Some(Seen::Broken)));
}

/// A payload whose second block never comes.
struct Endless(Arc<Payload>);

impl PayloadSource for Endless {
    fn size(&self) -> u64 {
        self.0.size()
    }
    fn sha256(&self) -> Sha256 {
        self.0.sha256()
    }
    fn media_type(&self) -> &str {
        self.0.media_type()
    }
    fn cached(&self, block: u64) -> Option<Bytes> {
        if block == 0 { self.0.cached(0) } else { None }
    }
    fn load(&self, _block: u64) -> BoxFuture<'_, Result<Bytes, SourceError>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_cancelled_and_a_dropped_push_break_the_connection() {
    let (address, mut seen) = device_server(200).await;
    let host = host();
    let delivery = delivery(&host).await;
    let payload = Arc::new(Endless(Payload::of(2 * 1024 * 1024)));

    let cancelled = job(&address, &*payload);
    let cancel = cancelled.cancel.clone();
    let (end, ()) = tokio::join!(delivery.push(cancelled, payload.clone()), async {
        tokio::task::yield_now().await;
        cancel.cancel();
    });
    assert_eq!(end.outcome, AttemptOutcome::Cancelled);

    let dropped = job(&address, &*payload);
    let progress = Arc::new(Watch::default());
    let dropped = Job {
        observer: Arc::clone(&progress) as Arc<dyn JobObserver>,
        throttles: Vec::new(),
        ..dropped
    };
    let push = delivery.push(dropped, payload.clone());
    let under_way = async {
        while *progress.0.lock().unwrap_or_else(PoisonError::into_inner) == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        end = push => panic!("it cannot end: {end:?}"),
        () = under_way => {}
    }
    assert!(matches!(seen.recv().await, Some(Seen::Broken)));

    let good = Payload::of(10);
    let end = delivery.push(job(&address, &*good), good.clone()).await;
    assert_eq!(end.outcome, AttemptOutcome::Delivered);
}

#[tokio::test]
async fn a_source_that_stalls_is_ours_and_is_not_waited_for_for_ever() {
    let (address, _seen) = device_server(200).await;
    let host = host();
    let delivery = delivery(&host).await;
    let payload = Arc::new(Endless(Payload::of(2 * 1024 * 1024)));
    let stalling = Job {
        idle: Duration::from_millis(200),
        ..job(&address, &*payload)
    };
    let end = delivery.push(stalling, payload.clone()).await;
    let AttemptOutcome::Failed(failure) = end.outcome else {
        panic!("nothing is delivered");
    };
    assert_eq!(failure.kind, FailureKind::Source, "{}", failure.message);
}
