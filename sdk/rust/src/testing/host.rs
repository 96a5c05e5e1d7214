//! The fake host of a thread.

use std::{cell::RefCell, marker::PhantomData, rc::Rc};

use super::{Answer, Received};
use crate::log::Level;

thread_local! {
    static CURRENT: RefCell<Option<Rc<RefCell<State>>>> = const { RefCell::new(None) };
}

type Handler = Box<dyn FnMut(&Received) -> Answer>;

#[derive(Default)]
pub(super) struct State {
    pub(super) handler: Option<Handler>,
    pub(super) requests: Vec<Received>,
    pub(super) reports: Vec<u64>,
    pub(super) checkpoints: Vec<Vec<u8>>,
    pub(super) lines: Vec<(Level, String)>,
    pub(super) close_after: Option<usize>,
}

/// Stands for the host of a delivery's job, and for the device behind it.
pub struct FakeHost {
    state: Rc<RefCell<State>>,
    /// It belongs to its thread.
    _here: PhantomData<*const ()>,
}

impl FakeHost {
    /// Starts the host of this thread.
    ///
    /// # Panics
    /// If the thread has one already.
    #[must_use = "it ends when it is dropped"]
    pub fn start() -> Self {
        let state = Rc::new(RefCell::new(State::default()));
        CURRENT.with(|current| {
            let before = current.borrow_mut().replace(Rc::clone(&state));
            assert!(before.is_none(), "this thread has a FakeHost already");
        });
        Self {
            state,
            _here: PhantomData,
        }
    }

    /// Sets what devices answer. Until then they refuse connections.
    pub fn answer(&self, handler: impl FnMut(&Received) -> Answer + 'static) {
        self.state.borrow_mut().handler = Some(Box::new(handler));
    }

    /// Makes the device close the connection once it has got so many bytes of a body
    /// that the plugin writes itself; then it answers as ever.
    pub fn close_after(&self, bytes: usize) {
        self.state.borrow_mut().close_after = Some(bytes);
    }

    /// All requests that were sent to their end, oldest first.
    pub fn requests(&self) -> Vec<Received> {
        self.state.borrow().requests.clone()
    }

    /// All values given to [`job::report`](crate::job::report).
    pub fn reports(&self) -> Vec<u64> {
        self.state.borrow().reports.clone()
    }

    /// All that was given to [`job::checkpoint`](crate::job::checkpoint).
    pub fn checkpoints(&self) -> Vec<Vec<u8>> {
        self.state.borrow().checkpoints.clone()
    }

    /// All lines logged.
    pub fn lines(&self) -> Vec<(Level, String)> {
        self.state.borrow().lines.clone()
    }
}

impl Drop for FakeHost {
    fn drop(&mut self) {
        CURRENT.with(|current| current.borrow_mut().take());
    }
}

pub(super) fn with<T>(use_it: impl FnOnce(&mut State) -> T) -> T {
    let state = CURRENT.with(|current| current.borrow().clone());
    let state = state.expect("no host on this thread: start one with FakeHost::start()");
    let mut state = state.borrow_mut();
    use_it(&mut state)
}
