//! The driver: as the engine drives `core`, but by a clock that it sets itself.

use std::{collections::BTreeMap, time::Duration};

use windlass_core::{Effect, Input, Now, Resources, Rollout, Standing};
use windlass_model::{
    Assignment, AssignmentId, Change, ChangeSet, EventKind, Outcome, RolloutSettings, RolloutState,
    StateKind, Timestamp,
};

use crate::{
    attempts::Flight,
    begin,
    bits::Bits,
    falls::Falls,
    happening::Happening,
    health::Members,
    luck::Luck,
    placing::{Targets, number},
    plugins::Plugins,
    recorder::{FAILED, Recorder},
    rows::Rows,
    scenario::Scenario,
    session::End,
    signals::Measuring,
};

/// Attempt ids given to core at once.
const ATTEMPT_IDS: u32 = 65_536;

/// Devices in these states are looked at again by themselves.
const AWAY: [StateKind; 2] = [StateKind::Deferred, StateKind::Waiting];

/// One life of a rollout.
pub(crate) struct World<'a, P> {
    pub(crate) scenario: &'a Scenario,
    pub(crate) settings: RolloutSettings,
    pub(crate) plugins: &'a P,
    pub(crate) luck: Luck,
    pub(crate) now: Now,
    pub(crate) rollout: Rollout,
    pub(crate) resources: Resources,
    pub(crate) rows: Rows,
    pub(crate) members: Members,
    /// What will be heard, in the order in which it will be.
    to_come: BTreeMap<(Timestamp, u64), Happening>,
    heard: u64,
    /// The attempts in hand.
    pub(crate) flights: BTreeMap<AssignmentId, Flight>,
    attempt_ids: u32,
    /// Devices on which the bad build broke.
    harmed: Bits,
    pub(crate) harmed_count: u64,
    pub(crate) falls: Falls,
    pub(crate) measuring: Measuring,
    /// Devices that ended without the release.
    failed: Bits,
    pub(crate) recorder: Recorder,
    /// When a policy ended it, and how many devices had been started.
    aborted: Option<(Timestamp, u64)>,
    rolls_back: bool,
    finished: Option<Outcome>,
}

/// How a life ended.
pub(crate) struct Ended {
    pub(crate) at: Timestamp,
    pub(crate) end: End,
    /// Devices started when it was ended or stood still; none: it was not.
    pub(crate) stopped_with: Option<(Timestamp, u64)>,
}

impl<'a, P: Plugins> World<'a, P> {
    pub(crate) fn new(
        scenario: &'a Scenario,
        plugins: &'a P,
        targets: &Targets,
        luck: Luck,
    ) -> Self {
        let now = Now {
            wall: scenario.began,
            monotonic: Duration::ZERO,
        };
        let sizes: Vec<u64> = targets.cohorts.iter().map(|cohort| cohort.size).collect();
        Self {
            settings: scenario.settings(),
            plugins,
            luck,
            now,
            rollout: begin::rollout(scenario, targets, now),
            resources: Resources::new(
                scenario.concurrency,
                scenario.limits.clone(),
                scenario.retries_per_minute,
            ),
            rows: begin::rows(scenario, targets),
            members: Members::new(scenario),
            to_come: BTreeMap::new(),
            heard: 0,
            flights: BTreeMap::new(),
            attempt_ids: 1,
            harmed: Bits::none(scenario.fleet.devices()),
            harmed_count: 0,
            falls: Falls::default(),
            measuring: Measuring::new(scenario),
            failed: Bits::none(scenario.fleet.devices()),
            recorder: Recorder::new(scenario.began, scenario.span, &sizes),
            aborted: None,
            rolls_back: false,
            finished: None,
            scenario,
        }
    }

    /// Lives until the rollout ends, stands still, or is watched no longer.
    pub(crate) async fn live(&mut self) -> Result<Ended, P::Error> {
        let seats = BTreeMap::new();
        self.hear(Input::Begin { seats });
        self.measure();
        self.turn().await?;
        loop {
            if let Some(outcome) = self.finished {
                return Ok(self.ended(outcome));
            }
            if let Some(ended) = self.stands_still() {
                return Ok(ended);
            }
            let Some(wake_up) = self.wake_up() else {
                return Ok(self.unfinished());
            };
            self.recorder.pass(wake_up, self.rollout.cohorts());
            self.now = Now {
                wall: wake_up,
                monotonic: wake_up.since(self.scenario.began),
            };
            self.rollout.handle_timeout(self.now, &mut self.resources);
            while let Some(entry) = self.to_come.first_entry()
                && entry.key().0 <= wake_up
            {
                let happening = entry.remove();
                self.happened(happening);
            }
            self.measure();
            self.turn().await?;
        }
    }

    /// The next instant at which something happens, on a step of the clock; none within the
    /// span.
    fn wake_up(&self) -> Option<Timestamp> {
        let began = self.scenario.began;
        let timer = self.rollout.poll_timeout();
        let timer = timer.map(|(at, _)| began.plus(at));
        let heard = self.to_come.first_key_value().map(|((at, _), _)| *at);
        let measured = self.measuring.next();
        let next = timer.into_iter().chain(heard).chain(measured).min()?;
        let tick = u64::try_from(self.scenario.tick().as_millis()).unwrap_or(1);
        let due = next.max(Timestamp(self.now.wall.0 + 1)).since(began);
        let due = u64::try_from(due.as_millis()).unwrap_or(u64::MAX);
        let on_step = began
            .0
            .saturating_add(due.div_ceil(tick).saturating_mul(tick));
        (on_step <= self.scenario.end().0).then_some(Timestamp(on_step))
    }

    pub(crate) fn hear(&mut self, input: Input) {
        self.rollout.handle(self.now, input, &mut self.resources);
    }

    pub(crate) fn will_hear(&mut self, at: Timestamp, happening: Happening) {
        self.heard += 1;
        self.to_come.insert((at, self.heard), happening);
    }

    /// Core decides, what it decided is kept, effects run; until nothing follows.
    async fn turn(&mut self) -> Result<(), P::Error> {
        loop {
            self.rollout.dispatch(self.now, &mut self.resources);
            let output = self.rollout.poll_output();
            if output.changes.is_empty() && output.effects.is_empty() {
                return Ok(());
            }
            self.keep(output.changes);
            for effect in output.effects {
                self.perform(effect).await?;
            }
        }
    }

    fn keep(&mut self, set: ChangeSet) {
        let now = self.now.wall;
        for change in set.changes {
            match change {
                Change::Assignment { row, .. } => {
                    self.recorder.moved(now, row.cohort, &row.state);
                    if row.state.kind().is_ended() {
                        self.flights.remove(&row.id);
                    }
                    if FAILED.contains(&row.state.kind()) {
                        self.failed.set(number(row.device));
                    }
                    // Nobody asks why, and a million reasons take their room.
                    self.rows.put(Assignment {
                        blocker: None,
                        ..*row
                    });
                }
                Change::CancelRemaining => self.rows.cancel_remaining(),
                Change::Rollout {
                    state: RolloutState::Aborting,
                    ..
                } => {
                    self.aborted = Some((now, self.started()));
                    self.recorder.ends();
                }
                Change::Decision(_) => self.measuring.news(now),
                Change::RollbackWanted => self.rolls_back = true,
                Change::Rollout { .. }
                | Change::AttemptStarted { .. }
                | Change::AttemptEnded { .. }
                | Change::AttemptSettled { .. }
                | Change::DecisionRepeated(_)
                | Change::ProbationPassed
                | Change::Signal(_)
                | Change::Recheck { .. }
                | Change::Shadow(..)
                | Change::Approved(_)
                | Change::Advanced(_)
                | Change::Condemned { .. }
                | Change::Observed(_) => {}
            }
        }
        for event in set.events {
            match event.kind {
                EventKind::AttemptStarted { .. } => self.recorder.attempt_began(now),
                EventKind::AttemptFailed { .. } => self.recorder.failures += 1,
                EventKind::DeviceRegressed { .. } => self.found_fallen_back(),
                _ => {}
            }
        }
    }

    async fn perform(&mut self, effect: Effect) -> Result<(), P::Error> {
        match effect {
            Effect::Page {
                cohort,
                after,
                limit,
            } => self.show_pending(cohort, after, limit).await?,
            Effect::PageDeferred { by, limit } => self.show_deferred(by, limit).await?,
            Effect::Reconsider { rows } => self.show_again(rows).await?,
            Effect::Start {
                assignment,
                device,
                attempt,
                number,
            } => self.start(assignment, device, attempt, number),
            Effect::Verify {
                assignment,
                device,
                attempt,
            } => self.verify(assignment, device, attempt),
            Effect::PageSucceeded {
                cohort,
                after,
                limit,
            } => self.show_succeeded(cohort, after, limit),
            Effect::Recheck {
                assignment,
                device,
                attempt,
            } => self.recheck(assignment, device, attempt),
            // Nobody cuts a simulated transfer, and nobody swaps a policy.
            Effect::Cancel { .. }
            | Effect::TakePoliciesBack { .. }
            // Nor is one in shadow.
            | Effect::AskShadows { .. } => {}
            Effect::Decide { requests } => {
                let answers = self.plugins.decide(requests).await;
                let started = self.started();
                self.recorder.decided(self.now.wall, &answers, started);
                self.hear(Input::Decided { answers });
            }
            Effect::NeedAttemptIds => {
                let first = self.attempt_ids;
                self.attempt_ids = first.saturating_add(ATTEMPT_IDS);
                self.resources.attempt_ids.refill(first..self.attempt_ids);
            }
            Effect::Finished(outcome) => self.finished = Some(outcome),
        }
        Ok(())
    }

    pub(crate) fn harm(&mut self, device: u64) {
        self.harmed_count += u64::from(self.harmed.set(device));
    }

    /// The share of the rollout's devices that are harmed.
    pub(crate) fn harmed_share(&self) -> f64 {
        let sizes = self.rollout.cohorts().iter().map(|cohort| cohort.size);
        self.harmed_count as f64 / (sizes.sum::<u64>() as f64).max(1.0)
    }

    pub(crate) fn has_failed(&self, device: u64) -> bool {
        self.failed.has(device)
    }

    pub(crate) fn started(&self) -> u64 {
        let cohorts = self.rollout.cohorts().iter();
        cohorts.map(|cohort| cohort.started).sum()
    }

    /// Whether only a person could move it on.
    fn stands_still(&self) -> Option<Ended> {
        if !self.to_come.is_empty() || self.signals_may_move() {
            return None;
        }
        let comes_back = match self.rollout.state() {
            RolloutState::Paused | RolloutState::Holding => false,
            // Devices that are away come back.
            _ => self
                .rollout
                .cohorts()
                .iter()
                .flat_map(|cohort| AWAY.map(|kind| cohort.states.get(kind)))
                .any(|away| away > 0),
        };
        if comes_back {
            return None;
        }
        let Standing::Blocked(reasons) = self.rollout.standing(self.now) else {
            return None;
        };
        let at = self.now.wall;
        Some(Ended {
            at,
            end: End::Blocked(at.since(self.scenario.began), reasons),
            stopped_with: Some((at, self.started())),
        })
    }

    fn ended(&self, outcome: Outcome) -> Ended {
        let began = self.scenario.began;
        let at = self.now.wall;
        let end = match (outcome, self.aborted) {
            (Outcome::Aborted, Some((aborted, _))) if self.rolls_back => {
                End::RolledBack(aborted.since(began))
            }
            (Outcome::Aborted, Some((aborted, _))) => End::Aborted(aborted.since(began)),
            _ => End::Completed(at.since(began)),
        };
        Ended {
            at,
            end,
            stopped_with: self.aborted,
        }
    }

    fn unfinished(&self) -> Ended {
        Ended {
            at: self.scenario.end(),
            end: match self.aborted {
                Some((at, _)) if self.rolls_back => End::RolledBack(at.since(self.scenario.began)),
                Some((at, _)) => End::Aborted(at.since(self.scenario.began)),
                None => End::Unfinished,
            },
            stopped_with: self.aborted,
        }
    }
}
