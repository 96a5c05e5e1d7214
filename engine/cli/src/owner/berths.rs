use std::collections::BTreeMap;

use tokio::sync::watch;
use windlass_model::RolloutName;

/// Which rollouts this process has in hand, so that nobody enters one twice and no order is
/// written into one that is just being taken up.
#[derive(Debug, Default)]
pub(super) struct Berths(watch::Sender<BTreeMap<RolloutName, Purpose>>);

/// What a rollout is in hand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It is driven, or about to be.
    Run,
    /// An order is written into it while it is at rest.
    Order,
}

/// A rollout in hand; let go when dropped.
#[derive(Debug)]
pub(super) struct Berth {
    berths: watch::Sender<BTreeMap<RolloutName, Purpose>>,
    name: RolloutName,
}

impl Drop for Berth {
    fn drop(&mut self) {
        self.berths.send_modify(|taken| {
            taken.remove(&self.name);
        });
    }
}

impl Berths {
    /// Takes a rollout in hand, after an order that is being written into it; none if it is
    /// driven.
    pub(super) async fn take(&self, name: &RolloutName, purpose: Purpose) -> Option<Berth> {
        let mut changes = self.0.subscribe();
        loop {
            let mut held = None;
            let taken = self.0.send_if_modified(|taken| {
                held = taken.get(name).copied();
                if held.is_none() {
                    taken.insert(name.clone(), purpose);
                }
                held.is_none()
            });
            match held {
                _ if taken => {
                    return Some(Berth {
                        berths: self.0.clone(),
                        name: name.clone(),
                    });
                }
                Some(Purpose::Order) => {
                    // The sender is ours: there always is one.
                    changes.changed().await.ok();
                }
                Some(Purpose::Run) | None => return None,
            }
        }
    }

    /// The rollouts that are driven.
    pub(super) fn driven(&self) -> Vec<RolloutName> {
        let taken = self.0.borrow();
        let driven = taken
            .iter()
            .filter(|(_, purpose)| **purpose == Purpose::Run);
        driven.map(|(name, _)| name.clone()).collect()
    }

    /// Completes when none is in hand.
    pub(super) async fn empty(&self) {
        let mut changes = self.0.subscribe();
        // The sender is ours: there always is one.
        changes.wait_for(BTreeMap::is_empty).await.ok();
    }
}
