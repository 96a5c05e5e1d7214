//! The yardstick: the same requests by a plain hyper loop.

use std::{
    net::SocketAddr,
    sync::Arc,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{
    Request,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpStream, task::JoinSet};

use super::Work;
use crate::devices::Addressing;

/// What the senders share.
struct Plan {
    next: AtomicU64,
    pushes: u64,
    addressing: Addressing,
    port: u16,
    bytes: Bytes,
    digest: String,
}

/// Sends them all; how long it took.
pub(crate) async fn push(work: &Work<'_>) -> Result<Duration> {
    let plan = Arc::new(Plan {
        next: AtomicU64::new(0),
        pushes: work.pushes,
        addressing: work.addressing,
        port: work.port,
        bytes: work.payload.bytes.clone(),
        digest: work.payload.digest.clone(),
    });
    let begun = Instant::now();
    let mut senders = JoinSet::new();
    for _ in 0..work.at_once {
        senders.spawn(sender(Arc::clone(&plan)));
    }
    while let Some(sent) = senders.join_next().await {
        sent??;
    }
    Ok(begun.elapsed())
}

async fn sender(plan: Arc<Plan>) -> Result<()> {
    let mut kept = None;
    loop {
        let index = plan.next.fetch_add(1, Ordering::Relaxed);
        if index >= plan.pushes {
            return Ok(());
        }
        let place = plan.addressing.of(index, plan.port);
        let mut connection = match kept.take() {
            Some(connection) => connection,
            None => dial(place).await?,
        };
        send(&mut connection, &plan, index, place).await?;
        if plan.addressing == Addressing::One {
            kept = Some(connection);
        }
    }
}

async fn dial(place: SocketAddr) -> Result<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(place).await?;
    stream.set_nodelay(true)?;
    let (sender, connection) = handshake(TokioIo::new(stream)).await?;
    // Its errors come out of the sender.
    tokio::spawn(connection);
    Ok(sender)
}

/// The request that `delivery-http` makes.
async fn send(
    connection: &mut SendRequest<Full<Bytes>>,
    plan: &Plan,
    index: u64,
    place: SocketAddr,
) -> Result<()> {
    let request = Request::post("/update")
        .header("Host", place.to_string())
        .header("Content-Type", "application/octet-stream")
        .header("Repr-Digest", &plan.digest)
        .header("X-Attempt-Id", index)
        .header("X-Device-Id", format!("device-{index:07}"))
        .header("X-Device-Name", format!("Device%20{index}"))
        .header("X-Release-Name", "app")
        .header("X-Release-Version", "2.0.0")
        .body(Full::new(plan.bytes.clone()))?;
    connection.ready().await?;
    let mut response = connection.send_request(request).await?;
    ensure!(response.status().is_success(), "a device refused");
    while let Some(frame) = response.frame().await {
        frame?;
    }
    Ok(())
}
