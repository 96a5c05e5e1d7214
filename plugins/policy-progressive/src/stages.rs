//! How far a rollout may go: the one place where cohorts open.

use windlass_sdk::View;

use crate::clock::{Clock, Mark};
use crate::gate::{Standing, Tally};
use crate::memo::{Aborted, Cause, Memo, Opened};
use crate::plan::Plan;
use crate::settings::OnDeadline;

/// Where the rollout is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Progress {
    /// For good; the memo says why.
    Aborted,
    /// The gate of this cohort is met, and it is watched for a while.
    Soaking { cohort: usize, until: Mark },
    /// This cohort is the current one and its gate is not met.
    Open {
        cohort: usize,
        standing: Standing,
        overdue: bool,
    },
    /// The last cohort's gate is met too.
    Done,
}

/// Opens every cohort whose time has come and says where that leads.
pub(crate) fn advance(plan: &Plan, view: &View, clock: Clock, memo: &mut Memo) -> Progress {
    if memo.opened.is_empty() {
        memo.opened.push(Opened {
            at: clock.now,
            met: None,
        });
    }
    note_abort(plan, view, clock, memo);
    loop {
        if memo.aborted.is_some() {
            return Progress::Aborted;
        }
        match step(plan, view, clock, memo) {
            Step::Stay(progress) => return progress,
            Step::Next => memo.opened.push(Opened {
                at: clock.now,
                met: None,
            }),
            Step::Abort { cohort } => {
                memo.aborted = Some(Aborted {
                    cohort,
                    at: clock.now,
                    cause: Cause::Deadline,
                })
            }
        }
    }
}

/// Failures count in every cohort that was ever opened, so also those that
/// come late.
fn note_abort(plan: &Plan, view: &View, clock: Clock, memo: &mut Memo) {
    if memo.aborted.is_none() {
        let opened = plan
            .stages
            .iter()
            .zip(&view.cohorts)
            .take(memo.opened.len())
            .enumerate();
        memo.aborted = opened.into_iter().find_map(|(cohort, (stage, seen))| {
            let cause = stage.abort?.cause(seen)?;
            Some(Aborted {
                cohort,
                at: clock.now,
                cause,
            })
        });
    }
}

enum Step {
    Stay(Progress),
    Next,
    Abort { cohort: usize },
}

fn step(plan: &Plan, view: &View, clock: Clock, memo: &mut Memo) -> Step {
    let cohort = memo.opened.len().saturating_sub(1);
    let last = cohort + 1 >= plan.stages.len();
    let (Some(stage), Some(seen), Some(opened)) = (
        plan.stages.get(cohort),
        view.cohorts.get(cohort),
        memo.opened.last_mut(),
    ) else {
        return Step::Stay(Progress::Done);
    };
    let standing = stage.gate.standing(&Tally::of(seen));
    if standing == Standing::Met {
        let until = opened
            .met
            .get_or_insert(clock.now)
            .saturating_add(stage.soak);
        return match (last, clock.now >= until) {
            (true, _) => Step::Stay(Progress::Done),
            (false, true) => Step::Next,
            (false, false) => Step::Stay(Progress::Soaking { cohort, until }),
        };
    }
    // A gate that a late failure closes again starts its soak anew.
    opened.met = None;
    let deadline = stage
        .deadline
        .filter(|deadline| clock.now >= opened.at.saturating_add(deadline.after));
    match deadline.map(|deadline| deadline.then) {
        Some(OnDeadline::Abort) => Step::Abort { cohort },
        Some(OnDeadline::Pass) if !last => Step::Next,
        Some(OnDeadline::Pass) | None => Step::Stay(Progress::Open {
            cohort,
            standing,
            overdue: false,
        }),
        Some(OnDeadline::Hold) => Step::Stay(Progress::Open {
            cohort,
            standing,
            overdue: true,
        }),
    }
}
