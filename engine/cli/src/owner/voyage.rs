//! A rollout and those that take it back, as one run.

use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use windlass_host::Host;
use windlass_model::{
    DeviceId, EventKind, LoggedEvent, Outcome, RolloutKey, RolloutName, Steering,
};
use windlass_runtime::{RunEnd, WaitFor, progress::Progress};

use super::{
    Leg, Owner, Parting, Step,
    take_back::{TakenBack, WayBack},
};
use crate::{command::Failure, diagnostic::Diagnostics};

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
    /// When those that take it back were taken up.
    turned: Option<Instant>,
    /// Whom nothing takes back.
    impossible: Vec<(DeviceId, String)>,
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
            turned: None,
            impossible: Vec::new(),
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
        if let (Some(turned), None, false) = (self.turned, self.ended, self.looks_back())
            && !self.back.is_empty()
            && self.shown == Some(self.leg.key())
        {
            let settled = tokio::time::Instant::from_std(turned + SETTLES_WITHIN);
            tokio::select! {
                step = self.leg.next() => return Ok(self.own(step?)),
                () = tokio::time::sleep_until(settled) => {}
            }
        }
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
        if !looks_back {
            return Ok(self.own(step));
        }
        if let Step::Ended(_) = &step {
            self.shown = None;
            self.back.pop_front();
        }
        Ok(sight(step, true))
    }

    /// What is seen of the rollout itself.
    fn own(&mut self, step: Step) -> Sight {
        match &step {
            Step::Event(logged) => match &logged.event.kind {
                EventKind::RolloutAborting { .. }
                | EventKind::OrderGiven {
                    order: Steering::RollBack { .. },
                    ..
                } => self.unsure = true,
                _ => {}
            },
            Step::Progress(_) => {}
            Step::Ended(end) => {
                self.shown = None;
                self.ended = Some(end.outcome);
                self.unsure = true;
            }
        }
        sight(step, false)
    }

    /// Whether a rollout that takes it back is shown now.
    fn looks_back(&self) -> bool {
        let had_time = self
            .turned
            .is_some_and(|turned| turned.elapsed() >= SETTLES_WITHIN);
        !self.back.is_empty() && (self.ended.is_some() || had_time)
    }

    /// All rollouts of it whose runs are not known to be over.
    fn keys(&self) -> impl Iterator<Item = RolloutKey> {
        let leg = self.ended.is_none().then_some(&self.leg);
        leg.into_iter().chain(&self.back).map(Leg::key)
    }
}

fn sight(step: Step, takes_back: bool) -> Sight {
    match step {
        Step::Event(logged) => Sight::Event(logged),
        Step::Progress(now) => Sight::Progress(now),
        Step::Ended(end) => Sight::Ended { end, takes_back },
    }
}

impl Owner {
    /// Takes the voyage's rollout back as soon as somebody who may wants it.
    ///
    /// # Errors
    /// If the state file fails.
    pub async fn turn(&self, voyage: &mut Voyage) -> Result<(), Failure> {
        self.look_back(voyage).await?;
        if voyage.ended.is_some() {
            // Not before those that take it back are in hand: an owner ends when nothing is.
            voyage.leg.leave();
        }
        Ok(())
    }

    async fn look_back(&self, voyage: &mut Voyage) -> Result<(), Failure> {
        if !std::mem::take(&mut voyage.unsure)
            || voyage.stopped
            || voyage.ended == Some(Outcome::Stopped)
            || self.stopping.load(Ordering::SeqCst)
        {
            return Ok(());
        }
        let TakenBack { legs, impossible } = self
            .take_back(voyage.leg.key(), &voyage.way_back, voyage.wait)
            .await?;
        voyage.impossible = impossible;
        if !legs.is_empty() {
            voyage.turned.get_or_insert_with(Instant::now);
        }
        voyage.back.extend(legs);
        Ok(())
    }

    /// What is to be said when a voyage is over.
    ///
    /// # Errors
    /// If the state file fails.
    pub async fn farewell(&self, voyage: &Voyage) -> Result<Option<Parting>, Failure> {
        self.left_behind(voyage.leg.key(), &voyage.impossible).await
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
