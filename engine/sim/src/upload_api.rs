//! What a device answers about uploads.

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use hyper::body::{Body as _, Incoming};

use crate::device::Device;
use crate::http_api::{Hangup, Reply, text};
use crate::ledger::attempt_of;
use crate::push::conclude;
use crate::shared::Shared;
use crate::spec::Inspect;
use crate::transfer::{Begins, Transfer};
use crate::upload::Upload;

const UPLOAD_COMPLETE: &str = "upload-complete";
const UPLOAD_OFFSET: &str = "upload-offset";
const UPLOAD_LENGTH: &str = "upload-length";

/// Whether a push is one in several bodies.
pub(crate) fn begins_upload(headers: &HeaderMap) -> bool {
    complete(headers) == Some(false)
}

/// Creates an upload, of which the first part may come along.
pub(crate) async fn create(
    shared: &Shared,
    device: &Device,
    nth: u64,
    request: Request<Incoming>,
) -> Result<Reply, Hangup> {
    let (head, body) = request.into_parts();
    let length = integer(&head.headers, UPLOAD_LENGTH);
    let hashed = shared.spec.inspect == Inspect::Full;
    let upload = device.uploads.create(head.headers.clone(), length, hashed);
    if !body.is_end_stream() {
        let part = append(shared, device, &upload, &head.headers, 0, false, body).await?;
        if !part.status().is_success() {
            return Ok(part);
        }
    }
    let mut reply = text(StatusCode::CREATED, "");
    let location = format!("{}/{}", shared.spec.upload_path, upload.number);
    if let Ok(location) = HeaderValue::from_str(&location) {
        reply.headers_mut().insert(header::LOCATION, location);
    }
    device.hold_back(nth).await;
    Ok(reply)
}

/// Answers a request for an upload, by the part of the path behind [`upload_path`].
///
/// [`upload_path`]: crate::FleetSpec::upload_path
pub(crate) async fn answer(
    shared: &Shared,
    device: &Device,
    nth: u64,
    name: &str,
    request: Request<Incoming>,
) -> Result<Reply, Hangup> {
    let upload = name
        .parse()
        .ok()
        .and_then(|number| device.uploads.find(number));
    let Some(upload) = upload else {
        device.hold_back(nth).await;
        return Ok(text(StatusCode::NOT_FOUND, "no such upload"));
    };
    let reply = match *request.method() {
        Method::HEAD => state_of(&upload),
        Method::PATCH => {
            let (head, body) = request.into_parts();
            let offset = integer(&head.headers, UPLOAD_OFFSET);
            match (offset, complete(&head.headers)) {
                (Some(offset), Some(last)) => {
                    let headers = &head.headers;
                    append(shared, device, &upload, headers, offset, last, body).await?
                }
                _ => text(StatusCode::BAD_REQUEST, "an append names offset and end"),
            }
        }
        Method::DELETE => {
            upload.state().take_turn();
            device.uploads.forget(upload.number);
            text(StatusCode::NO_CONTENT, "")
        }
        _ => text(StatusCode::METHOD_NOT_ALLOWED, "Method not allowed"),
    };
    device.hold_back(nth).await;
    Ok(reply)
}

fn state_of(upload: &Upload) -> Reply {
    let mut state = upload.state();
    state.take_turn();
    let mut reply = text(StatusCode::NO_CONTENT, "");
    let headers = reply.headers_mut();
    headers.insert(UPLOAD_OFFSET, state.arrived.size.into());
    headers.insert(UPLOAD_COMPLETE, truth(state.complete));
    if let Some(length) = upload.length {
        headers.insert(UPLOAD_LENGTH, length.into());
    }
    let unstored = HeaderValue::from_static("no-store");
    headers.insert(header::CACHE_CONTROL, unstored);
    reply
}

/// Takes further bytes from `offset`, the last ones of the release or not.
async fn append(
    shared: &Shared,
    device: &Device,
    upload: &Arc<Upload>,
    head: &HeaderMap,
    offset: u64,
    last: bool,
    body: Incoming,
) -> Result<Reply, Hangup> {
    let (turn, begins) = {
        let mut state = upload.state();
        if state.complete {
            return Ok(text(StatusCode::BAD_REQUEST, "the upload is complete"));
        }
        if offset != state.arrived.size {
            let mut reply = text(StatusCode::CONFLICT, "the upload is elsewhere");
            let headers = reply.headers_mut();
            headers.insert(UPLOAD_OFFSET, state.arrived.size.into());
            return Ok(reply);
        }
        let attempt = attempt_of(head);
        let same_attempt = attempt.is_some() && state.attempt == attempt;
        state.attempt = attempt;
        let begins = Begins::At {
            offset,
            same_attempt,
        };
        (state.take_turn(), begins)
    };
    let mut transfer = Transfer::begin(shared, device, head, &upload.release, begins);
    let fault = transfer.fault(&upload.release);
    let read = transfer.read(body, fault, |chunk| {
        let mut state = upload.state();
        // Whoever took the turn was told an offset that must stay true.
        let ours = !turn.is_cancelled();
        if ours {
            state.arrived.take(chunk);
        }
        ours
    });
    tokio::select! {
        read = read => read?,
        () = turn.cancelled() => return Err(Hangup::Superseded),
    }
    let received = {
        let mut state = upload.state();
        if turn.is_cancelled() {
            return Err(Hangup::Superseded);
        }
        let size = state.arrived.size;
        if upload
            .length
            .is_some_and(|length| size > length || last && size < length)
        {
            transfer.part();
            device.uploads.forget(upload.number);
            return Ok(text(
                StatusCode::BAD_REQUEST,
                "that is not the length announced",
            ));
        }
        state.complete = last;
        state.arrived.whole()
    };
    let mut reply = if last {
        conclude(shared, &mut transfer, &upload.release, &received, fault).await
    } else {
        transfer.part();
        text(StatusCode::NO_CONTENT, "")
    };
    reply.headers_mut().insert(UPLOAD_COMPLETE, truth(last));
    Ok(reply)
}

fn integer(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.trim().parse().ok()
}

fn complete(headers: &HeaderMap) -> Option<bool> {
    match headers.get(UPLOAD_COMPLETE)?.to_str().ok()?.trim() {
        "?1" => Some(true),
        "?0" => Some(false),
        _ => None,
    }
}

fn truth(truth: bool) -> HeaderValue {
    HeaderValue::from_static(if truth { "?1" } else { "?0" })
}
