//! Shows a running rollout and hands it the signals of the process.

use std::sync::Mutex;

use anyhow::Context as _;
use indicatif::ProgressBar;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::mpsc,
};
use windlass_model::{EventKind, LoggedEvent, RolloutKey, RolloutName};
use windlass_runtime::{
    Control, Driver, Executor, RunEnd, bus::Subscription, clock::Clock, payload::DownloadObserver,
    progress::Progress,
};

use super::Failure;
use crate::{
    args::Output,
    console,
    exit::Exit,
    render::{Bars, Names, PlainLog, bytes, completed_line, event_json, event_text, summary},
};

/// Drives the rollout to its end while it is shown. The first SIGINT or SIGTERM stops it,
/// the second cuts it.
pub(super) async fn watch<C: Clock, E: Executor>(
    driver: Driver<C, E>,
    mut events: Subscription,
    output: Output,
    (key, name): (RolloutKey, RolloutName),
    resume: &str,
) -> Result<RunEnd, Failure> {
    let mut progress = driver.progress();
    let (control, commands) = mpsc::channel(4);
    let mut screen = Screen::new(output, Names::from([(key, name.clone())]));
    let signals = Signals::listen().context("signals cannot be received")?;
    let _signals = Running(tokio::spawn(signals.pass_on(control)));
    let running = Running(tokio::spawn(driver.run(commands)));
    loop {
        tokio::select! {
            event = events.next() => match event.context("the log of events could not be read")? {
                Some(event) => screen.event(&event),
                None => break,
            },
            Ok(()) = progress.changed() => {
                let now = progress.borrow_and_update().clone();
                if let Some(now) = now {
                    screen.progress(&now);
                }
            }
        }
    }
    let end = running
        .join()
        .await
        .context("the rollout broke off; the same command goes on")?;
    screen.end(&name, &end, resume);
    Ok(end)
}

/// A driver on a task of its own, so that a slow terminal does not slow it; aborted if it is
/// dropped.
struct Running<T>(tokio::task::JoinHandle<T>);

impl<T> Running<T> {
    async fn join(mut self) -> T {
        match (&mut self.0).await {
            Ok(value) => value,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    /// The first asks to stop, the second to stop at once; the third does not ask.
    /// Whatever hangs, a third signal ends the process.
    async fn pass_on(mut self, control: mpsc::Sender<Control>) {
        for wish in [Control::Stop, Control::StopNow] {
            self.next().await;
            // A driver that has ended needs no stopping.
            control.send(wish).await.ok();
        }
        self.next().await;
        std::process::exit(Exit::Resumable.code());
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Where a run is shown.
enum Screen {
    Json { names: Names },
    Live(Bars),
    Plain(PlainLog),
}

impl Screen {
    fn new(output: Output, names: Names) -> Self {
        match output {
            Output::Json => Self::Json { names },
            Output::Human if console::is_live() => Self::Live(Bars::new()),
            Output::Human => Self::Plain(PlainLog::default()),
        }
    }

    fn event(&mut self, logged: &LoggedEvent) {
        match self {
            // The last line says the same, with what only the run knows.
            Self::Json { .. }
                if matches!(logged.event.kind, EventKind::RolloutCompleted { .. }) => {}
            Self::Json { names } => console::line(&event_json(logged, names)),
            Self::Live(bars) if logged.event.kind == EventKind::RolloutStopping => {
                bars.note("finishing what is in flight; press Ctrl-C again to stop at once");
            }
            Self::Live(bars) => {
                if is_trouble(&logged.event.kind) {
                    bars.note(&format!(
                        "  \x1b[2m{}\x1b[0m",
                        event_text(&logged.event.kind)
                    ));
                }
            }
            Self::Plain(log) => {
                if let Some(line) = log.event(logged) {
                    console::line(&line);
                }
            }
        }
    }

    fn progress(&mut self, now: &Progress) {
        match self {
            Self::Json { .. } => {}
            Self::Live(bars) => bars.update(now),
            Self::Plain(log) => {
                if let Some(line) = log.progress(now) {
                    console::line(&line);
                }
            }
        }
    }

    fn end(self, name: &RolloutName, end: &RunEnd, resume: &str) {
        match self {
            Self::Json { .. } => console::line(&completed_line(name, end)),
            Self::Live(bars) => {
                bars.finish();
                console::text(&summary(name, end, resume));
            }
            Self::Plain(_) => console::text(&summary(name, end, resume)),
        }
    }
}

/// What is worth a line above the bars; the bars themselves show the rest.
fn is_trouble(kind: &EventKind) -> bool {
    matches!(
        kind,
        EventKind::DeviceFailed { .. }
            | EventKind::DeviceRejected { .. }
            | EventKind::DeviceDeadLettered { .. }
            | EventKind::DecisionFailed { .. }
            | EventKind::RolloutHolding { .. }
            | EventKind::RolloutPaused { .. }
            | EventKind::RolloutAborting { .. }
            | EventKind::RolloutContinued { .. }
    )
}

/// Shows nothing.
pub(super) struct Quiet;

impl DownloadObserver for Quiet {
    fn progress(&self, _received: u64, _total: Option<u64>) {}
}

/// Shows a download on a terminal.
pub(super) struct Preparing {
    bar: Mutex<Option<ProgressBar>>,
    live: bool,
}

impl Preparing {
    pub(super) fn new(output: Output) -> Self {
        Self {
            bar: Mutex::new(None),
            live: output == Output::Human && console::is_live(),
        }
    }

    pub(super) fn finish(&self) {
        if let Some(bar) = self
            .bar
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take()
        {
            bar.finish_and_clear();
        }
    }
}

impl DownloadObserver for Preparing {
    fn progress(&self, received: u64, total: Option<u64>) {
        if !self.live {
            return;
        }
        let mut bar = self
            .bar
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let bar = bar.get_or_insert_with(|| ProgressBar::new(total.unwrap_or_default()));
        bar.set_position(received);
        bar.set_message(bytes(received));
    }
}
