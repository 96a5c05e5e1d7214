//! Payload bytes arrive as they are, or not at all.

use std::sync::{Arc, atomic::Ordering};

use http_body_util::BodyExt;
use tokio::io::AsyncWriteExt;
use wasmtime_wasi_io::{
    poll::Pollable,
    streams::{InputStream, StreamError},
};
use windlass_host::{
    egress::EgressError,
    lease::Lease,
    payload::{BLOCK_SIZE, PayloadBody, PayloadSource, PayloadStream, SourceError},
};

use crate::support::{OK, Source, Watcher, device, egress, exchange, lease, post, receive, terms};

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_arrives_whole_and_is_counted() {
    let source = Source::sound(3 * BLOCK_SIZE + 12_345);
    for (offset, length) in [
        (0, source.size),
        (0, 1),
        (BLOCK_SIZE - 1, 2),
        (BLOCK_SIZE, BLOCK_SIZE),
        (source.size - 7, 7),
        (5, 0),
    ] {
        let (listener, url) = device().await;
        let device = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("it listens");
            let received = receive(&mut stream).await.expect("a request");
            stream.write_all(OK).await.expect("it is awaited");
            received
        });
        let watcher = Arc::new(Watcher::default());
        let mut terms = terms(&url);
        terms.payload_size = source.size;
        terms.observer = watcher.clone();
        let lease = Lease::new(terms);
        let shared: Arc<dyn PayloadSource> = source.clone();
        let body = PayloadBody::new(shared, Arc::clone(&lease), offset, length)
            .expect("in range")
            .boxed_unsync();
        exchange(&egress(), &lease, post(&url, body))
            .await
            .expect("the device answers");
        let received = device.await.expect("it does not panic");
        let range = offset as usize..(offset + length) as usize;
        assert!(received.is_complete);
        assert!(
            received
                .head
                .contains(&format!("content-length: {length}\r\n"))
        );
        assert!(
            received.body == source.content()[range],
            "{offset}+{length}"
        );
        assert_eq!(lease.sent_bytes(), length);
        assert_eq!(lease.progress(), offset + length);
        assert!(watcher.progress.load(Ordering::Relaxed) <= offset + length);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_error_aborts_the_request_and_is_ours() {
    let (listener, url) = device().await;
    let device = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("it listens");
        receive(&mut stream).await
    });
    let lease = lease(&url);
    let source = Arc::new(Source {
        size: 4 * BLOCK_SIZE,
        fails_from: 2,
    });
    let body = PayloadBody::new(source, Arc::clone(&lease), 0, 4 * BLOCK_SIZE)
        .expect("in range")
        .boxed_unsync();
    let refused = exchange(&egress(), &lease, post(&url, body)).await;
    assert!(
        matches!(refused, Err(EgressError::Source(SourceError::Changed(_)))),
        "{refused:?}"
    );
    assert!(matches!(
        lease.source_failure(),
        Some(SourceError::Changed(_))
    ));
    let received = device.await.expect("it does not panic");
    assert!(received.is_none_or(|received| !received.is_complete));
}

#[tokio::test]
async fn a_stream_reads_the_range_and_ends_with_its_job() {
    let source = Source::sound(2 * BLOCK_SIZE + 100);
    let lease = lease("http://10.0.0.5/");
    let (offset, length) = (BLOCK_SIZE - 10, BLOCK_SIZE + 50);
    let open = |offset, length| {
        let shared: Arc<dyn PayloadSource> = source.clone();
        PayloadStream::new(shared, Arc::clone(&lease), offset, length)
    };
    let mut stream = open(offset, length).expect("in range");
    let mut read = Vec::new();
    loop {
        stream.ready().await;
        match stream.read(64 * 1024) {
            Ok(bytes) => read.extend_from_slice(&bytes),
            Err(StreamError::Closed) => break,
            Err(error) => panic!("{error}"),
        }
    }
    let range = offset as usize..(offset + length) as usize;
    assert!(read == source.content()[range]);

    open(0, source.size + 1).err().expect("beyond the payload");
    open(u64::MAX, 2).err().expect("wraps around");

    let mut stream = open(0, source.size).expect("in range");
    lease.end();
    stream.ready().await;
    assert!(matches!(
        stream.read(1),
        Err(StreamError::LastOperationFailed(_))
    ));
}
