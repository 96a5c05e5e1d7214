//! A rollout's view, built by hand, and a fleet that obeys decisions.

use windlass_policy_progressive::Progressive;
use windlass_sdk::{
    Advance, Approval, CohortView, Decision, FailureCount, FailureKind, Policy, Problem, Reason,
    Signal, TierCount, Verdict, View, settings, testing,
};

/// When every rollout here starts.
pub(crate) const START: u64 = 1_767_225_600_000;
pub(crate) const MINUTE: u64 = 60_000;

pub(crate) fn try_open(settings: &str) -> Result<Progressive, Vec<Problem>> {
    Progressive::open(settings::parse(settings)?)
}

pub(crate) fn open(settings: &str) -> Progressive {
    try_open(settings).unwrap_or_else(|problems| panic!("{settings}: {problems:?}"))
}

pub(crate) fn sizes(policy: &Progressive, devices: u64) -> Vec<u64> {
    let cohorts = policy
        .cohorts(&[TierCount { tier: 0, devices }])
        .expect("any number can be cut");
    cohorts.into_iter().map(|cohort| cohort.size).collect()
}

/// A rollout of `devices` devices of which none was started.
pub(crate) fn view(policy: &Progressive, devices: u64) -> View {
    let cohorts = policy
        .cohorts(&[TierCount { tier: 0, devices }])
        .expect("any number can be cut");
    let cohorts = cohorts.iter();
    testing::view(
        START,
        cohorts.map(|cohort| (cohort.name.as_str(), cohort.size)),
    )
}

/// Ends devices that are pending: so many succeed, so many fail for good, at
/// the first attempt.
pub(crate) fn end(cohort: &mut CohortView, succeeded: u64, failed: &[(FailureKind, u64)]) {
    let lost: u64 = failed.iter().map(|(_, count)| count).sum();
    cohort.states.pending -= succeeded + lost;
    cohort.states.succeeded += succeeded;
    cohort.states.dead_lettered += lost;
    cohort.started += succeeded + lost;
    cohort.ended += succeeded + lost;
    for (kind, count) in failed {
        count_failures(&mut cohort.failures, *kind, *count);
        count_failures(&mut cohort.first_failures, *kind, *count);
    }
}

/// Starts devices that are pending; their first attempt fails and they wait for
/// another.
pub(crate) fn stumble(cohort: &mut CohortView, kind: FailureKind, count: u64) {
    cohort.states.pending -= count;
    cohort.states.waiting += count;
    cohort.started += count;
    cohort.in_progress += count;
    count_failures(&mut cohort.first_failures, kind, count);
}

/// Defers devices that are pending.
pub(crate) fn defer(cohort: &mut CohortView, count: u64) {
    cohort.states.pending -= count;
    cohort.states.deferred += count;
}

fn count_failures(failures: &mut Vec<FailureCount>, kind: FailureKind, count: u64) {
    match failures.iter_mut().find(|failure| failure.kind == kind) {
        Some(failure) => failure.count += count,
        None => failures.push(FailureCount { kind, count }),
    }
}

/// How many cohorts a decision has opened.
pub(crate) fn opened(decision: &Decision) -> usize {
    decision
        .ceilings
        .iter()
        .take_while(|ceiling| ceiling.in_progress > 0)
        .count()
}

/// Codes of the reasons.
pub(crate) fn codes(decision: &Decision) -> Vec<&str> {
    decision
        .reasons
        .iter()
        .map(|reason| reason.code.as_str())
        .collect()
}

/// The gates whose approval is waited for.
pub(crate) fn awaited(decision: &Decision) -> Vec<&str> {
    let waiting = decision
        .reasons
        .iter()
        .filter(|reason| reason.code == "awaiting-approval");
    waiting.map(gate).collect()
}

fn gate(reason: &Reason) -> &str {
    let gate = reason.parameters.iter().find(|named| named.name == "gate");
    gate.and_then(|gate| gate.value.as_text())
        .expect("a reason to wait names its gate")
}

/// Consents to all that is waited for, as the host takes no other consent.
pub(crate) fn approve(view: &mut View, decision: &Decision) {
    let at = view.now;
    let approvals = awaited(decision).into_iter().map(|gate| Approval {
        gate: gate.to_owned(),
        actor: "ada".to_owned(),
        at,
    });
    view.approvals.extend(approvals);
}

/// Orders the rollout past a cohort, or past all.
pub(crate) fn order(view: &mut View, cohort: Option<u32>) {
    view.advances.push(Advance {
        cohort,
        actor: "grace".to_owned(),
        at: view.now,
    });
}

/// A signal that was just measured.
fn good(name: String, now: u64) -> Signal {
    Signal {
        name,
        value: Some(0.1),
        observed_at: Some(now),
    }
}

/// How a simulated rollout ended.
#[derive(Debug, PartialEq)]
pub(crate) enum End {
    Complete,
    Held,
    Aborted,
    RolledBack,
}

/// Obeys the policy until nothing moves any more: at each turn every device
/// that may start does, and every `bad`th of them fails.
pub(crate) fn run(policy: &Progressive, devices: u64, bad: u64) -> End {
    let mut view = view(policy, devices);
    let mut memo = Vec::new();
    let mut started = 0_u64;
    loop {
        view.signals = policy
            .signals()
            .into_iter()
            .map(|name| good(name, view.now))
            .collect();
        let decision = policy.decide(&view, &memo);
        assert!(
            decision.valid_until > view.now,
            "a decision holds for a while"
        );
        match decision.verdict {
            Verdict::Continue => {}
            Verdict::Hold if !awaited(&decision).is_empty() => {
                approve(&mut view, &decision);
                memo = decision.memo;
                continue;
            }
            Verdict::Hold | Verdict::Pause => return End::Held,
            Verdict::Abort => return End::Aborted,
            Verdict::RollBack => return End::RolledBack,
        }
        if view
            .cohorts
            .iter()
            .all(|cohort| cohort.ended == cohort.size)
        {
            return End::Complete;
        }
        let mut moved = false;
        for (cohort, ceiling) in view.cohorts.iter_mut().zip(&decision.ceilings) {
            for _ in cohort.started..ceiling.started {
                started += 1;
                match bad > 0 && started.is_multiple_of(bad) {
                    true => end(cohort, 0, &[(FailureKind::DeviceError, 1)]),
                    false => end(cohort, 1, &[]),
                }
                moved = true;
            }
        }
        if moved {
            view.now += 1000;
        } else {
            let ask_at = decision
                .ask_at
                .expect("a policy that waits says until when");
            assert!(
                ask_at > view.now,
                "a clock that ran out is no reason to wait"
            );
            view.now = ask_at;
        }
        memo = decision.memo;
    }
}
