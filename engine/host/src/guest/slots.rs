use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::instance::Instance;
use crate::contract::Contract;

/// Names something that was opened: instances are kept for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenedId(pub(crate) u64);

/// The places that instances of one kind have in the engine's pool.
///
/// An instance in a call and a kept one take a place each. Whoever finds all calls taken
/// waits; whoever finds a free call but no free place takes that of the instance that was
/// kept longest. So a full pool never fails a call.
pub(crate) struct Slots<C: Contract> {
    calls: Arc<Semaphore>,
    capacity: usize,
    places: Mutex<Places<C>>,
}

struct Places<C: Contract> {
    in_call: usize,
    kept: VecDeque<(OpenedId, Instance<C>)>,
}

impl<C: Contract> Slots<C> {
    pub(crate) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self {
            calls: Arc::new(Semaphore::new(capacity)),
            capacity,
            places: Mutex::new(Places {
                in_call: 0,
                kept: VecDeque::new(),
            }),
        })
    }

    /// Waits for a place for a call of `opened`, and takes an instance that is kept for it.
    pub(super) async fn lend(
        self: &Arc<Self>,
        opened: OpenedId,
    ) -> (Place<C>, Option<Instance<C>>) {
        let permit = Arc::clone(&self.calls)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let mut evicted = None;
        let kept = {
            let mut places = self.places();
            places.in_call += 1;
            match places.kept.iter().rposition(|(of, _)| *of == opened) {
                Some(index) => places.kept.remove(index).map(|(_, instance)| instance),
                None => {
                    if places.in_call + places.kept.len() > self.capacity {
                        evicted = places.kept.pop_front();
                    }
                    None
                }
            }
        };
        // Its place in the pool is free only when it is gone.
        drop(evicted);
        let place = Place {
            opened,
            slots: Arc::clone(self),
            _permit: permit,
        };
        (place, kept)
    }

    /// Drops what is kept for `opened`.
    pub(crate) fn forget(&self, opened: OpenedId) {
        let forgotten: VecDeque<_> = {
            let mut places = self.places();
            let (forgotten, kept) = std::mem::take(&mut places.kept)
                .into_iter()
                .partition(|(of, _)| *of == opened);
            places.kept = kept;
            forgotten
        };
        drop(forgotten);
    }

    fn places(&self) -> MutexGuard<'_, Places<C>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place for one call.
pub(super) struct Place<C: Contract> {
    opened: OpenedId,
    slots: Arc<Slots<C>>,
    _permit: OwnedSemaphorePermit,
}

impl<C: Contract> Drop for Place<C> {
    fn drop(&mut self) {
        self.slots.places().in_call -= 1;
    }
}

/// An opened instance in a place of its own, for one call. Both are given up when it is
/// dropped, the instance first.
pub(crate) struct Ready<C: Contract> {
    pub(crate) instance: Instance<C>,
    place: Place<C>,
}

impl<C: Contract> Ready<C> {
    pub(super) fn new(instance: Instance<C>, place: Place<C>) -> Self {
        Self { instance, place }
    }

    /// Ends the call and keeps the instance for the next.
    pub(crate) fn keep(self) {
        let Self { instance, place } = self;
        let mut places = place.slots.places();
        places.kept.push_back((place.opened, instance));
        // It has two places for the moment until `place` is dropped; both are this call's.
    }
}
