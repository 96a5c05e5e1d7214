//! A store on its caller's thread, with faults on demand.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
};

use rusqlite::ffi;
use windlass_model::ChangeSet;

use crate::{CommitError, Committed, Stopped, Store, StoreError};

/// What becomes of a change set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// It is committed, and the caller told so.
    #[default]
    None,
    /// Nothing is written, and the caller is told that the disk is full.
    Refuse,
    /// It is committed, and the caller told that the disk failed: what a crash between the
    /// two looks like. A set in conflict is answered as such.
    LoseAnswer,
}

/// Says what becomes of each change set, asked before it is committed.
pub type FaultHook = Box<dyn FnMut(&ChangeSet) -> Fault + Send>;

/// Empty once the store was taken back.
pub(crate) struct Inline(Mutex<Option<State>>);

struct State {
    store: Store,
    hook: FaultHook,
}

impl Inline {
    pub(crate) fn new(store: Store, hook: FaultHook) -> Self {
        Self(Mutex::new(Some(State { store, hook })))
    }

    pub(crate) fn commit(&self, set: &ChangeSet) -> Result<Committed, CommitError> {
        self.with(|State { store, hook }| match hook(set) {
            Fault::None => commit(store, set),
            Fault::Refuse => Err(failure(ffi::SQLITE_FULL)),
            Fault::LoseAnswer => {
                commit(store, set).and_then(|_| Err(failure(ffi::SQLITE_IOERR_FSYNC)))
            }
        })?
    }

    pub(crate) fn run<T>(&self, operation: impl FnOnce(&mut Store) -> T) -> Result<T, Stopped> {
        self.with(|state| operation(&mut state.store))
    }

    /// The store, also after a panic: SQLite has rolled back what was not committed.
    pub(crate) fn take(&self) -> Option<Store> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.take().map(|state| state.store)
    }

    fn with<T>(&self, work: impl FnOnce(&mut State) -> T) -> Result<T, Stopped> {
        let mut state = self.0.lock().map_err(|_| Stopped)?;
        state.as_mut().map(work).ok_or(Stopped)
    }
}

impl fmt::Debug for Inline {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inline").finish_non_exhaustive()
    }
}

fn commit(store: &mut Store, set: &ChangeSet) -> Result<Committed, CommitError> {
    let answer = store.commit(&[set]).pop();
    answer.unwrap_or(Err(CommitError::Storage(Stopped.into())))
}

fn failure(code: std::ffi::c_int) -> CommitError {
    let error = rusqlite::Error::SqliteFailure(ffi::Error::new(code), None);
    CommitError::Storage(StoreError::from(error))
}
