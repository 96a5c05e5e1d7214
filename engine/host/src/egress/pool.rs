use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use windlass_model::PluginName;

use super::{
    connection::{Connection, Shared},
    target::Place,
};

/// What a connection may be used for again: the same plugin at the same place. Places come
/// first because they tell two keys apart sooner.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) place: Place,
    pub(super) plugin: PluginName,
}

/// Connections that nobody uses, bounded in total: with an address per device a bound per
/// place would bound nothing. The one that was used longest ago goes first.
pub(super) struct Pool {
    capacity: usize,
    idle_time: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of each place, the one used last at the end. Few enough that comparing places costs less
    /// than hashing one.
    idle: BTreeMap<Key, Vec<Idle>>,
    count: usize,
    sequence: u64,
    /// Everything that was put in, oldest first. What has been taken out since is skipped
    /// when it comes up, and swept when it has become the larger part.
    order: VecDeque<(Key, u64)>,
}

struct Idle {
    sequence: u64,
    connection: Connection,
}

/// Entries of `State::order` that are not worth a sweep.
const SWEEP_FROM: usize = 64;

impl Pool {
    pub(super) fn new(capacity: usize, idle_time: Duration) -> Self {
        Self {
            capacity,
            idle_time,
            state: Mutex::new(State::default()),
        }
    }

    /// The connection of `key` that was used last. It may have been closed since.
    pub(super) fn take(&self, key: &Key) -> Option<Connection> {
        let mut state = self.state();
        let places = state.idle.get_mut(key)?;
        let taken = places.pop();
        if places.is_empty() {
            state.idle.remove(key);
        }
        let Idle { connection, .. } = taken?;
        state.count -= 1;
        Some(connection)
    }

    /// Keeps `connection` for the next job, and closes another one if that is too many.
    pub(super) fn put(&self, connection: Connection) {
        if self.capacity == 0 || connection.sender.is_closed() {
            return;
        }
        connection.shared.rest(Instant::now() + self.idle_time);
        let key = connection.key.clone();
        let mut state = self.state();
        state.sequence += 1;
        let sequence = state.sequence;
        state.order.push_back((key.clone(), sequence));
        state.idle.entry(key).or_default().push(Idle {
            sequence,
            connection,
        });
        state.count += 1;
        let evicted = if state.count > self.capacity {
            state.evict()
        } else {
            None
        };
        state.sweep();
        // Closing takes other locks.
        drop(state);
        drop(evicted);
    }

    /// Removes a connection that has ended by itself.
    pub(super) fn forget(&self, key: &Key, shared: &Arc<Shared>) {
        let mut state = self.state();
        let Some(places) = state.idle.get_mut(key) else {
            return;
        };
        let Some(index) = places
            .iter()
            .position(|idle| Arc::ptr_eq(&idle.connection.shared, shared))
        else {
            return;
        };
        let ended = places.remove(index);
        if places.is_empty() {
            state.idle.remove(key);
        }
        state.count -= 1;
        drop(state);
        drop(ended);
    }

    pub(super) fn idle_time(&self) -> Duration {
        self.idle_time
    }

    pub(super) fn len(&self) -> usize {
        self.state().count
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing between two statements of this module panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn evict(&mut self) -> Option<Idle> {
        while let Some((key, sequence)) = self.order.pop_front() {
            let Some(places) = self.idle.get_mut(&key) else {
                continue;
            };
            let Ok(index) = places.binary_search_by_key(&sequence, |idle| idle.sequence) else {
                continue;
            };
            let evicted = places.remove(index);
            if places.is_empty() {
                self.idle.remove(&key);
            }
            self.count -= 1;
            return Some(evicted);
        }
        None
    }

    fn sweep(&mut self) {
        if self.order.len() > SWEEP_FROM + 2 * self.count {
            let idle = &self.idle;
            self.order.retain(|(key, sequence)| {
                idle.get(key).is_some_and(|places| {
                    places
                        .binary_search_by_key(sequence, |idle| idle.sequence)
                        .is_ok()
                })
            });
        }
    }
}
