//! What is noted while a session goes on.

use std::time::Duration;

use windlass_model::{
    AssignmentState, CohortIndex, CohortView, Decision, FailureKind, Reason, SkipReason, StateKind,
    Timestamp, Verdict,
};

use crate::{
    pace::Pace,
    session::{Mark, Sample, Shares},
};

/// A session is sampled at this many instants at first …
const FINEST: u64 = 1 << 20;
/// … and half as often whenever more samples than these were taken: a chart has no more columns.
const SAMPLES_MAX: usize = 480;
/// Marks kept: a policy that changes its mind every second is no reading.
const MARKS_MAX: usize = 1000;

#[derive(Debug)]
pub(crate) struct Recorder {
    began: Timestamp,
    span: Duration,
    /// The next sample, counted in finest steps, and how many of these lie between two.
    next: u64,
    step: u64,
    samples: Vec<Sample>,
    /// The first of the samples after the rollout was ended, and when it is taken. Those before
    /// are thinned no more: what is left may last a hundred times as long as what is of interest.
    rest: (usize, u64),
    /// Devices that run the release, of each cohort.
    running: Vec<u64>,
    wanted: [u64; 3],
    reached: [Option<Duration>; 3],
    pace: Pace,
    pub(crate) failures: u64,
    pub(crate) decisions: u64,
    marks: Vec<Mark>,
}

impl Recorder {
    pub(crate) fn new(began: Timestamp, span: Duration, cohorts: &[u64]) -> Self {
        let all: u64 = cohorts.iter().sum();
        Self {
            began,
            span,
            next: 0,
            step: 1,
            samples: Vec::new(),
            rest: (0, 0),
            running: vec![0; cohorts.len()],
            wanted: [all.div_ceil(2), (all * 9).div_ceil(10), all],
            reached: [None; 3],
            pace: Pace::default(),
            failures: 0,
            decisions: 0,
            marks: Vec::new(),
        }
    }

    /// When a sample is taken.
    fn at(&self, sample: u64) -> Duration {
        let millis = self.span.as_millis() * u128::from(sample) / u128::from(FINEST);
        Duration::from_millis(u64::try_from(millis).unwrap_or(u64::MAX))
    }

    /// Takes the samples before `now`, until which nothing has changed.
    pub(crate) fn pass(&mut self, now: Timestamp, cohorts: &[CohortView]) {
        while self.at(self.next) < now.since(self.began) {
            self.sample(cohorts);
        }
    }

    fn sample(&mut self, cohorts: &[CohortView]) {
        let sum = |kinds: &[StateKind]| {
            let each = cohorts.iter().flat_map(|cohort| {
                let states = cohort.states;
                kinds.iter().map(move |kind| states.get(*kind))
            });
            each.sum()
        };
        let sample = Sample {
            at: self.at(self.next),
            started: cohorts.iter().map(|cohort| cohort.started).collect(),
            succeeded: self.running.iter().sum(),
            failed: sum(&FAILED),
            deferred: sum(&[StateKind::Deferred]),
            in_progress: sum(&[StateKind::Transferring]),
            starts_per_minute: self.pace.since(self.began.plus(self.at(self.next))),
        };
        self.samples.push(sample);
        let (first, begin) = self.rest;
        if self.samples.len() - first > SAMPLES_MAX {
            self.thin(first);
        }
        self.next = begin + (self.samples.len() - first) as u64 * self.step;
    }

    /// A policy ended the rollout; what is under way goes on.
    pub(crate) fn ends(&mut self) {
        self.rest = (self.samples.len(), self.next);
    }

    /// Keeps every other sample from `first` on, that one among them. What a kept one says of the time since the
    /// one before is then of twice that time.
    fn thin(&mut self, first: usize) {
        let mut dropped = 0;
        let mut index = 0;
        self.samples.retain_mut(|sample| {
            let kept = index < first || (index - first).is_multiple_of(2);
            index += 1;
            let most = sample.starts_per_minute.max(dropped);
            if kept {
                sample.starts_per_minute = most;
                dropped = 0;
                true
            } else {
                dropped = most;
                false
            }
        });
        self.pace.carry(dropped);
        self.step *= 2;
    }

    /// Takes the last sample, at `end` or the first instant after it that is evenly spaced.
    pub(crate) fn finish(&mut self, end: Timestamp, cohorts: &[CohortView]) -> Vec<Sample> {
        self.pass(end, cohorts);
        self.sample(cohorts);
        std::mem::take(&mut self.samples)
    }

    pub(crate) fn attempt_began(&mut self, now: Timestamp) {
        self.pace.starts(now);
    }

    /// A device came to `state`.
    pub(crate) fn moved(&mut self, now: Timestamp, cohort: CohortIndex, state: &AssignmentState) {
        if *state == AssignmentState::Failed(FailureKind::Regressed)
            && let Some(running) = self.running.get_mut(cohort.0 as usize)
        {
            // It ran the release, and does no more.
            *running = running.saturating_sub(1);
            return;
        }
        let runs = matches!(
            state,
            AssignmentState::Succeeded | AssignmentState::Skipped(SkipReason::AlreadyCurrent)
        );
        if !runs {
            return;
        }
        if let Some(running) = self.running.get_mut(cohort.0 as usize) {
            *running += 1;
        }
        let running: u64 = self.running.iter().sum();
        for (wanted, reached) in self.wanted.iter().zip(&mut self.reached) {
            if running >= *wanted && reached.is_none() {
                *reached = Some(now.since(self.began));
            }
        }
    }

    /// The policies answered.
    pub(crate) fn decided(
        &mut self,
        now: Timestamp,
        answers: &[Result<Decision, String>],
        started: u64,
    ) {
        self.decisions += answers.len() as u64;
        let verdict = |answer: &Result<Decision, String>| match answer {
            Ok(decision) => decision.verdict,
            Err(_) => Verdict::Hold,
        };
        let severest = answers.iter().map(verdict).max();
        let verdict_now = severest.unwrap_or(Verdict::Continue);
        let reasons: Vec<Reason> = answers
            .iter()
            .filter(|answer| verdict(answer) == verdict_now)
            .flat_map(reasons)
            .collect();
        // Who gives no reason says nothing new.
        let same = self.marks.last().is_some_and(|last| {
            let as_before = || last.reasons.iter().map(key).eq(reasons.iter().map(key));
            last.verdict == verdict_now && (reasons.is_empty() || as_before())
        });
        if !same && self.marks.len() < MARKS_MAX {
            self.marks.push(Mark {
                at: now.since(self.began),
                verdict: verdict_now,
                reasons,
                started,
            });
        }
    }

    pub(crate) fn marks(&mut self) -> Vec<Mark> {
        std::mem::take(&mut self.marks)
    }

    pub(crate) fn peak_starts(&self) -> u64 {
        self.pace.peak()
    }

    pub(crate) fn running(&self, cohort: usize) -> u64 {
        self.running.get(cohort).copied().unwrap_or(0)
    }

    pub(crate) fn updated(&self) -> Shares {
        let [half, most, all] = self.reached;
        Shares { half, most, all }
    }
}

/// The states of devices that ended without the release.
pub(crate) const FAILED: [StateKind; 3] = [
    StateKind::Failed,
    StateKind::Rejected,
    StateKind::DeadLettered,
];

fn reasons(answer: &Result<Decision, String>) -> Vec<Reason> {
    match answer {
        Ok(decision) => decision.reasons.clone(),
        Err(message) => vec![Reason {
            code: "policy-failed".to_owned(),
            cohort: None,
            parameters: Default::default(),
            text: format!("a policy could not answer: {message}"),
        }],
    }
}

/// Counts in a text change all the time.
fn key(reason: &Reason) -> (&str, Option<CohortIndex>) {
    (&reason.code, reason.cohort)
}
