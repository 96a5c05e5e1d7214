//! What a device remembers of the requests it got.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use windlass_model::{AttemptId, Sha256, Timestamp};

use crate::behaviour::Install;
use crate::gauge::Gauge;
use crate::record::Records;
use crate::software::{Course, Image, Says, Software};

/// Attempt ids kept per device, oldest dropped first: far more than a rollout makes.
const MOST_ATTEMPTS: usize = 64;
/// Headers kept of a request; hyper itself takes at most 100.
const MOST_HEADERS: usize = 64;
/// Bytes kept of a header's value, so that 20,000 samples stay small.
const MOST_VALUE_BYTES: usize = 256;

/// The headers of a device's last push.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestSample {
    /// Names in lower case with their values, at most 64, each value cut at 256 bytes.
    pub headers: Vec<(String, String)>,
}

impl RequestSample {
    /// The first value of the header `name`, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    fn of(headers: &HeaderMap) -> Self {
        let headers = headers.iter().take(MOST_HEADERS).map(|(name, value)| {
            let bytes = value.as_bytes();
            let kept = &bytes[..bytes.len().min(MOST_VALUE_BYTES)];
            let value = String::from_utf8_lossy(kept).into_owned();
            (name.as_str().to_owned(), value)
        });
        Self {
            headers: headers.collect(),
        }
    }
}

pub(crate) struct Ledger {
    /// Bytes of bodies, counted as they come in.
    pub(crate) bytes: AtomicU64,
    pub(crate) requests: AtomicU64,
    /// Questions for the version.
    pub(crate) asked: AtomicU64,
    pub(crate) connections: AtomicU64,
    pub(crate) refused: AtomicU64,
    pub(crate) in_flight: Gauge,
    book: Mutex<Book>,
}

/// The part that changes a few times a push.
pub(crate) struct Book {
    pub(crate) begun: u64,
    pub(crate) completed: u64,
    pub(crate) aborted: u64,
    pub(crate) cut: u64,
    pub(crate) installed: u64,
    pub(crate) wrong_bytes: u64,
    pub(crate) last_sha256: Option<Sha256>,
    pub(crate) last_right: Option<bool>,
    pub(crate) attempts: Vec<AttemptId>,
    pub(crate) pushes: Records,
    pub(crate) sample: RequestSample,
    pub(crate) first: Option<Timestamp>,
    pub(crate) last: Option<Timestamp>,
    pub(crate) software: Software,
}

impl Ledger {
    pub(crate) fn new(software: Software) -> Self {
        let book = Book {
            begun: 0,
            completed: 0,
            aborted: 0,
            cut: 0,
            installed: 0,
            wrong_bytes: 0,
            last_sha256: None,
            last_right: None,
            attempts: Vec::new(),
            pushes: Records::default(),
            sample: RequestSample::default(),
            first: None,
            last: None,
            software,
        };
        Self {
            bytes: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            in_flight: Gauge::default(),
            book: Mutex::new(book),
        }
    }

    pub(crate) fn book(&self) -> MutexGuard<'_, Book> {
        // A book is whole after every statement, so a panic elsewhere does not spoil it.
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add_bytes(&self, count: u64) {
        self.bytes.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts one more and says how many there were before.
    pub(crate) fn next(counter: &AtomicU64) -> u64 {
        counter.fetch_add(1, Ordering::SeqCst)
    }

    pub(crate) fn says(&self, install: Install) -> Says {
        self.book().software.says(install, Instant::now())
    }
}

impl Book {
    pub(crate) fn install(&mut self, image: Image, course: Course) {
        self.installed += 1;
        self.software.install(image, course, Instant::now());
    }

    /// Notes what a push says of itself.
    pub(crate) fn note_headers(&mut self, headers: &HeaderMap) {
        self.sample = RequestSample::of(headers);
    }

    /// Notes whose push it is.
    pub(crate) fn note_attempt(&mut self, attempt: Option<AttemptId>) {
        let Some(attempt) = attempt else {
            return;
        };
        if self.attempts.len() == MOST_ATTEMPTS {
            self.attempts.remove(0);
        }
        self.attempts.push(attempt);
    }
}

/// The `X-Attempt-Id` of a push.
pub(crate) fn attempt_of(headers: &HeaderMap) -> Option<AttemptId> {
    let value = headers.get("x-attempt-id")?;
    value.to_str().ok()?.parse().ok().map(AttemptId)
}

/// The wall clock.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
