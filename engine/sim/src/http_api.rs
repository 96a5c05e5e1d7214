//! What a device answers, by method and path.

use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use windlass_model::Timestamp;

use crate::device::Device;
use crate::ledger::Ledger;
use crate::shared::Shared;
use crate::software::Says;
use crate::{push, upload_api};

pub(crate) type Reply = Response<Full<Bytes>>;

/// Why a connection is closed instead of an answer. hyper wants an error; nobody reads it
/// but a debug log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Hangup {
    #[error("the simulated device closes the connection")]
    Fault,
    #[error("another request for the same upload has taken its turn")]
    Superseded,
    #[error("the sender stopped in the middle of the body")]
    Broken(#[source] hyper::Error),
}

/// Seconds after which asking a device that installs is worth while.
const RETRY_SOON: HeaderValue = HeaderValue::from_static("1");

pub(crate) async fn answer(
    shared: &Shared,
    device: &Device,
    request: Request<Incoming>,
) -> Result<Reply, Hangup> {
    let nth = Ledger::next(&device.ledger.requests);
    if device.reboots() {
        return Err(Hangup::Fault);
    }
    let path = request.uri().path();
    if let Some(name) = shared.spec.upload_of(path) {
        let name = name.to_owned();
        return upload_api::answer(shared, device, nth, &name, request).await;
    }
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let reply = if path == shared.spec.update_path {
        if matches!(*request.method(), Method::POST | Method::PUT) {
            return if upload_api::begins_upload(request.headers()) {
                upload_api::create(shared, device, nth, request).await
            } else {
                push::take(shared, device, nth, request).await
            };
        }
        text(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
    } else if path == shared.spec.version_path {
        if reads {
            version(device)
        } else {
            text(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed")
        }
    } else if path == "/health" {
        text(StatusCode::OK, "OK")
    } else {
        text(StatusCode::NOT_FOUND, "Not found")
    };
    device.hold_back(nth).await;
    Ok(reply)
}

fn version(device: &Device) -> Reply {
    if let Some(code) = device.mute() {
        return text(code, "The version is not told");
    }
    match device.ledger.says(device.behaviour.install) {
        Says::Image(image) => json(
            serde_json::json!({
                "version": image.version,
                "updated_at": rfc3339(image.at),
                "device_id": device.id(),
                "device_name": device.name(),
            })
            .to_string(),
        ),
        Says::Busy => {
            let mut reply = text(StatusCode::SERVICE_UNAVAILABLE, "Installing");
            reply.headers_mut().insert(header::RETRY_AFTER, RETRY_SOON);
            reply
        }
        Says::Garbled => json("{\"version\": \"".to_owned()),
    }
}

pub(crate) fn text(status: StatusCode, body: &'static str) -> Reply {
    reply(status, "text/plain; charset=utf-8", body.into())
}

pub(crate) fn json(body: String) -> Reply {
    reply(StatusCode::OK, "application/json", body.into())
}

pub(crate) fn reply(status: StatusCode, media_type: &'static str, body: Bytes) -> Reply {
    let mut reply = Response::new(Full::new(body));
    *reply.status_mut() = status;
    let media_type = HeaderValue::from_static(media_type);
    reply.headers_mut().insert(header::CONTENT_TYPE, media_type);
    reply
}

fn rfc3339(at: Timestamp) -> String {
    let millis = i64::try_from(at.0).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(millis)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_string()
}
