//! A device's answer is bounded, and belongs to its job.

use http_body_util::BodyExt;
use wasmtime_wasi_http::Error;
use windlass_host::{
    egress::{EgressError, Timeouts},
    lease::Lease,
};

use crate::support::{OK, device, egress, empty, exchange, full, lease, post, serve, terms};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_large_is_refused() {
    let announced: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello world";
    let chunked: &[u8] =
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\nhello world\r\n0\r\n\r\n";
    let egress = egress();
    for answer in [announced, chunked] {
        let (listener, url) = device().await;
        tokio::spawn(serve(listener, answer));
        let mut terms = terms(&url);
        terms.response_limit = 10;
        let lease = Lease::new(terms);
        let timeouts = Timeouts::new(&lease, None);
        match egress.send(&lease, post(&url, empty()), timeouts).await {
            Err(error) => assert!(
                matches!(
                    error,
                    EgressError::AnswerTooLarge {
                        size: 11,
                        limit: 10
                    }
                ),
                "{error:?}"
            ),
            Ok(response) => {
                let error = response.into_body().collect().await.expect_err("too large");
                assert!(
                    matches!(error, Error::HttpResponseBodySize(Some(10))),
                    "{error:?}"
                );
            }
        }
        assert_eq!(egress.idle_connections(), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_with_endless_headers_is_refused() {
    let (listener, url) = device().await;
    let mut answer = b"HTTP/1.1 200 OK\r\n".to_vec();
    for index in 0..20_000 {
        answer.extend_from_slice(format!("x-{index}: y\r\n").as_bytes());
    }
    tokio::spawn(serve(listener, answer.leak()));
    let refused = exchange(&egress(), &lease(&url), post(&url, empty())).await;
    assert!(
        matches!(refused, Err(EgressError::Answer(_))),
        "{refused:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_handed_back_and_not_followed() {
    let (listener, url) = device().await;
    let elsewhere =
        b"HTTP/1.1 307 Elsewhere\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n";
    tokio::spawn(serve(listener, elsewhere));
    let (egress, lease) = (egress(), lease(&url));
    let timeouts = Timeouts::new(&lease, None);
    let response = egress
        .send(&lease, post(&url, full(b"x")), timeouts)
        .await
        .expect("the device answers");
    assert_eq!(response.status(), 307);
}

/// A reused instance must not read an earlier job's answer (design §4, leased I/O).
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_kept_beyond_its_job_is_dead() {
    let (listener, url) = device().await;
    tokio::spawn(serve(listener, OK));
    let (egress, lease) = (egress(), lease(&url));
    let timeouts = Timeouts::new(&lease, None);
    let response = egress
        .send(&lease, post(&url, empty()), timeouts)
        .await
        .expect("the device answers");
    lease.end();
    response
        .into_body()
        .collect()
        .await
        .expect_err("its job has ended");
    assert!(matches!(
        exchange(&egress, &lease, post(&url, empty())).await,
        Err(EgressError::Lease(_))
    ));
}
