//! A body of a release on its way in, and what is written down of it.

use std::sync::atomic::Ordering;

use http::HeaderMap;
use hyper::body::{Bytes, Incoming};

use crate::behaviour::Fault;
use crate::device::Device;
use crate::http_api::Hangup;
use crate::intake::{Ended, Intake};
use crate::ledger::{attempt_of, now};
use crate::record::{PushEnd, PushRecord};
use crate::release::Received;
use crate::shared::Shared;
use crate::software::{Course, Image};
use crate::spec::Inspect;

/// A body that is under way. Dropped before it ended, it was aborted.
pub(crate) struct Transfer<'a> {
    shared: &'a Shared,
    device: &'a Device,
    /// How many there were before it.
    nth: u64,
    bytes: u64,
    ended: bool,
}

/// Where in a release a body begins.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begins {
    AtTheStart,
    /// It goes on with an upload, by the same attempt as before or by another.
    At {
        offset: u64,
        same_attempt: bool,
    },
}

impl<'a> Transfer<'a> {
    /// `release` are the headers that describe the release, `head` those of this request.
    pub(crate) fn begin(
        shared: &'a Shared,
        device: &'a Device,
        head: &HeaderMap,
        release: &HeaderMap,
        begins: Begins,
    ) -> Self {
        device.ledger.in_flight.enter();
        shared.pushes.enter();
        let mut book = device.ledger.book();
        let nth = book.begun;
        book.begun += 1;
        book.first.get_or_insert_with(now);
        if shared.spec.inspect == Inspect::Full {
            book.note_headers(head);
            let (offset, same_attempt) = match begins {
                Begins::AtTheStart => (0, false),
                Begins::At {
                    offset,
                    same_attempt,
                } => (offset, same_attempt),
            };
            if !same_attempt {
                book.note_attempt(attempt_of(head));
            }
            book.pushes.open(PushRecord {
                nth,
                attempt: attempt_of(head),
                version: version_of(release),
                offset,
                bytes: 0,
                sha256: None,
                installed: false,
                began: now(),
                ended: None,
                end: PushEnd::UnderWay,
            });
        }
        drop(book);
        shared.begun.fetch_add(1, Ordering::SeqCst);
        shared.changed.notify_waiters();
        Self {
            shared,
            device,
            nth,
            bytes: 0,
            ended: false,
        }
    }

    /// What goes wrong with it.
    pub(crate) fn fault(&self, release: &HeaderMap) -> Option<&'a Fault> {
        let version = version_of(release);
        let device = self.device;
        device
            .behaviour
            .fault_of_push(device.dice, self.nth, version.as_deref())
    }

    /// Reads the body, as far as the fault lets it. `take` tells whether the device keeps a chunk;
    /// one that it does not was never received.
    pub(crate) async fn read(
        &mut self,
        body: Incoming,
        fault: Option<&Fault>,
        mut take: impl FnMut(&Bytes) -> bool,
    ) -> Result<(), Hangup> {
        let intake = Intake {
            bandwidth: self.device.behaviour.bandwidth,
            cut: match fault {
                Some(Fault::Cut { after }) => Some(*after),
                _ => None,
            },
        };
        let ledger = &self.device.ledger;
        let bytes = &mut self.bytes;
        let ended = intake.read(body, |chunk| {
            if take(chunk) {
                ledger.add_bytes(chunk.len() as u64);
                *bytes += chunk.len() as u64;
            }
        });
        match ended.await {
            Ended::Whole => Ok(()),
            Ended::Cut => {
                self.end(PushEnd::Cut);
                Err(Hangup::Fault)
            }
            Ended::Broken(source) => Err(Hangup::Broken(source)),
        }
    }

    /// More of the release is to come in another body.
    pub(crate) fn part(&mut self) {
        self.end(PushEnd::Part);
    }

    /// The release is whole.
    pub(crate) fn completed(&mut self, received: &Received, right: Option<bool>) {
        let mut book = self.device.ledger.book();
        book.last_sha256 = received.sha256;
        book.last_right = right;
        book.wrong_bytes += u64::from(right == Some(false));
        book.pushes
            .amend(self.nth, |record| record.sha256 = received.sha256);
        drop(book);
        self.end(PushEnd::Completed);
    }

    pub(crate) fn install(&self, release: &HeaderMap, received: &Received, fault: Option<&Fault>) {
        let behaviour = &self.device.behaviour;
        let version = version_of(release).or_else(|| received.opening.clone());
        let course = Course {
            takes: behaviour.install.takes,
            reboot: behaviour.reboot,
            lasts: match fault {
                Some(Fault::FallBack { after }) => Some(*after),
                _ => None,
            },
        };
        let mut book = self.device.ledger.book();
        let image = Image {
            version: version.unwrap_or_else(|| book.software.newest().version.clone()),
            sha256: received.sha256,
            at: now(),
            garbled: matches!(fault, Some(Fault::GarbledReport)),
        };
        book.install(image, course);
        book.pushes
            .amend(self.nth, |record| record.installed = true);
        drop(book);
        self.shared.installed.fetch_add(1, Ordering::SeqCst);
        self.shared.changed.notify_waiters();
    }

    fn end(&mut self, end: PushEnd) {
        self.ended = true;
        let mut book = self.device.ledger.book();
        let at = now();
        book.last = Some(at);
        book.pushes.amend(self.nth, |record| {
            record.bytes = self.bytes;
            record.ended = Some(at);
            record.end = end;
        });
        let counters = match end {
            PushEnd::Aborted => Some((&mut book.aborted, &self.shared.aborted)),
            PushEnd::Cut => Some((&mut book.cut, &self.shared.cut)),
            PushEnd::Completed => Some((&mut book.completed, &self.shared.completed)),
            PushEnd::Part | PushEnd::UnderWay => None,
        };
        if let Some((here, everywhere)) = counters {
            *here += 1;
            everywhere.fetch_add(1, Ordering::SeqCst);
        }
        drop(book);
        self.shared.changed.notify_waiters();
    }
}

impl Drop for Transfer<'_> {
    fn drop(&mut self) {
        if !self.ended {
            self.end(PushEnd::Aborted);
        }
        self.device.ledger.in_flight.leave();
        self.shared.pushes.leave();
        self.shared.changed.notify_waiters();
    }
}

/// The version that the headers of a release name.
fn version_of(release: &HeaderMap) -> Option<String> {
    release
        .get("x-release-version")
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
