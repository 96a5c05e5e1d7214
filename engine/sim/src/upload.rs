//! Resumable uploads (draft-ietf-httpbis-resumable-upload): a release in several bodies.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderMap;
use tokio_util::sync::CancellationToken;
use windlass_model::AttemptId;

use crate::release::Arrived;

/// Uploads that a device remembers, the oldest dropped first: one is under way, and the
/// others were given up.
const MOST_UPLOADS: usize = 4;

/// The uploads of a device.
#[derive(Default)]
pub(crate) struct Uploads(Mutex<Shelf>);

#[derive(Default)]
struct Shelf {
    last: u64,
    known: VecDeque<Arc<Upload>>,
}

impl Uploads {
    /// Opens an upload of the release that these headers describe.
    pub(crate) fn create(
        &self,
        release: HeaderMap,
        length: Option<u64>,
        hashed: bool,
    ) -> Arc<Upload> {
        let mut shelf = self.shelf();
        shelf.last += 1;
        let upload = Arc::new(Upload {
            number: shelf.last,
            release,
            length,
            state: Mutex::new(State {
                arrived: Arrived::new(hashed),
                complete: false,
                attempt: None,
                turn: CancellationToken::new(),
            }),
        });
        if shelf.known.len() == MOST_UPLOADS {
            shelf.known.pop_front();
        }
        shelf.known.push_back(Arc::clone(&upload));
        upload
    }

    pub(crate) fn find(&self, number: u64) -> Option<Arc<Upload>> {
        let shelf = self.shelf();
        let found = shelf.known.iter().find(|upload| upload.number == number);
        found.map(Arc::clone)
    }

    pub(crate) fn forget(&self, number: u64) {
        self.shelf().known.retain(|upload| upload.number != number);
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // The list is whole after every statement.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One upload.
pub(crate) struct Upload {
    pub(crate) number: u64,
    /// The headers of the request that created it.
    pub(crate) release: HeaderMap,
    pub(crate) length: Option<u64>,
    state: Mutex<State>,
}

pub(crate) struct State {
    pub(crate) arrived: Arrived,
    pub(crate) complete: bool,
    /// Whose bytes came last.
    pub(crate) attempt: Option<AttemptId>,
    turn: CancellationToken,
}

impl Upload {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        // A hash is updated in one piece.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Ends whatever still sends to the upload, so that the offset holds from now on: its
    /// sender has given it up, for a sender has one request under way. The token tells
    /// when the next one takes its turn.
    pub(crate) fn take_turn(&mut self) -> CancellationToken {
        self.turn.cancel();
        self.turn = CancellationToken::new();
        self.turn.clone()
    }
}
