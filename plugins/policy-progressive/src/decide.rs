//! From where the rollout is to what is allowed now.

use windlass_sdk::{Advance, Ceiling, Decision, Reason, RecheckWish, Verdict, View};

use crate::analysis::{Judged, Standing, standings};
use crate::calls;
use crate::clock::Clock;
use crate::consent::order_past;
use crate::gate::{self, Tally};
use crate::memo::Memo;
use crate::plan::{Consequence, Plan};
use crate::reasons;
use crate::settings::{Ending, OnFailure};
use crate::stages::{Progress, advance};

/// How long a decision holds, in milliseconds. A rollout whose policy has
/// fallen silent stops within it; the host renews decisions well before.
pub(crate) const VALID: u64 = 60_000;

/// Reasons of a decision, by contract, less one for an order and one for what was verified
/// again.
const MAX_REASONS: usize = 30;

pub(crate) fn decide(plan: &Plan, view: &View, memo: &[u8]) -> Decision {
    let clock = Clock::of(view);
    let Some(mut state) = Memo::read(memo) else {
        return refuse(view, memo, reasons::memo_unreadable());
    };
    if view.cohorts.len() != plan.stages.len() {
        let reason = reasons::cohorts_differ(view.cohorts.len(), plan.stages.len());
        return refuse(view, memo, reason);
    }
    let progress = advance(plan, view, clock, &mut state);
    let signals = signals(plan, view, &state, progress);
    let (verdict, mut reasons) = with_signals(
        judge(plan, view, clock, &state, progress),
        heed(&state, progress, &signals),
    );
    let order = order(plan, view, &state, progress);
    reasons.extend(order.map(|(order, passed)| reasons::advanced(plan, order, passed)));
    let looks_back = matches!(
        progress,
        Progress::Open { .. }
            | Progress::Rechecking { .. }
            | Progress::Measuring
            | Progress::Awaiting { .. }
    );
    if looks_back && verdict < Verdict::Pause {
        reasons.extend(rechecked(plan, view, &state));
    }
    let aborted = matches!(progress, Progress::Aborted);
    Decision {
        ceilings: ceilings(view, if aborted { 0 } else { state.opened.len() }),
        valid_until: view.now.saturating_add(VALID),
        verdict,
        reasons,
        memo: state.write(),
        ask_at: calls::ask_at(plan, clock, &state, progress, &signals),
        triggers: if aborted {
            Vec::new()
        } else {
            calls::triggers(plan, view, &state, progress)
        },
        rechecks: wish(&state, progress).into_iter().collect(),
    }
}

/// How the signals stand that have a say: none once the rollout was ended, or a person ordered
/// to go on past everything that is left.
fn signals<'a>(plan: &'a Plan, view: &View, memo: &Memo, progress: Progress) -> Vec<Standing<'a>> {
    let current = memo.opened.len().checked_sub(1);
    let ordered = matches!(progress, Progress::Done) && order_past(view, current).is_some();
    if ordered || matches!(progress, Progress::Aborted) {
        return Vec::new();
    }
    standings(plan, view, memo)
}

/// What the signals say, the most severe first.
fn heed(memo: &Memo, progress: Progress, signals: &[Standing<'_>]) -> Vec<(Verdict, Reason)> {
    let cohort = memo.opened.len().saturating_sub(1);
    let awaited = matches!(progress, Progress::Measuring);
    let mut heeded: Vec<_> = signals
        .iter()
        .filter_map(|signal| {
            let verdict = match (signal.consequence(), signal.judged) {
                (Some(Consequence::Hold), _) | (None, Judged::Unclear) => Verdict::Hold,
                (Some(Consequence::Pause), _) => Verdict::Pause,
                // Those that end the rollout have ended it.
                (Some(Consequence::End(_)), _) | (None, Judged::Bad(_)) => Verdict::Continue,
                (None, _) if awaited && !signal.is_ready() => Verdict::Continue,
                (None, _) => return None,
            };
            Some((verdict, reasons::signal(cohort, signal)))
        })
        .collect();
    heeded.sort_by_key(|(verdict, _)| std::cmp::Reverse(*verdict));
    heeded
}

/// The more severe of the two. A pause has no reasons but those that pause: what else is going on
/// would change under a person who resumed in spite of them.
fn with_signals(
    (verdict, mut reasons): (Verdict, Vec<Reason>),
    signals: Vec<(Verdict, Reason)>,
) -> (Verdict, Vec<Reason>) {
    let Some((severest, _)) = signals.first() else {
        return (verdict, reasons);
    };
    let severest = *severest;
    if verdict == Verdict::Pause && severest <= verdict {
        return (verdict, reasons);
    }
    if verdict == Verdict::Hold && severest <= verdict {
        reasons.extend(signals.into_iter().map(|(_, reason)| reason));
        return (verdict, reasons);
    }
    let pauses = severest == Verdict::Pause;
    let own = signals
        .into_iter()
        .filter(|(verdict, _)| !pauses || *verdict == severest)
        .map(|(_, reason)| reason);
    let others = reasons.into_iter().filter(|_| !pauses);
    (severest, own.chain(others).take(MAX_REASONS).collect())
}

/// Holds without a change to what was decided before.
fn refuse(view: &View, memo: &[u8], reason: Reason) -> Decision {
    Decision {
        ceilings: ceilings(view, 0),
        valid_until: view.now.saturating_add(VALID),
        verdict: Verdict::Hold,
        reasons: vec![reason],
        memo: memo.to_vec(),
        ask_at: None,
        triggers: Vec::new(),
        rechecks: Vec::new(),
    }
}

/// That the devices of the current cohort be verified again, while that is waited for.
fn wish(memo: &Memo, progress: Progress) -> Option<RecheckWish> {
    let Progress::Rechecking { cohort, .. } = progress else {
        return None;
    };
    Some(RecheckWish {
        cohort: u32::try_from(cohort).ok()?,
        since: memo.opened.last()?.verify?,
    })
}

/// What came of the newest cohort that was verified again, while the next goes on or a person
/// is asked.
fn rechecked(plan: &Plan, view: &View, memo: &Memo) -> Option<Reason> {
    let opened = memo.opened.iter().enumerate().rev().take(2);
    opened.into_iter().find_map(|(cohort, opened)| {
        let since = opened.verify?;
        let round = view.cohorts.get(cohort)?.recheck.as_ref()?;
        let is_over = round.began >= since && round.ended.is_some();
        let stage = plan.stages.get(cohort).filter(|_| is_over)?;
        Some(reasons::rechecked(cohort, stage, round))
    })
}

/// Every device of an opened cohort may start, and none of the others.
fn ceilings(view: &View, opened: usize) -> Vec<Ceiling> {
    let ceiling = |(index, size)| match index < opened {
        true => Ceiling {
            started: size,
            in_progress: u64::MAX,
        },
        false => Ceiling {
            started: 0,
            in_progress: 0,
        },
    };
    view.cohorts
        .iter()
        .map(|cohort| cohort.size)
        .enumerate()
        .map(ceiling)
        .collect()
}

fn judge(
    plan: &Plan,
    view: &View,
    clock: Clock,
    memo: &Memo,
    progress: Progress,
) -> (Verdict, Vec<Reason>) {
    match progress {
        Progress::Aborted => {
            let ending = memo.aborted.as_ref().map(|aborted| aborted.ending);
            let verdict = match ending {
                Some(Ending::RollBack) => Verdict::RollBack,
                Some(Ending::Abort) | None => Verdict::Abort,
            };
            let reason = memo
                .aborted
                .as_ref()
                .map(|aborted| reasons::aborted(aborted, &plan.stages[aborted.cohort].name));
            (verdict, reason.into_iter().collect())
        }
        // The signals say what is missing.
        Progress::Done | Progress::Measuring => (Verdict::Continue, Vec::new()),
        Progress::Rechecking { cohort, standing } => (
            Verdict::Continue,
            vec![reasons::rechecking(cohort, &plan.stages[cohort], standing)],
        ),
        Progress::Awaiting { cohort } => (Verdict::Hold, vec![reasons::awaiting(plan, cohort)]),
        Progress::Soaking {
            cohort,
            standing,
            until,
        } => {
            let stage = &plan.stages[cohort];
            let deadline =
                (standing != gate::Standing::Met).then(|| reasons::deadline_passed(cohort, stage));
            let soaking = reasons::soaking(cohort, stage, standing, clock, until);
            (
                Verdict::Continue,
                deadline.into_iter().chain([soaking]).collect(),
            )
        }
        Progress::Open {
            cohort,
            standing,
            overdue,
        } => {
            let stage = &plan.stages[cohort];
            let tally = Tally::of(&view.cohorts[cohort], stage.gate.kinds);
            let ended = tally.ended == tally.size;
            // Nothing comes after the last cohort that could be held back.
            let last_ended = ended && cohort + 1 == plan.stages.len();
            // A deadline that passed keeps later cohorts shut by their ceilings; a hold would
            // keep this cohort's own devices from ever meeting the gate.
            let verdict = match (standing, stage.gate.on_failure) {
                (gate::Standing::Met | gate::Standing::Working | gate::Standing::Waiting, _) => {
                    Verdict::Continue
                }
                (gate::Standing::NotMet | gate::Standing::Inconclusive, _) if last_ended => {
                    Verdict::Continue
                }
                (gate::Standing::NotMet, OnFailure::Pause) => Verdict::Pause,
                (gate::Standing::NotMet | gate::Standing::Inconclusive, _) => Verdict::Hold,
            };
            let deadline = overdue.then(|| reasons::deadline_passed(cohort, stage));
            let gate = reasons::gate(cohort, stage, standing, &tally);
            (verdict, deadline.into_iter().chain(gate).collect())
        }
    }
}

/// The order that brought the rollout to where it is, if one did, and the cohort that it
/// passed last. One that passes the start passes the first cohort too.
fn order<'a>(
    plan: &Plan,
    view: &'a View,
    memo: &Memo,
    progress: Progress,
) -> Option<(&'a Advance, usize)> {
    if matches!(progress, Progress::Aborted) {
        return None;
    }
    let current = memo.opened.len().checked_sub(1)?;
    let past_end = (current + 1 == plan.stages.len())
        .then(|| order_past(view, Some(current)))
        .flatten();
    if let Some(order) = past_end {
        return Some((order, current));
    }
    let passed = current.checked_sub(1)?;
    let advanced = memo.opened[current].advanced;
    advanced
        .then(|| order_past(view, Some(passed)))
        .flatten()
        .map(|order| (order, passed))
}
