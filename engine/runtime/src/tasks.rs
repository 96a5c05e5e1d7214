//! The one place that hands work to other threads or tasks; whoever starts something here
//! waits for it or aborts it.

use tokio::task::JoinSet;

/// Runs `work` where it may block, and waits for it. A panic in it is resumed here.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => std::future::pending().await,
    }
}

/// Runs `work` on a thread that may block, on the runtime of whoever asks. It ends soon (when
/// the blocks that were asked for are read) and hands its results over by itself, so nobody
/// owns it.
pub(crate) fn read(work: impl FnOnce() + Send + 'static) {
    drop(tokio::task::spawn_blocking(work));
}

/// Tasks of one owner; dropping it aborts them.
pub(crate) struct Tasks<T>(JoinSet<T>);

impl<T: Send + 'static> Tasks<T> {
    pub(crate) fn new() -> Self {
        Self(JoinSet::new())
    }

    pub(crate) fn start(&mut self, task: impl Future<Output = T> + Send + 'static) {
        // Boxed, because on its way into the runtime a task is copied some five times.
        self.0.spawn(Box::pin(task));
    }

    /// Aborts all of them and waits until they are gone.
    pub(crate) async fn cut(&mut self) {
        self.0.shutdown().await;
    }

    /// The next result; pending for ever while there is no task, so that it can stand in a
    /// `select!`. A panic in a task is resumed here: it is a fault of the engine.
    pub(crate) async fn next(&mut self) -> T {
        loop {
            match self.0.join_next().await {
                Some(Ok(value)) => return value,
                Some(Err(error)) if error.is_panic() => {
                    std::panic::resume_unwind(error.into_panic())
                }
                Some(Err(_)) => {}
                None => std::future::pending().await,
            }
        }
    }

    /// A result that is there already.
    pub(crate) fn try_next(&mut self) -> Option<T> {
        match self.0.try_join_next() {
            Some(Ok(value)) => Some(value),
            Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            Some(Err(_)) | None => None,
        }
    }
}
