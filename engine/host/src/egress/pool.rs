use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::runtime::Handle;
use windlass_model::PluginName;

use super::{
    connection::{Connection, TaskGuard},
    service::EgressConfig,
    target::Place,
};

/// Longest time between two looks at what is kept. Nobody drives it, so a device that has closed
/// its end keeps half a connection until then.
const LOOK_EVERY: Duration = Duration::from_secs(1);

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
    io: Handle,
    config: EgressConfig,
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
    /// Looks at what is kept for as long as anything is.
    watch: Option<TaskGuard>,
}

struct Idle {
    sequence: u64,
    until: Instant,
    connection: Connection,
}

/// Entries of `State::order` that are not worth a sweep.
const SWEEP_FROM: usize = 64;

impl Pool {
    /// A pool whose connections live on the runtime of `io`.
    pub(super) fn new(io: Handle, config: EgressConfig) -> Self {
        Self {
            io,
            config,
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
    pub(super) fn put(self: &Arc<Self>, mut connection: Connection) {
        if self.config.idle_connections == 0 || connection.is_closed() {
            return;
        }
        if !connection.is_at_rest() {
            // The device answered before it had read all of the request.
            connection.settle(&self.io);
        }
        connection.shared.rest();
        let until = Instant::now() + self.config.idle_time;
        let key = connection.key.clone();
        let mut state = self.state();
        state.sequence += 1;
        let sequence = state.sequence;
        state.order.push_back((key.clone(), sequence));
        state.idle.entry(key).or_default().push(Idle {
            sequence,
            until,
            connection,
        });
        state.count += 1;
        if state.watch.is_none() {
            state.watch = Some(self.watch());
        }
        let evicted = if state.count > self.config.idle_connections {
            state.evict()
        } else {
            None
        };
        state.sweep();
        // Closing takes other locks.
        drop(state);
        drop(evicted);
    }

    /// A task that closes what nobody used for the idle time, and what its device has closed.
    fn watch(self: &Arc<Self>) -> TaskGuard {
        let pool = Arc::downgrade(self);
        let every = LOOK_EVERY.min(self.config.idle_time);
        let task = self.io.spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                match pool.upgrade() {
                    Some(pool) if pool.look() => {}
                    Some(_) | None => return,
                }
            }
        });
        TaskGuard(task.abort_handle())
    }

    /// Whether anything is left to look at.
    fn look(&self) -> bool {
        let now = Instant::now();
        let mut state = self.state();
        let closed = state.take_closed(now);
        let is_any_left = state.count > 0;
        if !is_any_left {
            // Which is whoever calls this, and about to end.
            state.watch = None;
        }
        drop(state);
        drop(closed);
        is_any_left
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
    /// What is past its time, or has been closed at the other end.
    fn take_closed(&mut self, now: Instant) -> Vec<Idle> {
        let mut closed = Vec::new();
        self.idle.retain(|_, places| {
            let gone = |idle: &mut Idle| idle.until <= now || !idle.connection.shared.is_quiet();
            closed.extend(places.extract_if(.., gone));
            !places.is_empty()
        });
        self.count -= closed.len();
        closed
    }

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
