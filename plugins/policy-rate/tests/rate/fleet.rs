//! A rollout's view, and a fleet that obeys decisions.

use windlass_sdk::{
    CohortView, Decision, FailureCount, FailureKind, Policy, Problem, TierCount, View, settings,
    testing,
};

use super::Rate;

/// When every rollout here starts.
pub(crate) const START: u64 = 1_767_225_600_000;
pub(crate) const SECOND: u64 = 1_000;
pub(crate) const MINUTE: u64 = 60_000;

pub(crate) fn try_open(settings: &str) -> Result<Rate, Vec<Problem>> {
    Rate::open(settings::parse(settings)?)
}

pub(crate) fn open(settings: &str) -> Rate {
    try_open(settings).unwrap_or_else(|problems| panic!("{settings}: {problems:?}"))
}

/// A rollout and the devices of its cohorts, which start as soon as they may.
pub(crate) struct Fleet {
    policy: Rate,
    pub(crate) view: View,
    /// The decision in force.
    pub(crate) decision: Decision,
    /// Cohorts that another policy keeps shut.
    pub(crate) shut: Vec<bool>,
    /// Instants of starts by a clock that never leaps, in order.
    pub(crate) starts: Vec<u64>,
    pub(crate) monotonic: u64,
}

impl Fleet {
    /// A cohort of each size, of which no device was started; the policy was asked.
    pub(crate) fn new(settings: &str, sizes: &[u64]) -> Self {
        let policy = open(settings);
        let view = view(sizes);
        let decision = policy.decide(&view, &[]);
        Self {
            policy,
            view,
            decision,
            shut: vec![false; sizes.len()],
            starts: Vec::new(),
            monotonic: 0,
        }
    }

    /// Time passes, by all clocks.
    pub(crate) fn wait(&mut self, milliseconds: u64) {
        self.monotonic += milliseconds;
        self.view.now += milliseconds;
    }

    pub(crate) fn ask(&mut self) {
        let decision = self.answer();
        self.decision = decision;
    }

    /// What the policy says now, before it is in force.
    pub(crate) fn answer(&mut self) -> Decision {
        let now = self.monotonic;
        let recent = self.starts.iter().rev();
        let recent = recent.take_while(|start| *start + MINUTE > now);
        self.view.starts_last_minute = recent.count() as u64;
        self.policy.decide(&self.view, &self.decision.memo)
    }

    /// Every device that may start does, but no more than `most`. Says how many did.
    pub(crate) fn start(&mut self, most: u64) -> u64 {
        let mut started = 0;
        if self.view.now > self.decision.valid_until {
            return 0;
        }
        let open = self.view.cohorts.iter_mut().zip(&self.decision.ceilings);
        for ((cohort, ceiling), shut) in open.zip(&self.shut) {
            let room = ceiling.started.saturating_sub(cohort.started);
            let room = room.min(ceiling.in_progress.saturating_sub(cohort.in_progress));
            let pending = if *shut { 0 } else { cohort.states.pending };
            let starting = room.min(pending).min(most - started);
            cohort.states.pending -= starting;
            cohort.states.transferring += starting;
            cohort.started += starting;
            cohort.in_progress += starting;
            started += starting;
        }
        let now = self.monotonic;
        self.starts
            .extend(std::iter::repeat_n(now, started as usize));
        started
    }

    /// Every device that is at work succeeds.
    pub(crate) fn succeed(&mut self) {
        for cohort in &mut self.view.cohorts {
            cohort.states.succeeded += cohort.in_progress;
            cohort.ended += cohort.in_progress;
            cohort.in_progress = 0;
            cohort.states.transferring = 0;
        }
    }

    /// A second passes in which everything goes well.
    pub(crate) fn second(&mut self) {
        self.start(u64::MAX);
        self.succeed();
        self.wait(SECOND);
        self.ask();
    }

    /// How many devices start in each of the next minutes.
    pub(crate) fn minutes(&mut self, count: usize) -> Vec<usize> {
        let minute = |fleet: &mut Self| {
            let before = fleet.starts.len();
            (0..60).for_each(|_| fleet.second());
            fleet.starts.len() - before
        };
        (0..count).map(|_| minute(self)).collect()
    }

    pub(crate) fn started(&self) -> Vec<u64> {
        let cohorts = self.view.cohorts.iter();
        cohorts.map(|cohort| cohort.started).collect()
    }
}

pub(crate) fn view(sizes: &[u64]) -> View {
    let names: Vec<_> = (0..sizes.len()).map(|index| format!("c{index}")).collect();
    let cohorts = names.iter().map(String::as_str).zip(sizes.iter().copied());
    testing::view(START, cohorts)
}

/// Starts and ends devices that are pending: so many succeed, so many fail for good
/// at the first attempt.
pub(crate) fn end(cohort: &mut CohortView, succeeded: u64, failed: &[(FailureKind, u64)]) {
    let lost: u64 = failed.iter().map(|(_, count)| count).sum();
    cohort.states.pending -= succeeded + lost;
    cohort.states.succeeded += succeeded;
    cohort.states.dead_lettered += lost;
    cohort.started += succeeded + lost;
    cohort.ended += succeeded + lost;
    for (kind, count) in failed {
        count_failures(cohort, *kind, *count);
    }
}

/// So many devices fell back that had succeeded.
pub(crate) fn regress(cohort: &mut CohortView, count: u64) {
    cohort.states.succeeded -= count;
    cohort.states.failed += count;
    count_failures(cohort, FailureKind::Regressed, count);
}

fn count_failures(cohort: &mut CohortView, kind: FailureKind, count: u64) {
    for failures in [&mut cohort.failures, &mut cohort.first_failures] {
        match failures.iter_mut().find(|failure| failure.kind == kind) {
            Some(failure) => failure.count += count,
            None => failures.push(FailureCount { kind, count }),
        }
    }
}

/// The most starts within any span of this length.
pub(crate) fn most_within(starts: &[u64], span: u64) -> u64 {
    let mut oldest = 0;
    let within = starts.iter().enumerate().map(|(newest, at)| {
        while starts[oldest] + span <= *at {
            oldest += 1;
        }
        newest - oldest + 1
    });
    within.max().unwrap_or(0) as u64
}

/// Codes of the reasons.
pub(crate) fn codes(decision: &Decision) -> Vec<&str> {
    let reasons = decision.reasons.iter();
    reasons.map(|reason| reason.code.as_str()).collect()
}

pub(crate) fn cohorts(policy: &Rate, tiers: &[TierCount]) -> Vec<u64> {
    let cohorts = policy.cohorts(tiers).expect("any number can be cut");
    cohorts.into_iter().map(|cohort| cohort.size).collect()
}
