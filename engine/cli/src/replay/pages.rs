use anyhow::Context as _;
use tokio::sync::mpsc;
use windlass_model::RolloutKey;
use windlass_store::{DecisionRows, Store, StoreError};

/// Bytes that the decisions read at once say, some 250 of them: what is lost by passing them on
/// is little beside what is done with them.
const PAGE: usize = 512 << 10;
/// Pages read before they are wanted: enough for reading and running to go on side by side.
const AHEAD: usize = 4;

/// What is said before why not.
pub(super) const UNREADABLE: &str = "the decisions could not be read";

/// The decisions of a rollout, read by a thread of its own ahead of whoever runs them.
pub struct Pages<T>(mpsc::Receiver<anyhow::Result<T>>);

impl<T: Send + 'static> Pages<T> {
    /// Those after the decision of id `after`, as what `make` makes of them there.
    pub fn read(
        store: Store,
        rollout: RolloutKey,
        mut after: i64,
        make: impl Fn(DecisionRows) -> Result<T, StoreError> + Send + 'static,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            loop {
                let page = match store.decision_rows(rollout, after, PAGE) {
                    Ok(rows) => match rows.last() {
                        Some(last) => {
                            after = last.id();
                            make(rows)
                        }
                        None => break,
                    },
                    Err(error) => Err(error),
                };
                let is_last = page.is_err();
                let page = page.context(UNREADABLE);
                if sender.blocking_send(page).is_err() || is_last {
                    break;
                }
            }
        });
        Self(receiver)
    }

    /// The next page; none after the last one, or after an error.
    pub async fn next(&mut self) -> Option<anyhow::Result<T>> {
        self.0.recv().await
    }
}
