//! A push: from its head to its answer.

use std::sync::atomic::Ordering;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Request, StatusCode, header};
use hyper::body::Incoming;
use windlass_model::Sha256;

use crate::behaviour::Fault;
use crate::device::Device;
use crate::fleet::Shared;
use crate::http_api::{Hangup, Reply, json, text};
use crate::intake::{Ended, Intake, Received};
use crate::ledger::now;
use crate::software::Image;
use crate::spec::Inspect;

/// Takes a push, the `nth` request of the device.
pub(crate) async fn take(
    shared: &Shared,
    device: &Device,
    nth: u64,
    request: Request<Incoming>,
) -> Result<Reply, Hangup> {
    let (head, body) = request.into_parts();
    let mut push = Push::begin(shared, device, &head.headers);
    let fault = device.behaviour.fault_of_push(device.dice, push.nth);
    let intake = Intake {
        bandwidth: device.behaviour.bandwidth,
        hashed: shared.spec.inspect == Inspect::Full,
        cut: match fault {
            Some(Fault::Cut { after }) => Some(*after),
            _ => None,
        },
    };
    let received = match intake.read(body, &device.ledger).await {
        Ended::Whole(received) => received,
        Ended::Cut => {
            push.end(End::Cut);
            return Err(Hangup::Fault);
        }
        Ended::Broken(source) => return Err(Hangup::Broken(source)),
    };
    let right = compare(&head.headers, shared.spec.expected, &received);
    push.completed(&received, right.ok().flatten());

    let reply = match (right, fault) {
        (Err(BadDigestHeader), _) => {
            text(StatusCode::BAD_REQUEST, "Repr-Digest cannot be understood")
        }
        (Ok(Some(false)), _) => text(
            StatusCode::UNPROCESSABLE_ENTITY,
            "the bytes are not the ones announced",
        ),
        (Ok(_), Some(Fault::Status { code, retry_after })) => {
            let mut reply = text(*code, "Simulated update failure");
            if let Some(seconds) = retry_after {
                let headers = reply.headers_mut();
                headers.insert(header::RETRY_AFTER, (*seconds).into());
            }
            reply
        }
        (Ok(_), Some(Fault::Hang)) => std::future::pending().await,
        (Ok(_), Some(Fault::Swallow)) => {
            push.install(&head.headers, &received, false);
            std::future::pending().await
        }
        (Ok(_), Some(Fault::KeepVersion)) => installed(&received),
        (Ok(_), Some(Fault::GarbledReport)) => {
            push.install(&head.headers, &received, true);
            installed(&received)
        }
        // A refusal concerns connections, and a cut has ended above.
        (Ok(_), None | Some(Fault::Refuse | Fault::Cut { .. })) => {
            push.install(&head.headers, &received, false);
            installed(&received)
        }
    };
    device.hold_back(nth).await;
    Ok(reply)
}

fn installed(received: &Received) -> Reply {
    let size = received.size;
    json(format!(
        "{{\"success\":true,\"message\":\"Update installed successfully\",\"size\":{size}}}\n"
    ))
}

#[derive(Clone, Copy)]
struct BadDigestHeader;

/// Whether the body is the one announced; `None` if nothing was announced or hashed.
fn compare(
    headers: &HeaderMap,
    expected: Option<Sha256>,
    received: &Received,
) -> Result<Option<bool>, BadDigestHeader> {
    let Some(found) = received.sha256 else {
        return Ok(None);
    };
    let announced = match headers.get("repr-digest") {
        Some(value) => sha256_of(value.to_str().map_err(|_| BadDigestHeader)?)?,
        None => None,
    };
    let mut wanted = announced.into_iter().chain(expected).peekable();
    Ok(wanted
        .peek()
        .is_some()
        .then(|| wanted.all(|wanted| wanted == found)))
}

/// The SHA-256 of a `Repr-Digest` (RFC 9530); other algorithms in it are passed over.
fn sha256_of(value: &str) -> Result<Option<Sha256>, BadDigestHeader> {
    let member = value.split(',').find_map(|member| {
        let (algorithm, digest) = member.split_once('=')?;
        (algorithm.trim() == "sha-256").then_some(digest)
    });
    let Some(member) = member else {
        return Ok(None);
    };
    let encoded = member
        .trim()
        .strip_prefix(':')
        .and_then(|rest| rest.strip_suffix(':'))
        .ok_or(BadDigestHeader)?;
    let bytes = STANDARD.decode(encoded).map_err(|_| BadDigestHeader)?;
    let digest = bytes.try_into().map_err(|_| BadDigestHeader)?;
    Ok(Some(Sha256(digest)))
}

/// How a push ended, in the device's eyes.
#[derive(Clone, Copy)]
enum End {
    Aborted,
    Cut,
    Completed,
}

/// A push that is under way. Dropped before it completed, it was aborted.
struct Push<'a> {
    shared: &'a Shared,
    device: &'a Device,
    nth: u64,
    ended: bool,
}

impl<'a> Push<'a> {
    fn begin(shared: &'a Shared, device: &'a Device, headers: &HeaderMap) -> Self {
        device.ledger.in_flight.enter();
        shared.pushes.enter();
        let mut book = device.ledger.book();
        let nth = book.begun;
        book.begun += 1;
        book.first.get_or_insert_with(now);
        if shared.spec.inspect == Inspect::Full {
            book.note_headers(headers);
        }
        drop(book);
        shared.begun.fetch_add(1, Ordering::SeqCst);
        shared.changed.notify_waiters();
        Self {
            shared,
            device,
            nth,
            ended: false,
        }
    }

    fn completed(&mut self, received: &Received, right: Option<bool>) {
        let mut book = self.device.ledger.book();
        book.last_sha256 = received.sha256;
        book.last_right = right;
        book.wrong_bytes += u64::from(right == Some(false));
        drop(book);
        self.end(End::Completed);
    }

    fn install(&self, headers: &HeaderMap, received: &Received, garbled: bool) {
        let named = headers.get("x-release-version");
        let version = named
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
            .or_else(|| received.opening.clone());
        let version = version.unwrap_or_else(|| {
            let book = self.device.ledger.book();
            book.software.newest().version.clone()
        });
        let image = Image {
            version,
            sha256: received.sha256,
            at: now(),
            garbled,
        };
        self.device
            .ledger
            .install(image, self.device.behaviour.install);
        self.shared.installed.fetch_add(1, Ordering::SeqCst);
        self.shared.changed.notify_waiters();
    }

    fn end(&mut self, end: End) {
        self.ended = true;
        let mut book = self.device.ledger.book();
        book.last = Some(now());
        let (here, everywhere) = match end {
            End::Aborted => (&mut book.aborted, &self.shared.aborted),
            End::Cut => (&mut book.cut, &self.shared.cut),
            End::Completed => (&mut book.completed, &self.shared.completed),
        };
        *here += 1;
        everywhere.fetch_add(1, Ordering::SeqCst);
        drop(book);
        self.shared.changed.notify_waiters();
    }
}

impl Drop for Push<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.end(End::Aborted);
        }
        self.device.ledger.in_flight.leave();
        self.shared.pushes.leave();
        self.shared.changed.notify_waiters();
    }
}
