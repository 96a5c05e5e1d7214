//! Committed events, to whoever listens. The channel is bounded; a listener that falls
//! behind reads what it missed from the log, so it sees every event once and in order.

use std::{collections::VecDeque, sync::Arc};

use tokio::sync::broadcast::{self, error::RecvError};
use windlass_model::{LoggedEvent, Sequence};
use windlass_store::{StoreError, StoreHandle};

/// Commits whose events are held for listeners that are slower than the engine: many of them
/// have one event, and whoever falls behind has the log read.
const CAPACITY: usize = 256;
/// Events of a commit that are published at once: with [`CAPACITY`] it bounds what is held, to
/// some 4 MiB.
const TOGETHER: usize = 64;
/// Events read from the log at once by a listener that fell behind.
const CATCH_UP_PAGE: usize = 1024;

/// The sending side, owned by the driver.
#[derive(Clone)]
pub struct Bus(broadcast::Sender<Arc<[LoggedEvent]>>);

impl Default for Bus {
    fn default() -> Self {
        Self(broadcast::Sender::new(CAPACITY))
    }
}

impl Bus {
    /// Publishes events that were committed together, in order: to wake a listener for each
    /// of them costs more than the event.
    pub(crate) fn publish(&self, events: impl IntoIterator<Item = LoggedEvent>) {
        let mut events = events.into_iter();
        loop {
            let together: Arc<[_]> = events.by_ref().take(TOGETHER).collect();
            if together.is_empty() {
                break;
            }
            // No listener is no error: the log has the events.
            self.0.send(together).ok();
        }
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
    live: broadcast::Receiver<Arc<[LoggedEvent]>>,
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
                Ok(events) => {
                    let last = self.last;
                    let mut news = events.iter().filter(|event| event.seq > last).peekable();
                    // What is missing before them is read with them from the log.
                    self.behind = news.peek().is_some_and(|event| event.seq.0 != last.0 + 1);
                    if !self.behind {
                        self.backlog.extend(news.cloned());
                    }
                }
                Err(RecvError::Lagged(_)) => self.behind = true,
                Err(RecvError::Closed) => return Ok(None),
            }
        }
    }
}
