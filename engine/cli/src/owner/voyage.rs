//! A rollout and those that take it back, as one run.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use windlass_host::Host;
use windlass_model::{
    EventKind, LoggedEvent, Outcome, RolloutKey, RolloutName, RolloutState, StateKind, Steering,
};
use windlass_runtime::{RunEnd, WaitFor, progress::Progress};

use super::{Leg, Owner, Step, take_back::WayBack};
use crate::{
    command::Failure,
    diagnostic::{Diagnostic, Diagnostics},
};

/// How long devices of a rollout that is given up may take to settle before those that take
/// it back are shown instead. They are driven meanwhile: most devices have settled before
/// anybody would want to see anything else.
const SETTLES_WITHIN: Duration = Duration::from_secs(5);

/// A rollout under way, and those that take it back.
pub struct Voyage {
    /// What is worth a look.
    pub warnings: Diagnostics,
    leg: Leg,
    /// How its run came out, once that is over.
    ended: Option<Outcome>,
    /// Those that take it back and have not been shown to their end, the next one first.
    back: VecDeque<Leg>,
    shown: Option<RolloutKey>,
    /// Since when its devices have only been settling, with rollouts that take it back
    /// under way.
    settling_since: Option<Instant>,
    /// Whether it must be looked up whether it is to be taken back.
    unsure: bool,
    stopped: bool,
    way_back: WayBack,
    wait: WaitFor,
    // Its plugins live in it.
    _host: Arc<Host>,
}

/// What is seen of a [`Voyage`].
#[derive(Debug)]
pub enum Sight {
    /// What follows is of this rollout. One may be entered again, after those that take it
    /// back.
    Entered(RolloutKey, RolloutName),
    /// Something was committed.
    Event(Box<LoggedEvent>),
    /// It is so far.
    Progress(Box<Progress>),
    /// Its run is over.
    Ended {
        /// How it came out.
        end: RunEnd,
        /// Whether it is one of those that take another back.
        takes_back: bool,
    },
    /// Every run is over.
    Over,
}

impl Voyage {
    pub(super) fn new(
        leg: Leg,
        warnings: Diagnostics,
        way_back: WayBack,
        wait: WaitFor,
        host: Arc<Host>,
    ) -> Self {
        Self {
            warnings,
            leg,
            ended: None,
            back: VecDeque::new(),
            shown: None,
            settling_since: None,
            unsure: true,
            stopped: false,
            way_back,
            wait,
            _host: host,
        }
    }

    /// What is seen next. May be dropped half-way and called again; to be called after
    /// [`Owner::turn`].
    ///
    /// # Errors
    /// If the log cannot be read, or the engine broke off.
    pub async fn next(&mut self) -> Result<Sight, Failure> {
        let looks_back = self.looks_back();
        let leg = match self.back.front_mut() {
            Some(back) if looks_back => back,
            Some(_) | None if self.ended.is_none() => &mut self.leg,
            Some(_) | None => return Ok(Sight::Over),
        };
        if self.shown != Some(leg.key()) {
            self.shown = Some(leg.key());
            return Ok(Sight::Entered(leg.key(), leg.name().clone()));
        }
        let step = leg.next().await?;
        if let Step::Ended(end) = &step {
            self.shown = None;
            if looks_back {
                self.back.pop_front();
            } else {
                self.ended = Some(end.outcome);
                self.unsure = true;
            }
        } else if !looks_back {
            self.heed(&step);
        }
        Ok(match step {
            Step::Event(logged) => Sight::Event(logged),
            Step::Progress(now) => Sight::Progress(now),
            Step::Ended(end) => Sight::Ended {
                end,
                takes_back: looks_back,
            },
        })
    }

    /// Whether a rollout that takes it back is shown now.
    fn looks_back(&self) -> bool {
        let settles = self
            .settling_since
            .is_some_and(|since| since.elapsed() >= SETTLES_WITHIN);
        !self.back.is_empty() && (self.ended.is_some() || settles)
    }

    fn heed(&mut self, step: &Step) {
        match step {
            Step::Event(logged) => match &logged.event.kind {
                EventKind::RolloutAborting { .. }
                | EventKind::OrderGiven {
                    order: Steering::RollBack { .. },
                    ..
                } => self.unsure = true,
                _ => {}
            },
            Step::Progress(now) => {
                let transfers = now.cohorts.iter();
                let transfers: u64 = transfers
                    .map(|cohort| cohort.states.get(StateKind::Transferring))
                    .sum();
                if self.back.is_empty() || transfers > 0 || now.state != RolloutState::Aborting {
                    self.settling_since = None;
                } else {
                    self.settling_since.get_or_insert_with(Instant::now);
                }
            }
            Step::Ended(_) => {}
        }
    }

    /// All rollouts of it whose runs are not known to be over.
    fn keys(&self) -> impl Iterator<Item = RolloutKey> {
        let leg = self.ended.is_none().then_some(&self.leg);
        leg.into_iter().chain(&self.back).map(Leg::key)
    }
}

impl Owner {
    /// Takes the voyage's rollout back as soon as somebody who may wants it.
    ///
    /// # Errors
    /// If the state file fails.
    pub async fn turn(&self, voyage: &mut Voyage) -> Result<(), Failure> {
        if !std::mem::take(&mut voyage.unsure)
            || voyage.stopped
            || voyage.ended == Some(Outcome::Stopped)
            || self.stopping.load(Ordering::SeqCst)
        {
            return Ok(());
        }
        let legs = self
            .take_back(voyage.leg.key(), &voyage.way_back, voyage.wait)
            .await?;
        voyage.back.extend(legs);
        Ok(())
    }

    /// What is to be said when a voyage is over.
    ///
    /// # Errors
    /// If the state file fails.
    pub async fn farewell(&self, voyage: &Voyage) -> Result<Option<Diagnostic>, Failure> {
        self.left_behind(voyage.leg.key()).await
    }

    /// Starts nothing more in a voyage, and lets what is in flight finish.
    pub async fn stop_voyage(&self, voyage: &mut Voyage) {
        voyage.stopped = true;
        for key in voyage.keys() {
            self.helm.stop(Some(key)).await;
        }
    }

    /// Ends a voyage at once.
    pub async fn cut_voyage(&self, voyage: &mut Voyage) {
        voyage.stopped = true;
        for key in voyage.keys() {
            self.helm.cut(Some(key)).await;
        }
    }
}
