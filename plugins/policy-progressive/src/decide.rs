//! From where the rollout is to what is allowed now.

use windlass_sdk::{Advance, Ceiling, Decision, Reason, Verdict, View};

use crate::calls;
use crate::clock::Clock;
use crate::consent::order_past;
use crate::gate::{Standing, Tally};
use crate::memo::Memo;
use crate::plan::Plan;
use crate::reasons;
use crate::settings::{Ending, OnFailure};
use crate::stages::{Progress, advance};

/// How long a decision holds, in milliseconds. A rollout whose policy has
/// fallen silent stops within it; the host renews decisions well before.
const VALID: u64 = 60_000;

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
    let (verdict, mut reasons) = judge(plan, view, clock, &state, progress);
    let order = order(plan, view, &state, progress);
    reasons.extend(order.map(|(order, passed)| reasons::advanced(plan, order, passed)));
    let aborted = matches!(progress, Progress::Aborted);
    Decision {
        ceilings: ceilings(view, if aborted { 0 } else { state.opened.len() }),
        valid_until: view.now.saturating_add(VALID),
        verdict,
        reasons,
        memo: state.write(),
        ask_at: calls::ask_at(plan, clock, &state, progress),
        triggers: if aborted {
            Vec::new()
        } else {
            calls::triggers(plan, view, &state, progress)
        },
    }
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
    }
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
        Progress::Done => (Verdict::Continue, Vec::new()),
        Progress::Awaiting { cohort } => (Verdict::Hold, vec![reasons::awaiting(plan, cohort)]),
        Progress::Soaking {
            cohort,
            standing,
            until,
        } => {
            let stage = &plan.stages[cohort];
            let deadline =
                (standing != Standing::Met).then(|| reasons::deadline_passed(cohort, stage));
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
                (Standing::Met | Standing::Working | Standing::Waiting, _) => Verdict::Continue,
                (Standing::NotMet | Standing::Inconclusive, _) if last_ended => Verdict::Continue,
                (Standing::NotMet, OnFailure::Pause) => Verdict::Pause,
                (Standing::NotMet | Standing::Inconclusive, _) => Verdict::Hold,
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
