//! Connections are reused by the same plugin at the same place, and bounded in total.

use std::{net::Ipv4Addr, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Full};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
    runtime::Handle,
    sync::{mpsc, oneshot, watch},
};
use windlass_host::{
    egress::{Egress, EgressConfig, Timeouts},
    lease::Lease,
};
use windlass_model::PluginName;

use crate::support::{LONG, OK, device, egress, empty, exchange, lease, post, receive, terms};

/// How many connections a device accepted, and how many of them are open.
struct Counted {
    accepted: watch::Receiver<usize>,
    open: watch::Receiver<usize>,
}

/// Serves `OK` at `listener`.
fn serve(listener: TcpListener) -> Counted {
    let (accepted, open) = (watch::Sender::new(0), watch::Sender::new(0));
    let counted = Counted {
        accepted: accepted.subscribe(),
        open: open.subscribe(),
    };
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("it listens");
            accepted.send_modify(|count| *count += 1);
            open.send_modify(|count| *count += 1);
            let open = open.clone();
            tokio::spawn(async move {
                while receive(&mut stream).await.is_some() {
                    if stream.write_all(OK).await.is_err() {
                        break;
                    }
                }
                open.send_modify(|count| *count -= 1);
            });
        }
    });
    counted
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_serves_one_job_after_the_other_of_its_plugin() {
    let (listener, url) = device().await;
    let accepted = serve(listener).accepted;
    let egress = egress();
    for _ in 0..50 {
        // A lease per job: reuse is across jobs.
        exchange(&egress, &lease(&url), post(&url, empty()))
            .await
            .expect("the device answers");
    }
    assert_eq!(*accepted.borrow(), 1);
    assert_eq!(egress.idle_connections(), 1);

    let mut other = terms(&url);
    other.plugin = PluginName::new("other");
    exchange(&egress, &Lease::new(other), post(&url, empty()))
        .await
        .expect("the device answers");
    assert_eq!(*accepted.borrow(), 2, "another plugin gets its own");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_nobody_reads_does_not_cost_the_next_job_its_request() {
    let (listener, url) = device().await;
    serve(listener);
    let egress = egress();
    for _ in 0..50 {
        let lease = lease(&url);
        let timeouts = Timeouts::new(&lease, None);
        let response = egress
            .send(&lease, post(&url, empty()), timeouts)
            .await
            .expect("the device answers");
        drop(response);
        lease.end();
    }
}

/// Design §4: one address per device otherwise ends in EMFILE at 10,000.
#[tokio::test(flavor = "multi_thread")]
async fn unused_connections_are_bounded_over_all_addresses() {
    const DEVICES: u32 = 2_000;
    const KEPT: usize = 64;
    let listener = TcpListener::bind(("0.0.0.0", 0))
        .await
        .expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    let mut open = serve(listener).open;
    let egress = Egress::new(
        Handle::current(),
        EgressConfig {
            idle_time: LONG,
            ..EgressConfig::for_jobs(KEPT)
        },
    );
    for device in 0..DEVICES {
        let address = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 1, 0, 1)) + device);
        let url = format!("http://{address}:{port}/");
        exchange(&egress, &lease(&url), post(&url, empty()))
            .await
            .expect("the device answers");
        assert!(egress.idle_connections() <= KEPT);
    }
    assert_eq!(egress.idle_connections(), KEPT);
    open.wait_for(|open| *open == KEPT)
        .await
        .expect("evicted connections are closed");
    drop(egress);
    open.wait_for(|open| *open == 0)
        .await
        .expect("the rest is closed with the egress");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_nobody_uses_is_closed_in_time() {
    let (listener, url) = device().await;
    let mut open = serve(listener).open;
    let egress = Egress::new(
        Handle::current(),
        EgressConfig {
            idle_connections: 8,
            idle_time: Duration::from_millis(50),
        },
    );
    exchange(&egress, &lease(&url), post(&url, empty()))
        .await
        .expect("the device answers");
    open.wait_for(|open| *open == 0)
        .await
        .expect("it is closed");
    exchange(&egress, &lease(&url), post(&url, empty()))
        .await
        .expect("a new one is opened");
}

/// A device may close a kept connection at any time; that must not fail the next job.
#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_that_turns_out_closed_is_replaced() {
    let (listener, url) = device().await;
    let (closed, mut is_closed) = mpsc::channel(1);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.expect("it listens");
            receive(&mut stream).await.expect("a request");
            stream.write_all(OK).await.expect("it is awaited");
            drop(stream);
            closed.send(()).await.expect("the test waits");
        }
    });
    let egress = Arc::new(egress());
    for _ in 0..200 {
        exchange(&egress, &lease(&url), post(&url, empty()))
            .await
            .expect("the device answers");
        is_closed.recv().await.expect("the device closes");
    }
}

/// Who has closed an end waits for the other one, and small devices have few sockets.
#[tokio::test(flavor = "multi_thread")]
async fn a_kept_connection_that_its_device_closes_is_closed_here_too() {
    let (listener, url) = device().await;
    let egress = egress();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("it listens");
        receive(&mut stream).await.expect("a request");
        stream.write_all(OK).await.expect("it is awaited");
        stream.shutdown().await.expect("it is open");
        stream.read(&mut [0]).await
    });
    exchange(&egress, &lease(&url), post(&url, empty()))
        .await
        .expect("the device answers");
    let rest = served.await.expect("the device does not panic");
    assert_eq!(rest.expect("an orderly end"), 0);
    assert_eq!(egress.idle_connections(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_is_said_to_end_with_its_answer_is_not_kept() {
    for answer in [
        "HTTP/1.1 200 OK\r\nConnection: keep-alive, Close\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
    ] {
        let (listener, url) = device().await;
        let egress = egress();
        let served = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("it listens");
            receive(&mut stream).await.expect("a request");
            stream
                .write_all(answer.as_bytes())
                .await
                .expect("it is awaited");
            // It leaves the first step to us.
            stream.read(&mut [0]).await
        });
        let said = exchange(&egress, &lease(&url), post(&url, empty()))
            .await
            .expect("the device answers");
        assert_eq!(&said[..], b"ok");
        let rest = served.await.expect("the device does not panic");
        assert_eq!(rest.expect("an orderly end"), 0);
        assert_eq!(egress.idle_connections(), 0);
    }
}

/// What was given to the connection still has to leave for a device that answers before it reads.
#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_does_not_strand_the_rest_of_its_request() {
    // More than the sockets of both ends hold.
    const BODY: usize = 32 * 1024 * 1024;
    let (listener, url) = device().await;
    let egress = egress();
    let (answered, is_answered) = oneshot::channel();
    let served = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("it listens");
        stream.peek(&mut [0]).await.expect("a request comes");
        stream.write_all(OK).await.expect("it is awaited");
        is_answered.await.expect("the sender has its answer");
        receive(&mut stream).await
    });
    let body = Full::new(vec![0; BODY].into())
        .map_err(|never| match never {})
        .boxed_unsync();
    exchange(&egress, &lease(&url), post(&url, body))
        .await
        .expect("the device answers");
    answered.send(()).expect("the device waits");
    let received = served.await.expect("the device does not panic");
    assert!(received.is_some_and(|received| received.is_complete && received.body.len() == BODY));
}

/// Time between two requests of a job is not time in which a device says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_takes_its_time_between_requests_keeps_its_connection() {
    let (listener, url) = device().await;
    let accepted = serve(listener).accepted;
    let egress = egress();
    let lease = lease(&url);
    let timeouts = Timeouts {
        idle: Duration::from_millis(200),
        ..Timeouts::new(&lease, None)
    };
    for _ in 0..2 {
        let response = egress
            .send(&lease, post(&url, empty()), timeouts)
            .await
            .expect("the device answers");
        response
            .into_body()
            .collect()
            .await
            .expect("the answer is complete");
        tokio::time::sleep(2 * timeouts.idle).await;
    }
    assert_eq!(*accepted.borrow(), 1);
}
