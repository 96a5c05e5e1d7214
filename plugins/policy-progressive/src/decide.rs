//! From where the rollout is to what is allowed now.

use windlass_sdk::{Ceiling, Decision, Measure, Reason, Timestamp, Trigger, Verdict, View};

use crate::clock::Clock;
use crate::gate::{Standing, Tally};
use crate::memo::Memo;
use crate::plan::Plan;
use crate::reasons;
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
    let (verdict, reasons) = judge(plan, view, clock, &state, progress);
    let aborted = matches!(progress, Progress::Aborted);
    Decision {
        ceilings: ceilings(view, if aborted { 0 } else { state.opened.len() }),
        valid_until: view.now.saturating_add(VALID),
        verdict,
        reasons,
        memo: state.write(),
        ask_at: ask_at(plan, clock, &state, progress),
        triggers: if aborted {
            Vec::new()
        } else {
            triggers(plan, view, &state, progress)
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
            let reason = memo
                .aborted
                .as_ref()
                .map(|aborted| reasons::aborted(aborted, &plan.stages[aborted.cohort].name));
            (Verdict::Abort, reason.into_iter().collect())
        }
        Progress::Done => (Verdict::Continue, Vec::new()),
        Progress::Soaking { cohort, until } => (
            Verdict::Continue,
            vec![reasons::soaking(cohort, &plan.stages[cohort], clock, until)],
        ),
        Progress::Open {
            cohort,
            standing,
            overdue,
        } => {
            let stage = &plan.stages[cohort];
            let tally = Tally::of(&view.cohorts[cohort]);
            let ended = tally.ended == tally.size;
            // Nothing comes after the last cohort that could be held back.
            let last_ended = ended && cohort + 1 == plan.stages.len();
            let failed = match standing {
                Standing::NotMet | Standing::Inconclusive => true,
                Standing::Met | Standing::Working | Standing::Waiting => false,
            };
            // A deadline that passed keeps later cohorts shut by their ceilings; a hold would
            // keep this cohort's own devices from ever meeting the gate.
            let verdict = if failed && !last_ended {
                Verdict::Hold
            } else {
                Verdict::Continue
            };
            let deadline = overdue.then(|| reasons::deadline_passed(cohort, stage));
            let gate = reasons::gate(cohort, stage, standing, &tally);
            (verdict, deadline.into_iter().chain(gate).collect())
        }
    }
}

/// When a clock of the policy's own runs out. The host renews decisions by itself, so an
/// answer here means that something is to be waited for.
fn ask_at(plan: &Plan, clock: Clock, memo: &Memo, progress: Progress) -> Option<Timestamp> {
    let event = match progress {
        Progress::Soaking { until, .. } => Some(until),
        Progress::Open {
            cohort,
            overdue: false,
            ..
        } => {
            let deadline = plan.stages[cohort].deadline;
            let opened = memo.opened.last().map_or(clock.now, |opened| opened.at);
            deadline
                .map(|deadline| opened.saturating_add(deadline.after))
                .filter(|end| *end > clock.now)
        }
        Progress::Open { .. } | Progress::Aborted | Progress::Done => None,
    };
    event.map(|event| clock.wall(event))
}

/// The counts at which the gate could be met or an abort threshold be reached.
fn triggers(plan: &Plan, view: &View, memo: &Memo, progress: Progress) -> Vec<Trigger> {
    let opened = plan
        .stages
        .iter()
        .zip(&view.cohorts)
        .take(memo.opened.len())
        .enumerate();
    let aborts = opened.flat_map(|(cohort, (stage, seen))| {
        let reached = stage
            .abort
            .map_or_else(Vec::new, |abort| abort.triggers(seen));
        reached
            .into_iter()
            .map(move |(measure, reaches)| (cohort, measure, reaches))
    });
    let gate = match progress {
        Progress::Open { cohort, .. } => {
            let tally = Tally::of(&view.cohorts[cohort]);
            let gate = plan.stages[cohort].gate;
            let ends = (cohort, Measure::Ended, gate.ends_wanted(&tally));
            let successes = gate
                .successes_wanted(&tally)
                .map(|wanted| (cohort, Measure::Succeeded, wanted));
            // Both must come true. A decision taken when the first does asks
            // for the other again.
            [Some(ends), successes]
        }
        Progress::Soaking { .. } | Progress::Aborted | Progress::Done => [None, None],
    };
    let wanted = aborts.chain(gate.into_iter().flatten());
    let triggers = wanted.filter_map(|(cohort, measure, reaches)| {
        Some(Trigger {
            cohort: u32::try_from(cohort).ok()?,
            measure,
            reaches,
        })
    });
    triggers.collect()
}
