use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::sync::{oneshot, watch};
use windlass_core::{Input, Now, Resources, Rollout, Standing, StopCause};
use windlass_model::{Assignment, Change, Outcome, RolloutState, StateCounts, StateKind};

use super::{
    Executor,
    effects::{Considered, Looked, Page},
    live::Live,
    wait::Patience,
};
use crate::{
    progress::{Estimator, Progress, Tracker},
    tasks::Tasks,
};

/// How a run came out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    /// Its outcome.
    pub outcome: Outcome,
    /// All targets by state.
    pub counts: StateCounts,
    /// Payload bytes sent in this run.
    pub bytes_sent: u64,
    /// Length of this run.
    pub duration: Duration,
    /// Where the rollout stands.
    pub state: RolloutState,
    /// Why it is held, if it is.
    pub waiting_for: Vec<String>,
}

/// What the loop keeps of a rollout.
pub(super) struct Running<E: Executor> {
    pub(super) rollout: Rollout,
    pub(super) executor: Arc<E>,
    pub(super) live: Live,
    /// Which run this is, of all that the engine has begun: what an earlier one asked for
    /// may still come.
    pub(super) run: u64,
    /// How often its policies were swapped in this run.
    pub(super) plans: u64,
    /// Tasks that bring something back to it.
    pub(super) tasks: usize,
    pub(super) tracker: Tracker,
    pub(super) finished: Option<Outcome>,
    /// What ends the run, once it was told to end.
    pub(super) farewell: Farewell,
    pub(super) patience: Patience,
    pub(super) payload_size: u64,
    estimator: Estimator,
    progress: watch::Sender<Option<Progress>>,
    ended: oneshot::Sender<RunEnd>,
    began: Duration,
    held_for: Vec<String>,
    /// Polls its signals for as long as it is driven.
    pub(super) signals: Tasks<()>,
}

/// What a run was told for its end. Core forgets it when the rollout is read anew.
#[derive(Debug, Default)]
pub(super) struct Farewell {
    stop: Option<StopCause>,
    cut: bool,
}

impl Farewell {
    pub(super) fn note(&mut self, input: &Input) {
        match input {
            Input::Stop(cause) => {
                self.stop.get_or_insert(*cause);
            }
            Input::CancelInFlight => self.cut = true,
            _ => {}
        }
    }

    /// The same once more.
    pub(super) fn again(&self) -> impl Iterator<Item = Input> + use<> {
        let stop = self.stop.map(Input::Stop);
        stop.into_iter()
            .chain(self.cut.then_some(Input::CancelInFlight))
    }
}

/// Who hears of a rollout, and what it listens to.
pub(super) struct Audience {
    pub(super) signals: Tasks<()>,
    pub(super) progress: watch::Sender<Option<Progress>>,
    pub(super) ended: oneshot::Sender<RunEnd>,
}

impl<E: Executor> Running<E> {
    pub(super) fn new(
        rollout: Rollout,
        executor: Arc<E>,
        patience: Patience,
        payload_size: u64,
        audience: Audience,
        run: u64,
        now: Now,
    ) -> Self {
        Self {
            rollout,
            executor,
            live: Live::default(),
            run,
            plans: 0,
            tasks: 0,
            tracker: Tracker::default(),
            finished: None,
            farewell: Farewell::default(),
            patience,
            payload_size,
            estimator: Estimator::default(),
            progress: audience.progress,
            ended: audience.ended,
            began: now.monotonic,
            held_for: Vec::new(),
            signals: audience.signals,
        }
    }

    /// Has the rollout show its policies the signals that they want to see.
    pub(super) fn watch(&mut self) {
        let signals = self.executor.signals();
        self.rollout.watch(signals.wanted);
        self.rollout.watch_in_shadow(signals.in_shadow);
    }

    /// Whether its run comes back if nothing moves it on, and nothing is under way for it.
    pub(super) fn asks_whether_stuck(&self) -> bool {
        self.tasks == 0 && self.patience.minds_being_stuck()
    }

    /// What it is doing, and when it moved last.
    pub(super) fn standing(&self, now: Now) -> (Standing, Duration) {
        let standing = if self.tasks > 0 {
            Standing::Working
        } else {
            self.rollout.standing(now)
        };
        (standing, self.rollout.moved_at())
    }

    /// Whether its run should come back now, as it is `stuck` or not; says so once.
    pub(super) fn loses_patience(&mut self, stuck: bool, now: Now) -> Option<StopCause> {
        let transfers = self.rollout.cohorts().iter();
        let transfers = transfers.map(|cohort| cohort.states.get(StateKind::Transferring));
        let transfers = transfers.sum();
        let cause = self.patience.lost(&self.rollout, stuck, transfers, now)?;
        self.held_for = self.patience.reasons(&self.rollout, now);
        Some(cause)
    }

    /// Remembers the devices that were looked at, and hands their candidates on.
    pub(super) fn considered(&mut self, considered: Considered) -> Input {
        let Considered {
            looked,
            page,
            health,
        } = considered;
        let mut candidates = Vec::with_capacity(looked.len());
        for Looked { candidate, device } in looked {
            self.live.know(candidate.assignment.id, device);
            candidates.push(candidate);
        }
        match page {
            Page::Pending { cohort, exhausted } => Input::Page {
                cohort,
                candidates,
                exhausted,
                health,
            },
            Page::Deferred { next_due } => Input::Deferred {
                candidates,
                next_due,
                health,
            },
            Page::Retries => Input::Reconsidered { candidates, health },
        }
    }

    pub(super) fn forget_ended(&mut self, changes: &[Change]) {
        for change in changes {
            if let Change::Assignment { row, .. } = change
                && is_dormant(row)
            {
                self.live.forget(row.id);
            }
        }
    }

    pub(super) fn sample(&mut self, now: Now) {
        let at = now.monotonic;
        let cohorts = self.rollout.cohorts().to_vec();
        let bytes_sent = self.tracker.bytes_sent();
        let in_flight = self.tracker.running_bytes();
        #[expect(clippy::cast_precision_loss, reason = "an estimate for people")]
        let (done, remaining) = {
            let partly: f64 = in_flight
                .iter()
                .map(|sent| *sent as f64 / self.payload_size as f64)
                .sum();
            let ended: u64 = cohorts.iter().map(|cohort| cohort.ended).sum();
            let unreachable: u64 = cohorts
                .iter()
                .map(|cohort| cohort.states.get(StateKind::Deferred))
                .sum();
            let targets: u64 = cohorts.iter().map(|cohort| cohort.size).sum();
            let done = ended as f64 + partly.min(in_flight.len() as f64);
            (done, targets.saturating_sub(unreachable) as f64 - done)
        };
        self.estimator.record(at, done, bytes_sent);
        self.progress.send_replace(Some(Progress {
            state: self.rollout.state(),
            waiting_for: self.patience.reasons(&self.rollout, now),
            cohorts,
            in_flight: in_flight.len(),
            bytes_sent,
            bytes_per_second: self.estimator.bytes_per_second(),
            eta: self.estimator.eta(remaining),
            elapsed: at.saturating_sub(self.began),
        }));
    }

    /// Tells how the run came out and gives back what it still holds.
    pub(super) fn end(self, now: Now, resources: &mut Resources) {
        let mut counts = StateCounts::default();
        for cohort in self.rollout.cohorts() {
            for (total, count) in counts.0.iter_mut().zip(cohort.states.0) {
                *total += count;
            }
        }
        let end = RunEnd {
            outcome: self.finished.unwrap_or(Outcome::Stopped),
            counts,
            bytes_sent: self.tracker.bytes_sent(),
            duration: now.monotonic.saturating_sub(self.began),
            state: self.rollout.state(),
            waiting_for: self.held_for,
        };
        self.rollout.release_slots(resources);
        // Nobody asked how it came out: the log says it.
        drop(self.ended.send(end));
    }
}

/// Whether the engine need not remember the device: it is read again when its turn comes.
fn is_dormant(row: &Assignment) -> bool {
    let kind = row.state.kind();
    kind.is_ended() || matches!(kind, StateKind::Pending | StateKind::Deferred)
}
