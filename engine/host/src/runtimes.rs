//! Two runtimes: guests run on one, and everything they wait for on the other, so that a
//! guest that spins delays other guests by a tick, and no timer or socket at all.

use std::{
    num::NonZeroUsize,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    runtime::{Builder, Handle, Runtime},
    task::JoinHandle,
};

/// Threads that do network and timers: they only move bytes.
const IO_WORKERS: usize = 2;

pub(crate) struct Runtimes {
    /// `Some` until dropped.
    guests: Option<Runtime>,
    io: Option<Runtime>,
    guest_handle: Handle,
    io_handle: Handle,
    workers: usize,
}

impl Runtimes {
    pub(crate) fn start() -> std::io::Result<Self> {
        let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        let guests = Builder::new_multi_thread()
            .worker_threads(workers)
            .thread_name("windlass-guest")
            .on_thread_start(give_way)
            .build()?;
        let io = Builder::new_multi_thread()
            .worker_threads(IO_WORKERS)
            .thread_name("windlass-io")
            .enable_all()
            .build()?;
        Ok(Self {
            guest_handle: guests.handle().clone(),
            io_handle: io.handle().clone(),
            guests: Some(guests),
            io: Some(io),
            workers,
        })
    }

    /// Threads that guests run on.
    pub(crate) fn guest_workers(&self) -> usize {
        self.workers
    }

    /// The runtime of timers and network.
    pub(crate) fn io(&self) -> &Handle {
        &self.io_handle
    }

    /// Runs `call` on the guest runtime, with that of I/O as the ambient one: whatever it
    /// spawns, and every timer and socket it makes, goes there. Dropping the returned future cancels the call.
    ///
    /// It begins at once, and is no `async` function: one would hold the call, and whoever
    /// awaits it would hold it too.
    pub(crate) fn on_guests<T: Send + 'static>(
        &self,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Owned<T> {
        // Boxed, because on its way into a runtime a task is copied some five times.
        let mut call = Box::pin(call);
        let io = self.io_handle.clone();
        let on_io = std::future::poll_fn(move |context| {
            let _ambient = io.enter();
            call.as_mut().poll(context)
        });
        Owned(self.guest_handle.spawn(on_io))
    }

    /// Runs blocking `work` beside both runtimes.
    pub(crate) fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Owned<T> {
        Owned(self.io_handle.spawn_blocking(work))
    }
}

/// Has the calling thread, when it wakes, wait until who is running has come to an end, and give
/// way to whoever else wakes: a guest's answer is never as urgent as a socket, a timer or the
/// state file, and fewer changes of threads cost less (sched(7), `SCHED_BATCH`).
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "a thread's scheduling policy is set by C")]
fn give_way() {
    let parameters = libc::sched_param { sched_priority: 0 };
    // SAFETY: both are of the calling thread, and the parameters live as long as the call.
    unsafe {
        // Whoever started this process under another policy has a reason. Where it may not be
        // set, guests compete as everybody does.
        if libc::sched_getscheduler(0) == libc::SCHED_OTHER {
            let _ = libc::sched_setscheduler(0, libc::SCHED_BATCH, &parameters);
        }
    }
}

/// Elsewhere threads are scheduled alike.
#[cfg(not(target_os = "linux"))]
fn give_way() {}

impl Drop for Runtimes {
    /// Does not wait, so that it may happen inside another runtime. What still runs is
    /// dropped at its next await.
    fn drop(&mut self) {
        for runtime in [self.guests.take(), self.io.take()].into_iter().flatten() {
            runtime.shutdown_background();
        }
    }
}

/// A task that ends with its owner.
pub(crate) struct Owned<T>(JoinHandle<T>);

impl<T> Future for Owned<T> {
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0).poll(context).map(|end| match end {
            Ok(value) => value,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => unreachable!("only the owner aborts the task, and it is being polled"),
            },
        })
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}
