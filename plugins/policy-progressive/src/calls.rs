//! When the policy wants to be asked again.

use windlass_sdk::{Measure, Timestamp, Trigger, View};

use crate::analysis::{Judged, Standing};
use crate::clock::Clock;
use crate::decide::VALID;
use crate::gate::Tally;
use crate::memo::Memo;
use crate::plan::Plan;
use crate::recheck;
use crate::stages::Progress;

/// When a clock of the policy's own runs out. The host renews decisions by itself, so an
/// answer here means that something is to be waited for.
pub(crate) fn ask_at(
    plan: &Plan,
    clock: Clock,
    memo: &Memo,
    progress: Progress,
    signals: &[Standing<'_>],
) -> Option<Timestamp> {
    // A limit that was passed is for a person, or for the signal.
    if signals.iter().any(|signal| signal.consequence().is_some()) {
        return None;
    }
    let measured = signals
        .iter()
        .any(|signal| signal.judged == Judged::Unclear)
        || matches!(progress, Progress::Measuring);
    // The next measurement is sure to come, and the host asks then; this says that it is
    // waited for.
    let next = measured.then(|| clock.wall(clock.now.saturating_add(VALID)));
    let event = match progress {
        Progress::Soaking { until, .. } => Some(until),
        Progress::Open {
            cohort,
            overdue: false,
            ..
        } => {
            let deadline = plan.stages[cohort].deadline;
            let waiting = memo.opened.last().filter(|opened| opened.met.is_none());
            waiting
                .zip(deadline)
                .map(|(opened, deadline)| opened.at.saturating_add(deadline.after))
                .filter(|end| *end > clock.now)
        }
        // The host asks when they have answered.
        Progress::Rechecking { .. }
        | Progress::Open { .. }
        | Progress::Measuring
        | Progress::Awaiting { .. }
        | Progress::Aborted
        | Progress::Done => None,
    };
    let event = event.map(|event| clock.wall(event));
    let again = match progress {
        Progress::Rechecking {
            standing: recheck::Standing::TooFew { again },
            ..
        } => Some(again),
        _ => None,
    };
    event.into_iter().chain(next).chain(again).min()
}

/// The counts at which the gate could be met or an abort threshold be reached.
pub(crate) fn triggers(plan: &Plan, view: &View, memo: &Memo, progress: Progress) -> Vec<Trigger> {
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
            let gate = plan.stages[cohort].gate;
            let tally = Tally::of(&view.cohorts[cohort], gate.kinds);
            let ends = (cohort, Measure::Ended, gate.ends_wanted(&tally));
            let successes = gate
                .successes_wanted(&tally)
                .map(|wanted| (cohort, Measure::Succeeded, wanted));
            let failures = gate
                .failures_wanted(&tally)
                .map(|wanted| (cohort, Measure::Failed, wanted));
            // Ends and successes must both come true. A decision taken when the
            // first does asks for the other again.
            [Some(ends), successes, failures]
        }
        Progress::Soaking { .. }
        | Progress::Rechecking { .. }
        | Progress::Measuring
        | Progress::Awaiting { .. }
        | Progress::Aborted
        | Progress::Done => [None, None, None],
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
