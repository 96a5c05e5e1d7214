//! The writer thread: owns the store, takes what is queued, commits it in one transaction.
//! Or no thread, where a simulation must say what happens when.

use std::{io, sync::Arc, thread};

use thiserror::Error;
use tokio::sync::{mpsc, oneshot};
use windlass_model::ChangeSet;

use crate::{
    CommitError, Committed, Store, StoreError,
    inline::{FaultHook, Inline},
};

/// Operations that may wait before a caller has to: above what a full group takes.
const QUEUE: usize = 1_024;

/// Change sets of one transaction at most: one flush of the disk serves them all, and the
/// first of them does not wait long for the last.
const GROUP: usize = 512;

/// The store's thread has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the state database is closed")]
pub struct Stopped;

/// The store's thread panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the thread of the state database panicked")]
pub struct ThreadPanicked;

type Operation = Box<dyn FnOnce(&mut Store) + Send>;

enum Job {
    Commit {
        set: Arc<ChangeSet>,
        answer: oneshot::Sender<Result<Committed, CommitError>>,
    },
    Run(Operation),
    Close,
}

/// The way to a store that lives on a thread of its own, or in the handle. Operations of one
/// caller happen in the order in which it awaits them.
#[derive(Clone, Debug)]
pub struct StoreHandle {
    way: Way,
}

#[derive(Clone, Debug)]
enum Way {
    Thread(mpsc::Sender<Job>),
    Inline(Arc<Inline>),
}

/// The thread itself; who has it ends it.
#[derive(Debug)]
#[must_use = "without a shutdown the end of the process may cut a commit off"]
pub struct StoreThread {
    jobs: mpsc::Sender<Job>,
    thread: thread::JoinHandle<()>,
    ended: oneshot::Receiver<Store>,
}

impl StoreHandle {
    /// A handle without a thread: whoever calls it does the work at once, each set in a
    /// transaction of its own, and its futures are ready when they are first polled. For
    /// simulations, which say by `hook` what becomes of each set; `hook` must not use the
    /// handle.
    pub fn inline(store: Store, hook: FaultHook) -> Self {
        Self {
            way: Way::Inline(Arc::new(Inline::new(store, hook))),
        }
    }

    /// The store of [`StoreHandle::inline`] back, as a crash would leave it; every handle to
    /// it is [`Stopped`] from then on. None if it was taken before, or has a thread, which
    /// [`StoreThread::shutdown`] ends.
    pub fn take_inline(&self) -> Option<Store> {
        match &self.way {
            Way::Thread(_) => None,
            Way::Inline(inline) => inline.take(),
        }
    }

    /// Commits one set, together with what others have queued. Once queued it happens,
    /// whether or not the caller waits for the answer.
    ///
    /// # Errors
    ///
    /// See [`CommitError`].
    pub async fn commit(&self, set: Arc<ChangeSet>) -> Result<Committed, CommitError> {
        let jobs = match &self.way {
            Way::Thread(jobs) => jobs,
            Way::Inline(inline) => return inline.commit(&set),
        };
        let (answer, answered) = oneshot::channel();
        send(jobs, Job::Commit { set, answer }).await?;
        answered.await.map_err(|_| StoreError::from(Stopped))?
    }

    /// Runs any other operation, after all that was queued before it.
    ///
    /// # Errors
    ///
    /// If the thread has ended.
    pub async fn run<T: Send + 'static>(
        &self,
        operation: impl FnOnce(&mut Store) -> T + Send + 'static,
    ) -> Result<T, Stopped> {
        let jobs = match &self.way {
            Way::Thread(jobs) => jobs,
            Way::Inline(inline) => return inline.run(operation),
        };
        let (answer, answered) = oneshot::channel();
        let run = move |store: &mut Store| {
            // Nobody waits any more: the operation happened all the same.
            let _ = answer.send(operation(store));
        };
        send(jobs, Job::Run(Box::new(run))).await?;
        answered.await.map_err(|_| Stopped)
    }
}

async fn send(jobs: &mpsc::Sender<Job>, job: Job) -> Result<(), Stopped> {
    jobs.send(job).await.map_err(|_| Stopped)
}

impl From<Stopped> for CommitError {
    fn from(stopped: Stopped) -> Self {
        Self::Storage(stopped.into())
    }
}

impl StoreThread {
    /// Moves `store` to a new thread.
    ///
    /// # Errors
    ///
    /// If the system starts no thread.
    pub fn start(store: Store) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel(QUEUE);
        let (end, ended) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("windlass-store".to_owned())
            .spawn(move || {
                // Nobody asked for it back: it is closed here.
                let _ = end.send(serve(store, queue));
            })?;
        Ok(Self {
            jobs,
            thread,
            ended,
        })
    }

    /// A way to the store; there may be any number.
    pub fn handle(&self) -> StoreHandle {
        StoreHandle {
            way: Way::Thread(self.jobs.clone()),
        }
    }

    /// Does what is queued, refuses what comes later, ends the thread and gives the store
    /// back; dropping that closes the database.
    ///
    /// # Errors
    ///
    /// If an operation panicked.
    pub async fn shutdown(self) -> Result<Store, ThreadPanicked> {
        // A thread that has ended already takes no job.
        let _ = self.jobs.send(Job::Close).await;
        let store = self.ended.await.map_err(|_| ThreadPanicked)?;
        // It has nothing left to do but to return.
        self.thread.join().map_err(|_| ThreadPanicked)?;
        Ok(store)
    }
}

fn serve(mut store: Store, mut queue: mpsc::Receiver<Job>) -> Store {
    let mut jobs = Vec::with_capacity(GROUP);
    let mut group = Group::default();
    while queue.blocking_recv_many(&mut jobs, GROUP) > 0 {
        for job in jobs.drain(..) {
            match job {
                Job::Commit { set, answer } => group.push(set, answer),
                Job::Run(operation) => {
                    group.commit(&mut store);
                    operation(&mut store);
                }
                Job::Close => queue.close(),
            }
        }
        group.commit(&mut store);
    }
    store
}

/// The sets of the next transaction.
#[derive(Default)]
struct Group {
    sets: Vec<Arc<ChangeSet>>,
    answers: Vec<oneshot::Sender<Result<Committed, CommitError>>>,
}

impl Group {
    fn push(
        &mut self,
        set: Arc<ChangeSet>,
        answer: oneshot::Sender<Result<Committed, CommitError>>,
    ) {
        self.sets.push(set);
        self.answers.push(answer);
    }

    fn commit(&mut self, store: &mut Store) {
        if self.sets.is_empty() {
            return;
        }
        let sets: Vec<&ChangeSet> = self.sets.iter().map(Arc::as_ref).collect();
        let outcomes = store.commit(&sets);
        self.sets.clear();
        for (answer, outcome) in self.answers.drain(..).zip(outcomes) {
            // Nobody waits any more: the set is committed all the same.
            let _ = answer.send(outcome);
        }
    }
}
