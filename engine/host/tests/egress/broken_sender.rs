//! Design §4: a broken sender never looks finished. Guest-written bodies are the ones of
//! `wasmtime-wasi-http` itself, dropped as a store drops them.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, header};
use tokio::{
    io::AsyncWriteExt,
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use wasmtime_wasi::p2::OutputStream;
use wasmtime_wasi_http::{
    FieldMap, WasiBody,
    p2::body::{HostOutgoingBody, StreamContext},
};
use windlass_host::{
    egress::{Egress, EgressError, Timeouts},
    lease::{Lease, LeaseError, Poison},
    payload::PayloadBody,
};

use crate::support::{OK, Received, Source, device, egress, lease, post, receive};

const PIECE: &[u8] = &[7; 1024];
const PIECES: usize = 8;
const ROUNDS: usize = 40;

struct Guest {
    body: HostOutgoingBody,
    stream: Box<dyn OutputStream>,
}

impl Guest {
    /// Begins a body, with `Content-Length` if `size` is known.
    fn begin(url: &str, size: Option<u64>) -> (Self, Request<WasiBody>) {
        let (mut body, outgoing) = HostOutgoingBody::new(StreamContext::Request, size, 1, 65_536);
        let stream = body.take_output_stream().expect("it was not taken yet");
        let mut request = post(url, outgoing);
        if let Some(size) = size {
            request
                .headers_mut()
                .insert(header::CONTENT_LENGTH, size.into());
        }
        (Self { body, stream }, request)
    }

    async fn write(&mut self, pieces: usize) {
        for _ in 0..pieces {
            self.stream.write_ready().await.expect("it takes more");
            self.stream
                .write(Bytes::from_static(PIECE))
                .expect("it takes more");
        }
    }

    fn finish(self, trailers: Option<FieldMap>) {
        drop(self.stream);
        self.body.finish(trailers).expect("all was written");
    }

    /// What a dropped store does: nobody calls `finish` or `abort`.
    fn vanish(self) {
        drop(self.stream);
        drop(self.body);
    }
}

fn send(
    egress: &Egress,
    lease: &Arc<Lease>,
    request: Request<WasiBody>,
) -> JoinHandle<Result<(), EgressError>> {
    let (egress, lease) = (egress.clone(), Arc::clone(lease));
    tokio::spawn(async move {
        let timeouts = Timeouts::new(&lease, None);
        egress.send(&lease, request, timeouts).await.map(drop)
    })
}

/// Waits until the host connects, then takes one request in the background and answers it
/// if it is complete.
async fn take_one(listener: &TcpListener) -> JoinHandle<Option<Received>> {
    let (stream, _) = listener.accept().await.expect("it listens");
    tokio::spawn(answer(stream))
}

async fn answer(mut stream: TcpStream) -> Option<Received> {
    let received = receive(&mut stream).await;
    if received
        .as_ref()
        .is_some_and(|received| received.is_complete)
    {
        stream.write_all(OK).await.expect("it is awaited");
    }
    received
}

/// Lets a guest trap after `written` pieces, sooner or later; gives back what the device
/// saw. `delay` is counted in turns of the scheduler, so that the connection is caught at
/// every stage of having taken what was written.
async fn trap(size: Option<u64>, written: usize, delay: usize) -> Option<Received> {
    let (listener, url) = device().await;
    let (egress, lease) = (egress(), lease(&url));
    let (mut guest, request) = Guest::begin(&url, size);
    let sending = send(&egress, &lease, request);
    let device = take_one(&listener).await;
    guest.write(written).await;
    for _ in 0..delay {
        tokio::task::yield_now().await;
    }
    lease.poison(Poison::PluginFailed);
    guest.vanish();
    let error = sending
        .await
        .expect("it does not panic")
        .expect_err("the device cannot have answered");
    assert!(
        matches!(
            error,
            EgressError::Lease(LeaseError::Poisoned(Poison::PluginFailed))
        ),
        "{error:?}"
    );
    device.await.expect("it does not panic")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_in_a_chunked_body_never_looks_finished() {
    for round in 0..ROUNDS {
        for written in [1, 3, PIECES] {
            let received = trap(None, written, round * 25).await;
            assert!(
                received.is_none_or(|received| !received.is_complete),
                "round {round}, {written} pieces"
            );
        }
    }
}

/// With a `Content-Length` the last byte alone makes a request complete, finished or not.
#[tokio::test(flavor = "multi_thread")]
async fn a_trap_in_a_measured_body_never_looks_finished() {
    let size = (PIECES * PIECE.len()) as u64;
    for round in 0..ROUNDS {
        for written in [1, PIECES - 1, PIECES] {
            let received = trap(Some(size), written, round * 25).await;
            assert!(
                received.is_none_or(|received| !received.is_complete),
                "round {round}, {written} pieces"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_the_guest_finished_arrives_whole() {
    let measured = Some((PIECES * PIECE.len()) as u64);
    for (size, has_trailers) in [
        (None, false),
        (None, true),
        (measured, false),
        (measured, true),
    ] {
        let (listener, url) = device().await;
        let (egress, lease) = (egress(), lease(&url));
        let (mut guest, request) = Guest::begin(&url, size);
        let sending = send(&egress, &lease, request);
        let device = take_one(&listener).await;
        guest.write(PIECES).await;
        guest.finish(has_trailers.then(|| FieldMap::new_mutable(1024)));
        sending
            .await
            .expect("it does not panic")
            .expect("the device answers");
        let received = device.await.expect("it does not panic").expect("a request");
        assert!(received.is_complete);
        assert_eq!(received.body, PIECE.repeat(PIECES));
    }
}

/// A guest that returns from its job without finishing a body has not delivered it.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_left_open_at_the_end_of_its_job_is_aborted() {
    let (listener, url) = device().await;
    let (egress, lease) = (egress(), lease(&url));
    let (mut guest, request) = Guest::begin(&url, None);
    let sending = send(&egress, &lease, request);
    let device = take_one(&listener).await;
    guest.write(2).await;
    lease.end();
    guest.vanish();
    assert!(matches!(
        sending.await.expect("it does not panic"),
        Err(EgressError::Lease(LeaseError::Ended))
    ));
    let received = device.await.expect("it does not panic");
    assert!(received.is_none_or(|received| !received.is_complete));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_payload_never_looks_finished() {
    for round in 0..ROUNDS {
        let (listener, url) = device().await;
        let (egress, lease) = (egress(), lease(&url));
        let source = Source::sound(8 << 20);
        let body = PayloadBody::new(source, Arc::clone(&lease), 0, 8 << 20).expect("in range");
        let request = post(&url, http_body_util::BodyExt::boxed_unsync(body));
        let sending = send(&egress, &lease, request);
        let (mut stream, _) = listener.accept().await.expect("it listens");
        stream.readable().await.expect("a request comes");
        lease.terms().cancel.cancel();
        let received = receive(&mut stream).await;
        assert!(
            received.is_none_or(|received| !received.is_complete),
            "round {round}"
        );
        assert!(matches!(
            sending.await.expect("it does not panic"),
            Err(EgressError::Lease(LeaseError::Poisoned(Poison::Cancelled)))
        ));
    }
}

/// The host drops a job at any await: then the future of the request goes, and with it
/// the connection.
#[tokio::test(flavor = "multi_thread")]
async fn dropping_the_request_aborts_it() {
    let (listener, url) = device().await;
    let (egress, lease) = (egress(), lease(&url));
    let (mut guest, request) = Guest::begin(&url, None);
    let sending = send(&egress, &lease, request);
    let (mut stream, _) = listener.accept().await.expect("it listens");
    guest.write(2).await;
    sending.abort();
    let received = receive(&mut stream).await;
    assert!(received.is_none_or(|received| !received.is_complete));
}
