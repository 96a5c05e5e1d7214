//! A rollout's view, built by hand, and a fleet that obeys decisions.

use windlass_sdk::{
    Advance, Approval, CohortView, Decision, FailureCount, FailureKind, Policy, Problem, Reason,
    Recheck, Signal, TierCount, Verdict, View, settings, testing,
};

use super::Progressive;

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

/// What becomes of a device that is started.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Succeeds,
    Fails,
    /// Its first attempt fails and a later one succeeds.
    Stumbles,
    /// It is away until nothing else goes on.
    IsAway,
}

/// Turns after which a rollout that has not ended counts as stuck: each brings a device on, a
/// clock to its end, or a person to consent.
const MOST_TURNS: u32 = 10_000;

/// Obeys the policy until nothing moves any more: at each turn every device
/// that may start does, and every `bad`th of them fails.
pub(crate) fn run(policy: &Progressive, devices: u64, bad: u64) -> End {
    let fate = |started: u64| match bad > 0 && started.is_multiple_of(bad) {
        true => Fate::Fails,
        false => Fate::Succeeds,
    };
    obey(policy, &mut view(policy, devices), Vec::new(), fate).0
}

/// As [`run`], with `bad` of a hundred devices that fail, as many that stumble and some that
/// are away, all drawn by the seed. Where it is held for good, a person orders it on.
pub(crate) fn run_seeded(policy: &Progressive, devices: u64, seed: u64, bad: u64) -> End {
    let fate = |started: u64| match draw(seed, started) % 100 {
        drawn if drawn < bad => Fate::Fails,
        drawn if drawn < 2 * bad => Fate::Stumbles,
        drawn if drawn >= 90 => Fate::IsAway,
        _ => Fate::Succeeds,
    };
    let mut view = view(policy, devices);
    let (end, memo) = obey(policy, &mut view, Vec::new(), fate);
    if end != End::Held {
        return end;
    }
    order(&mut view, None);
    obey(policy, &mut view, memo, fate).0
}

/// SplitMix64: a number that is as good as random, the same for the same arguments.
fn draw(seed: u64, index: u64) -> u64 {
    let mut mixed = seed.wrapping_add(index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn obey(
    policy: &Progressive,
    view: &mut View,
    mut memo: Vec<u8>,
    fate: impl Fn(u64) -> Fate,
) -> (End, Vec<u8>) {
    let mut started = 0_u64;
    for _ in 0..MOST_TURNS {
        view.signals = policy
            .signals()
            .into_iter()
            .map(|name| good(name, view.now))
            .collect();
        let decision = policy.decide(view, &memo);
        assert!(
            decision.valid_until > view.now,
            "a decision holds for a while"
        );
        match decision.verdict {
            Verdict::Continue => {}
            Verdict::Hold if !awaited(&decision).is_empty() => {
                approve(view, &decision);
                memo = decision.memo;
                continue;
            }
            Verdict::Hold | Verdict::Pause => return (End::Held, decision.memo),
            Verdict::Abort => return (End::Aborted, decision.memo),
            Verdict::RollBack => return (End::RolledBack, decision.memo),
        }
        if view
            .cohorts
            .iter()
            .all(|cohort| cohort.ended == cohort.size)
        {
            return (End::Complete, decision.memo);
        }
        let mut moved = answer(view, &decision);
        for (cohort, ceiling) in view.cohorts.iter_mut().zip(&decision.ceilings) {
            moved |= recover(cohort) > 0;
            let pending = cohort.states.pending;
            for _ in 0..pending.min(ceiling.started.saturating_sub(cohort.started)) {
                started += 1;
                match fate(started) {
                    Fate::Succeeds => end(cohort, 1, &[]),
                    Fate::Fails => end(cohort, 0, &[(FailureKind::DeviceError, 1)]),
                    Fate::Stumbles => stumble(cohort, FailureKind::DeviceError, 1),
                    Fate::IsAway => defer(cohort, 1),
                }
                moved = true;
            }
        }
        if moved {
            view.now += 1000;
        } else {
            match decision.ask_at {
                Some(ask_at) => {
                    assert!(
                        ask_at > view.now,
                        "a clock that ran out is no reason to wait"
                    );
                    view.now = ask_at;
                }
                None => assert!(
                    come_back(&mut view.cohorts) > 0,
                    "a policy that waits says until when"
                ),
            }
        }
        memo = decision.memo;
    }
    panic!("it goes on for ever: {view:?}");
}

/// The host verifies again what is wished for, and everybody runs the release. Whether there was
/// anything to do.
pub(crate) fn answer(view: &mut View, decision: &Decision) -> bool {
    let mut any = false;
    for wish in &decision.rechecks {
        let cohort = &mut view.cohorts[wish.cohort as usize];
        let had = cohort.recheck.as_ref();
        if wish.since <= view.now && had.is_none_or(|round| round.began < wish.since) {
            cohort.recheck = Some(round(view.now, cohort.states.succeeded, 0, 0));
            any = true;
        }
    }
    any
}

/// A round that is over.
pub(crate) fn round(at: u64, confirmed: u64, regressed: u64, unconfirmed: u64) -> Recheck {
    Recheck {
        began: at,
        ended: Some(at),
        confirmed,
        regressed,
        unconfirmed,
    }
}

/// So many devices fell back that had succeeded.
pub(crate) fn regress(cohort: &mut CohortView, count: u64) {
    cohort.states.succeeded -= count;
    cohort.states.failed += count;
    count_failures(&mut cohort.failures, FailureKind::Regressed, count);
    count_failures(&mut cohort.first_failures, FailureKind::Regressed, count);
}

/// Devices that wait for another attempt have it, and it succeeds.
fn recover(cohort: &mut CohortView) -> u64 {
    let waiting = std::mem::take(&mut cohort.states.waiting);
    cohort.states.succeeded += waiting;
    cohort.in_progress -= waiting;
    cohort.ended += waiting;
    waiting
}

/// Devices that were away are updated.
fn come_back(cohorts: &mut [CohortView]) -> u64 {
    let back = |cohort: &mut CohortView| {
        let away = std::mem::take(&mut cohort.states.deferred);
        cohort.states.pending += away;
        end(cohort, away, &[]);
        away
    };
    cohorts.iter_mut().map(back).sum()
}
