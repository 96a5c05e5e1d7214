//! Committed events, to whoever listens. The channel is bounded; a listener that falls
//! behind reads what it missed from the log, so it sees every event once and in order.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::broadcast::{self, error::RecvError};
use windlass_model::{LoggedEvent, Sequence};
use windlass_store::{StoreError, StoreHandle};

/// Events held for listeners that are slower than the engine.
const CAPACITY: usize = 4096;
/// Events read from the log at once by a listener that fell behind.
const CATCH_UP_PAGE: usize = 1024;

/// The sending side, owned by the driver.
#[derive(Clone)]
pub struct Bus(broadcast::Sender<Arc<LoggedEvent>>);

impl Default for Bus {
    fn default() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl Bus {
    /// Publishes an event that is committed.
    pub(crate) fn publish(&self, event: LoggedEvent) {
        // No listener is no error: the log has the event.
        self.0.send(Arc::new(event)).ok();
    }

    /// Listens from `after` on, first to what the log holds.
    pub fn subscribe(&self, store: StoreHandle, after: Sequence) -> Subscription {
        Subscription {
            live: self.0.subscribe(),
            store,
            last: after,
            backlog: VecDeque::new(),
            behind: true,
        }
    }
}

/// A listener.
pub struct Subscription {
    live: broadcast::Receiver<Arc<LoggedEvent>>,
    store: StoreHandle,
    last: Sequence,
    backlog: VecDeque<LoggedEvent>,
    behind: bool,
}

impl Subscription {
    /// The next event; none when the engine has ended and everything was seen.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub async fn next(&mut self) -> Result<Option<LoggedEvent>, StoreError> {
        loop {
            if self.behind && self.backlog.is_empty() {
                let after = self.last;
                let page = self
                    .store
                    .run(move |store| store.events(after, CATCH_UP_PAGE, None))
                    .await??;
                self.behind = page.len() == CATCH_UP_PAGE;
                self.backlog = page.into();
            }
            if let Some(event) = self.backlog.pop_front() {
                self.last = event.seq;
                return Ok(Some(event));
            }
            match self.live.recv().await {
                Ok(event) if event.seq.0 == self.last.0 + 1 => {
                    self.last = event.seq;
                    return Ok(Some(Arc::unwrap_or_clone(event)));
                }
                Ok(event) if event.seq <= self.last => {}
                Ok(_) | Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }
}
