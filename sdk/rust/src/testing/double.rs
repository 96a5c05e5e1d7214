//! The same items as the real host's, backed by the thread's [`FakeHost`](super::FakeHost).

use std::rc::Rc;

use sha2::{Digest as _, Sha256};

use super::{
    Received,
    exchange::Response,
    host::{State, with},
};
use crate::{DeliveryError, host::Content, http::Head, job::CHECKPOINT_LIMIT, log::Level};

pub(crate) fn report(bytes: u64) {
    with(|host| host.reports.push(bytes));
}

pub(crate) fn checkpoint(data: &[u8]) -> Result<(), String> {
    if data.len() > CHECKPOINT_LIMIT {
        return Err(format!(
            "a checkpoint holds at most {CHECKPOINT_LIMIT} bytes"
        ));
    }
    with(|host| host.checkpoints.push(data.to_vec()));
    Ok(())
}

pub(crate) fn log(level: Level, message: &str) {
    with(|host| host.lines.push((level, message.to_owned())));
}

pub(crate) struct Payload(pub(super) Rc<[u8]>);

impl Payload {
    pub(crate) fn size(&self) -> u64 {
        self.0.len() as u64
    }

    pub(crate) fn sha256(&self) -> Vec<u8> {
        Sha256::digest(&self.0).to_vec()
    }

    pub(crate) fn media_type(&self) -> String {
        "application/octet-stream".to_owned()
    }

    pub(crate) fn open(&self, offset: u64, length: u64) -> Result<PayloadStream, DeliveryError> {
        Ok(PayloadStream(self.range(offset, length)?.to_vec(), 0))
    }

    fn range(&self, offset: u64, length: u64) -> Result<&[u8], DeliveryError> {
        let start = usize::try_from(offset).ok();
        let length = usize::try_from(length).ok();
        start
            .zip(length)
            .and_then(|(start, length)| self.0.get(start..start.checked_add(length)?))
            .ok_or_else(|| DeliveryError::other("a range outside the payload was asked for"))
    }
}

/// The bytes and how many of them are read.
pub(crate) struct PayloadStream(Vec<u8>, usize);

impl PayloadStream {
    pub(crate) fn read(&mut self, limit: usize) -> Result<Option<Vec<u8>>, DeliveryError> {
        let left = &self.0[self.1..];
        let chunk = left[..limit.min(left.len())].to_vec();
        self.1 += chunk.len();
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}

pub(crate) fn send(head: Head, content: Content<'_>) -> Result<Incoming, DeliveryError> {
    let mut received = receive(&head);
    match content {
        Content::Nothing => {}
        Content::Payload(payload) => received.attach(&payload.0),
        Content::Range {
            payload,
            offset,
            length,
        } => received.attach(payload.range(offset, length)?),
    }
    answer(received)
}

pub(crate) fn send_streaming(head: Head) -> Result<(Sink, Pending), DeliveryError> {
    let request = Rc::new(std::cell::RefCell::new(receive(&head)));
    Ok((Sink(Rc::clone(&request)), Pending(request)))
}

fn receive(head: &Head) -> Received {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Received {
        url: head.url.clone(),
        method: head.method.to_string(),
        headers: head
            .fields
            .iter()
            .map(|(name, value)| (text(name), text(value)))
            .collect(),
        body: Vec::new(),
    }
}

fn answer(received: Received) -> Result<Incoming, DeliveryError> {
    with(
        |State {
             handler, requests, ..
         }| {
            requests.push(received);
            let (Some(handler), Some(received)) = (handler, requests.last()) else {
                return Err(DeliveryError::unreachable(
                    "the device refused the connection",
                ));
            };
            handler(received)
                .0
                .map(|response| Incoming { response, read: 0 })
        },
    )
}

impl Received {
    fn attach(&mut self, bytes: &[u8]) {
        self.body = bytes.to_vec();
        let header = ("Content-Length".to_owned(), bytes.len().to_string());
        self.headers.push(header);
    }
}

type Shared = Rc<std::cell::RefCell<Received>>;

pub(crate) struct Sink(Shared);

impl Sink {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), DeliveryError> {
        let body = &mut self.0.borrow_mut().body;
        let room = with(|host| host.close_after).map_or(usize::MAX, |end| end - body.len());
        body.extend_from_slice(&bytes[..room.min(bytes.len())]);
        if bytes.len() > room {
            return Err(DeliveryError::interrupted(
                "the device closed the connection during the transfer",
            ));
        }
        Ok(())
    }

    pub(crate) fn splice(
        &mut self,
        source: &mut PayloadStream,
        limit: u64,
    ) -> Result<u64, DeliveryError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let chunk = source.read(limit)?.unwrap_or_default();
        self.write(&chunk)?;
        Ok(chunk.len() as u64)
    }

    pub(crate) fn finish(self) -> Result<(), DeliveryError> {
        let received = self.0.borrow();
        match received.header("content-length") {
            Some(length) if length != received.body.len().to_string() => Err(DeliveryError::other(
                "the request's body is not of the length announced",
            )),
            Some(_) | None => Ok(()),
        }
    }
}

pub(crate) struct Pending(Shared);

impl Pending {
    pub(crate) fn wait(self) -> Result<Incoming, DeliveryError> {
        answer(self.0.borrow().clone())
    }
}

pub(crate) struct Incoming {
    response: Response,
    read: usize,
}

impl Incoming {
    pub(crate) fn status(&self) -> u16 {
        self.response.status
    }

    pub(crate) fn header(&self, name: &str) -> Option<&[u8]> {
        self.response
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_bytes())
    }

    pub(crate) fn read(&mut self, limit: usize) -> Result<Option<Vec<u8>>, DeliveryError> {
        let left = &self.response.body[self.read..];
        let chunk = left[..limit.min(left.len())].to_vec();
        self.read += chunk.len();
        Ok((!chunk.is_empty()).then_some(chunk))
    }
}
