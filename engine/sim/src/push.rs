//! A push: from its head to its answer.

use http::{HeaderMap, Request, StatusCode, header};
use hyper::body::Incoming;

use crate::behaviour::Fault;
use crate::device::Device;
use crate::digest::{BadDigestHeader, compare};
use crate::http_api::{Hangup, Reply, json, text};
use crate::release::{Arrived, Received};
use crate::shared::Shared;
use crate::spec::Inspect;
use crate::transfer::{Begins, Transfer};

/// Takes a release in one request, the `nth` of the device.
pub(crate) async fn take(
    shared: &Shared,
    device: &Device,
    nth: u64,
    request: Request<Incoming>,
) -> Result<Reply, Hangup> {
    let (head, body) = request.into_parts();
    let release = &head.headers;
    let mut transfer = Transfer::begin(shared, device, release, release, Begins::AtTheStart);
    let fault = transfer.fault(release);
    let mut arrived = Arrived::new(shared.spec.inspect == Inspect::Full);
    transfer
        .read(body, fault, |chunk| {
            arrived.take(chunk);
            true
        })
        .await?;
    let reply = conclude(shared, &mut transfer, release, &arrived.whole(), fault).await;
    device.hold_back(nth).await;
    Ok(reply)
}

/// What becomes of a release that arrived whole.
pub(crate) async fn conclude(
    shared: &Shared,
    transfer: &mut Transfer<'_>,
    release: &HeaderMap,
    received: &Received,
    fault: Option<&Fault>,
) -> Reply {
    let right = compare(release, shared.spec.expected, received.sha256);
    transfer.completed(received, right.ok().flatten());
    match right {
        Err(BadDigestHeader) => {
            return text(StatusCode::BAD_REQUEST, "Repr-Digest cannot be understood");
        }
        Ok(Some(false)) => {
            return text(
                StatusCode::UNPROCESSABLE_ENTITY,
                "the bytes are not the ones announced",
            );
        }
        Ok(Some(true) | None) => {}
    }
    match fault {
        Some(Fault::Status { code, retry_after }) => {
            let mut reply = text(*code, "Simulated update failure");
            if let Some(seconds) = retry_after {
                let headers = reply.headers_mut();
                headers.insert(header::RETRY_AFTER, (*seconds).into());
            }
            return reply;
        }
        Some(Fault::Hang) => std::future::pending().await,
        Some(Fault::KeepVersion) => {}
        // A refusal concerns connections, muteness the version, and a cut has ended it.
        Some(
            Fault::Swallow
            | Fault::Late { .. }
            | Fault::FallBack { .. }
            | Fault::GarbledReport
            | Fault::Refuse
            | Fault::Mute { .. }
            | Fault::Cut { .. },
        )
        | None => transfer.install(release, received, fault),
    }
    match fault {
        Some(Fault::Swallow) => std::future::pending().await,
        Some(Fault::Late { after }) => tokio::time::sleep(*after).await,
        _ => {}
    }
    let size = received.size;
    json(format!(
        "{{\"success\":true,\"message\":\"Update installed successfully\",\"size\":{size}}}\n"
    ))
}
