//! GO-173, GX-11: what transfers send together stays within the operator's bound. Only the lower
//! bound of a time is asserted: a slow machine cannot break it, a bucket that leaks does.

use std::{
    num::NonZeroU64,
    sync::Arc,
    time::{Duration, Instant},
};

use http_body_util::BodyExt;
use tokio::{runtime::Handle, task::JoinSet};
use windlass_host::{
    Throttle,
    lease::Lease,
    payload::{PayloadBody, PayloadSource},
};

use crate::support::{OK, Source, device, egress, exchange, post, serve, terms};

const RATE: NonZeroU64 = NonZeroU64::new(32 * 1024).expect("some");
const TRANSFERS: u64 = 8;
const BYTES: u64 = 8 * 1024;
/// What is reserved at a time.
const GRAIN: u64 = 4 * 1024;
/// Below the second that a transfer waits for its turn: being made to wait by ourselves is no
/// stall.
const IDLE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn transfers_share_a_bandwidth_and_are_never_taken_for_stalled() {
    let throttle = Throttle::new(RATE, Handle::current());
    let wide = Throttle::new(NonZeroU64::MAX, Handle::current());
    let began = Instant::now();
    let mut transfers = JoinSet::new();
    for _ in 0..TRANSFERS {
        let (throttle, wide) = (Arc::clone(&throttle), Arc::clone(&wide));
        transfers.spawn(async move {
            let (listener, url) = device().await;
            let device = tokio::spawn(serve(listener, OK));
            let source = Source::sound(BYTES);
            let mut terms = terms(&url);
            terms.idle = IDLE;
            terms.payload_size = BYTES;
            // The narrowest of several counts.
            terms.throttles = vec![wide, throttle];
            let lease = Lease::new(terms);
            let shared: Arc<dyn PayloadSource> = source.clone();
            let body = PayloadBody::new(shared, Arc::clone(&lease), 0, BYTES)
                .expect("in range")
                .boxed_unsync();
            let timers = Handle::current();
            let (egress, request) = (egress(), post(&url, body));
            let stalled = lease.overdue(&timers);
            tokio::select! {
                biased;
                answer = exchange(&egress, &lease, request) => {
                    answer.expect("the device answers");
                }
                stall = stalled => panic!("{stall:?}"),
            }
            assert_eq!(lease.sent_bytes(), BYTES);
            device.abort();
        });
    }
    while let Some(ended) = transfers.join_next().await {
        ended.expect("a transfer does not panic");
    }
    // The first grain flows at once.
    let least = (TRANSFERS * BYTES - GRAIN) as f64 / RATE.get() as f64;
    assert!(
        began.elapsed().as_secs_f64() >= least * 0.99,
        "{:?}",
        began.elapsed()
    );
}
