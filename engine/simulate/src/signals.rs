//! Measurements from outside: nobody measures a simulated rollout, so somebody must say what
//! would be read, or it is what an earlier rollout read.

use std::time::Duration;

use serde::Serialize;
use windlass_core::Input;
use windlass_model::{Reading, RolloutName, SignalName, SignalSample, Timestamp};

use crate::{plugins::Plugins, scenario::Scenario, world::World};

/// What a signal reads in a session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SignalModel {
    /// Its name in the configuration.
    pub name: SignalName,
    /// How often it is measured. A long session measures more seldom, as stated in the guide.
    pub every: Duration,
    /// What it reads from when on, in order; before the first it is missing.
    pub steps: Vec<SignalStep>,
    /// The rollout in which it was measured so; none: somebody said that it reads so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recorded: Option<RolloutName>,
}

/// What a signal reads from an instant on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct SignalStep {
    /// Since the rollout's start.
    pub from: Duration,
    /// What.
    pub reads: Reads,
}

/// What a signal reads.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reads {
    /// It has no value.
    Missing,
    /// It has one; finite numbers, both.
    Value {
        /// While no device is harmed.
        base: f64,
        /// What is added if all devices of the rollout are harmed, and in proportion if some
        /// are. A device counts from its installation on, also where nobody knows yet.
        per_harmed: f64,
    },
}

impl SignalModel {
    fn at(&self, since: Duration, harmed: f64) -> Reading {
        let passed = self.steps.iter().take_while(|step| step.from <= since);
        match passed.last().map(|step| step.reads) {
            Some(Reads::Value { base, per_harmed }) => Reading::of(sum(base, per_harmed * harmed)),
            Some(Reads::Missing) | None => Reading::Missing("it is simulated so".to_owned()),
        }
    }

    /// After this nothing but harm moves it.
    fn last_step(&self) -> Duration {
        self.steps.last().map_or(Duration::ZERO, |step| step.from)
    }
}

/// A sum as people write it: 0.07 and not 0.06999999999999999.
fn sum(base: f64, moved: f64) -> f64 {
    let sum = base + moved;
    format!("{sum:.12e}").parse().unwrap_or(sum)
}

/// When the signals of a life are measured.
#[derive(Debug)]
pub(crate) struct Measuring {
    /// Of each, the next time.
    next: Vec<Timestamp>,
    /// When a policy last said something new, or a signal took its last step.
    news: Timestamp,
}

impl Measuring {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let last = scenario.signals.iter().map(SignalModel::last_step).max();
        Self {
            next: vec![scenario.began; scenario.signals.len()],
            news: scenario.began.plus(last.unwrap_or_default()),
        }
    }

    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.next.iter().min().copied()
    }

    /// A policy said something new.
    pub(crate) fn news(&mut self, now: Timestamp) {
        self.news = self.news.max(now);
    }
}

impl<P: Plugins> World<'_, P> {
    /// Measures the signals whose time has come.
    pub(crate) fn measure(&mut self) {
        let now = self.now.wall;
        let harmed = self.harmed_share();
        let mut samples = Vec::new();
        for (index, model) in self.scenario.signals.iter().enumerate() {
            let Some(next) = self.measuring.next.get_mut(index) else {
                continue;
            };
            if *next > now {
                continue;
            }
            let every = self.scenario.measured_every(model);
            *next = now.plus(every);
            samples.push(SignalSample {
                name: model.name.clone(),
                at: now,
                reading: model.at(now.since(self.scenario.began), harmed),
                // The next measurement is never late.
                fresh_until: now.plus(2 * every),
            });
        }
        if !samples.is_empty() {
            self.hear(Input::Signals { samples });
        }
    }

    /// Whether the policies may still hear something new of the signals, or count it. Once every
    /// policy has seen each signal's last value twice and said the same, it will go on doing so.
    pub(crate) fn signals_may_move(&self) -> bool {
        let signals = self.scenario.signals.iter();
        let slowest = signals
            .map(|model| self.scenario.measured_every(model))
            .max();
        slowest.is_some_and(|every| {
            let said_twice = 2 * every + self.scenario.questions_every();
            self.now.wall <= self.measuring.news.plus(said_twice)
        })
    }
}
