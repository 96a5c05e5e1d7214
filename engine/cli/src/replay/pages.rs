use anyhow::Context as _;
use tokio::sync::mpsc;
use windlass_model::RolloutKey;
use windlass_store::{Store, StoredDecision};

/// Decisions read at once: each holds all counts of all cohorts.
const PAGE: usize = 256;
/// Pages read before they are wanted: enough for reading and running to go on side by side.
const AHEAD: usize = 4;

/// The decisions of a rollout, read by a thread of its own ahead of whoever runs them.
pub struct Pages(mpsc::Receiver<anyhow::Result<Vec<StoredDecision>>>);

impl Pages {
    /// Those after the decision of id `after`.
    pub fn read(store: Store, rollout: RolloutKey, mut after: i64) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            loop {
                let page = store
                    .decisions(rollout, after, PAGE)
                    .context("the decisions could not be read");
                let last = match &page {
                    Ok(page) => page.last().map(|last| last.id),
                    Err(_) => None,
                };
                let is_empty = matches!(&page, Ok(page) if page.is_empty());
                if is_empty || sender.blocking_send(page).is_err() {
                    break;
                }
                match last {
                    Some(last) => after = last,
                    None => break,
                }
            }
        });
        Self(receiver)
    }

    /// The next page; none after the last one, or after an error.
    pub async fn next(&mut self) -> Option<anyhow::Result<Vec<StoredDecision>>> {
        self.0.recv().await
    }
}
