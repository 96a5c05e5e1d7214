//! Shows a running rollout, and hands signals of the process on.

use std::sync::{Arc, Mutex};

use anyhow::Context as _;
use indicatif::ProgressBar;
use tokio::signal::unix::{Signal, SignalKind, signal};
use windlass_model::{EventKind, LoggedEvent, RolloutKey, RolloutName};
use windlass_runtime::{RunEnd, payload::DownloadObserver, progress::Progress};

use super::{Failure, run::Show};
use crate::{
    args::Output,
    console,
    exit::Exit,
    owner::{Owner, Sight, Voyage},
    render::{Bars, Names, PlainLog, bytes, completed_line, event_json, event_text, summary},
};

/// Shows a rollout and those that take it back to the end of their runs: first its own end,
/// then theirs.
pub(super) async fn show(
    owner: &Owner,
    voyage: &mut Voyage,
    show: &Show,
) -> Result<Vec<RunEnd>, Failure> {
    let mut current = None;
    let mut ends = Vec::new();
    loop {
        owner.turn(voyage).await?;
        let sight = voyage.next().await?;
        if let Sight::Entered(key, name) = sight {
            let names = Names::from([(key, name.clone())]);
            if let Some((screen, _)) = current.replace((Screen::new(show.output, names), name)) {
                screen.leave();
            }
            continue;
        }
        match (sight, &mut current) {
            (Sight::Over, _) => return Ok(ends),
            (Sight::Event(logged), Some((screen, _))) => screen.event(&logged),
            (Sight::Progress(now), Some((screen, _))) => screen.progress(&now),
            (Sight::Ended { end, takes_back }, _) => {
                if let Some((screen, name)) = current.take() {
                    screen.end(&name, &end, &show.again);
                }
                ends.insert(if takes_back { ends.len() } else { 0 }, end);
            }
            // Nothing is told of a rollout that was not entered.
            (Sight::Entered(..) | Sight::Event(_) | Sight::Progress(_), _) => {}
        }
    }
}

/// Hands the signals of the process to its rollouts, until it is dropped.
pub(super) struct Heeding(tokio::task::JoinHandle<()>);

impl Heeding {
    /// The first signal stops every rollout of the process, the second cuts them; the third
    /// does not ask: whatever hangs, it ends the process.
    pub(super) fn signals(owner: &Arc<Owner>) -> Result<Self, Failure> {
        let mut signals = Signals::listen()?;
        let owner = Arc::downgrade(owner);
        Ok(Self(tokio::spawn(async move {
            signals.next().await;
            if let Some(owner) = owner.upgrade() {
                owner.stop().await;
            }
            signals.next().await;
            if let Some(owner) = owner.upgrade() {
                owner.cut().await;
            }
            signals.next().await;
            give_up();
        })))
    }
}

impl Drop for Heeding {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Ends the process at once.
#[expect(
    clippy::exit,
    reason = "only this crate exits, and nothing else is left to try"
)]
pub(super) fn give_up() -> ! {
    std::process::exit(Exit::Resumable.code());
}

/// SIGINT and SIGTERM, which mean the same.
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn listen() -> Result<Self, Failure> {
        let listen = |kind| signal(kind).context("signals cannot be received");
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next one. May be dropped half-way.
    pub(super) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Where a run is shown.
pub(super) enum Screen {
    Json { names: Names },
    Live(Bars),
    Plain(PlainLog),
}

impl Screen {
    pub(super) fn new(output: Output, names: Names) -> Self {
        match output {
            Output::Json => Self::Json { names },
            Output::Human if console::is_live() => Self::Live(Bars::new()),
            Output::Human => Self::Plain(PlainLog::default()),
        }
    }

    /// Further rollouts that events may speak of.
    pub(super) fn know(&mut self, key: RolloutKey, name: &RolloutName) {
        if let Self::Json { names } = self {
            names.insert(key, name.clone());
        }
    }

    pub(super) fn event(&mut self, logged: &LoggedEvent) {
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

    pub(super) fn progress(&mut self, now: &Progress) {
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

    /// Another rollout is shown from now on.
    pub(super) fn leave(self) {
        match self {
            Self::Live(bars) => bars.finish(),
            Self::Json { .. } | Self::Plain(_) => {}
        }
    }

    pub(super) fn end(self, name: &RolloutName, end: &RunEnd, resume: &str) {
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
            | EventKind::DeviceRegressed { .. }
            | EventKind::DeviceRejected { .. }
            | EventKind::DeviceDeadLettered { .. }
            | EventKind::DecisionFailed { .. }
            | EventKind::RolloutHolding { .. }
            | EventKind::RolloutPaused { .. }
            | EventKind::RolloutAborting { .. }
            | EventKind::RolloutContinued { .. }
            | EventKind::OrderGiven { .. }
            | EventKind::PoliciesSwapped { .. }
            | EventKind::PoliciesTakenBack { .. }
            | EventKind::ShadowFailed { .. }
            | EventKind::RolloutGrown { .. }
            | EventKind::ReleaseCondemned { .. }
            | EventKind::RollbackStarted { .. }
            | EventKind::RollbackImpossible { .. }
    )
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
