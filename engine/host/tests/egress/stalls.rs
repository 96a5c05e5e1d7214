//! Transfers have idle time-outs, in both directions (design §7.5).

use std::{sync::Arc, time::Duration};

use http_body_util::BodyExt;
use tokio::{io::AsyncWriteExt, runtime::Handle};
use windlass_host::{
    egress::{EgressError, Timeouts},
    lease::{Lease, Overdue, Stall},
    payload::PayloadBody,
};

use crate::support::{Source, device, egress, empty, exchange, post, receive, terms};

const IDLE: Duration = Duration::from_millis(200);

fn impatient(url: &str) -> Arc<Lease> {
    let mut terms = terms(url);
    terms.idle = IDLE;
    Lease::new(terms)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_never_answers_is_given_up() {
    let (_listener, url) = device().await;
    let refused = exchange(&egress(), &impatient(&url), post(&url, empty())).await;
    assert!(
        matches!(refused, Err(EgressError::Idle(idle)) if idle == IDLE),
        "{refused:?}"
    );
}

/// More than the socket buffers of both sides take, so that bytes queue up on our side.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_stops_reading_is_given_up() {
    const SIZE: u64 = 64 << 20;
    let (listener, url) = device().await;
    let lease = impatient(&url);
    let body = PayloadBody::new(Source::sound(SIZE), Arc::clone(&lease), 0, SIZE);
    let body = body.expect("in range").boxed_unsync();
    let (egress, io) = (egress(), Handle::current());
    let (refused, overdue) = tokio::join!(
        exchange(&egress, &lease, post(&url, body)),
        lease.overdue(&io)
    );
    assert!(matches!(refused, Err(EgressError::Idle(_))), "{refused:?}");
    assert_eq!(overdue, Overdue::Idle(Stall::Peer));
    assert!(lease.sent_bytes() < SIZE, "what was queued is not counted");
    drop(listener);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_stalls_in_its_answer_is_given_up() {
    let (listener, url) = device().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("it listens");
        receive(&mut stream).await.expect("a request");
        let begun = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf";
        stream.write_all(begun).await.expect("it is awaited");
        // Ends when the host gives up.
        receive(&mut stream).await
    });
    let (egress, lease) = (egress(), impatient(&url));
    let timeouts = Timeouts::new(&lease, None);
    let response = egress
        .send(&lease, post(&url, empty()), timeouts)
        .await
        .expect("the head comes");
    let error = response
        .into_body()
        .collect()
        .await
        .expect_err("the rest does not come");
    assert!(
        matches!(error, wasmtime_wasi_http::Error::ConnectionReadTimeout),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_trickles_runs_into_the_deadline() {
    let (listener, url) = device().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("it listens");
        receive(&mut stream).await.expect("a request");
        let mut ticks = tokio::time::interval(IDLE / 4);
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await?;
        loop {
            ticks.tick().await;
            stream.write_all(b"x").await?;
        }
        #[expect(unreachable_code, reason = "names the type of the block")]
        std::io::Result::Ok(())
    });
    let mut terms = terms(&url);
    terms.idle = IDLE;
    terms.deadline = std::time::Instant::now() + 3 * IDLE;
    let refused = exchange(&egress(), &Lease::new(terms), post(&url, empty())).await;
    assert!(matches!(refused, Err(EgressError::Deadline)), "{refused:?}");
}
