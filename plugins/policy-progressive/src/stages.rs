//! How far a rollout may go: the one place where cohorts open.

use windlass_sdk::View;

use crate::analysis::{self, measure, standings};
use crate::clock::{Clock, Mark};
use crate::consent::{is_approved, order_past};
use crate::gate::{Standing, Tally};
use crate::memo::{Aborted, Cause, Memo, Opened};
use crate::plan::{Plan, Stage};
use crate::recheck;
use crate::settings::{Ending, OnDeadline, OnFailure};

/// Where the rollout is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Progress {
    /// For good; the memo says why.
    Aborted,
    /// A person's consent to go on past this cohort is missing; none: to start at all.
    Awaiting { cohort: Option<usize> },
    /// The gate of this cohort is met, or its deadline passed it, and the cohort is watched
    /// for a while.
    Soaking {
        cohort: usize,
        standing: Standing,
        until: Mark,
    },
    /// Gate and soak of this cohort are served, and its devices are asked whether they still run
    /// the release.
    Rechecking {
        cohort: usize,
        standing: recheck::Standing,
    },
    /// Gate and soak of the current cohort are served, and not every signal is good and was measured
    /// often enough.
    Measuring,
    /// This cohort is the current one and its gate is not met.
    Open {
        cohort: usize,
        standing: Standing,
        overdue: bool,
    },
    /// The last cohort's gate is met too, or a person ordered to go on past it.
    Done,
}

/// Opens every cohort whose time has come and says where that leads.
pub(crate) fn advance(plan: &Plan, view: &View, clock: Clock, memo: &mut Memo) -> Progress {
    measure(plan, view, memo);
    while memo.aborted.is_none() {
        let reached = threshold(plan, view, clock, memo);
        let mut after = memo.clone();
        let step = match (reached, step(plan, view, clock, &mut after)) {
            (None, step) => {
                *memo = after;
                step
            }
            (Some(reached), Step::End(failed)) if failed.ending > reached.ending => {
                Step::End(failed)
            }
            // Whatever a person ordered.
            (Some(reached), _) => Step::End(reached),
        };
        match step {
            Step::Stay(progress) => {
                if !matches!(progress, Progress::Awaiting { .. }) {
                    // What was consented to is no more: the gate is asked for anew.
                    memo.asked = None;
                }
                return progress;
            }
            Step::Next { advanced } => {
                memo.asked = None;
                memo.measured.clear();
                memo.opened.push(Opened {
                    at: clock.now,
                    met: None,
                    advanced,
                    verify: None,
                });
            }
            Step::End(aborted) => memo.aborted = Some(aborted),
        }
    }
    Progress::Aborted
}

/// The most severe abort threshold that is reached, of the first cohort where it is, or the end
/// that a signal of the current cohort leads to. Failures count in every cohort that was ever
/// opened, so also those that come late.
fn threshold(plan: &Plan, view: &View, clock: Clock, memo: &Memo) -> Option<Aborted> {
    let opened = plan
        .stages
        .iter()
        .zip(&view.cohorts)
        .take(memo.opened.len())
        .enumerate();
    let end = |cohort, cause, ending| Aborted {
        cohort,
        at: clock.now,
        cause,
        ending,
    };
    let failures = opened.filter_map(|(cohort, (stage, seen))| {
        let abort = stage.abort?;
        Some(end(cohort, abort.cause(seen)?, abort.action))
    });
    let current = memo.opened.len().saturating_sub(1);
    let signals = standings(plan, view, memo);
    let signals = signals.iter().filter_map(analysis::Standing::end);
    failures
        .chain(signals.map(|(cause, ending)| end(current, cause, ending)))
        // Of equals `max_by_key` takes the last.
        .rev()
        .max_by_key(|aborted| aborted.ending)
}

enum Step {
    Stay(Progress),
    Next { advanced: bool },
    End(Aborted),
}

fn step(plan: &Plan, view: &View, clock: Clock, memo: &mut Memo) -> Step {
    let Some(cohort) = memo.opened.len().checked_sub(1) else {
        return start(plan, view, memo);
    };
    let (Some(stage), Some(opened)) = (plan.stages.get(cohort), memo.opened.last_mut()) else {
        return Step::Stay(Progress::Done);
    };
    let last = cohort + 1 >= plan.stages.len();
    let ordered = order_past(view, Some(cohort)).is_some();
    if ordered && !last {
        return Step::Next { advanced: true };
    }
    if ordered {
        return Step::Stay(Progress::Done);
    }
    match passage(cohort, stage, view, clock, opened, last) {
        Passage::Not(progress) => Step::Stay(progress),
        Passage::Failed(cause, ending) => Step::End(Aborted {
            cohort,
            at: clock.now,
            cause,
            ending,
        }),
        Passage::Passed if last => Step::Stay(Progress::Done),
        Passage::Passed
            if !standings(plan, view, memo)
                .iter()
                .all(analysis::Standing::is_ready) =>
        {
            Step::Stay(Progress::Measuring)
        }
        Passage::Passed if consented(view, memo, stage.approval.as_deref()) => {
            Step::Next { advanced: false }
        }
        Passage::Passed => Step::Stay(Progress::Awaiting {
            cohort: Some(cohort),
        }),
    }
}

fn start(plan: &Plan, view: &View, memo: &mut Memo) -> Step {
    if consented(view, memo, plan.start_approval.as_deref()) {
        Step::Next { advanced: false }
    } else if order_past(view, None).is_some() {
        Step::Next { advanced: true }
    } else {
        Step::Stay(Progress::Awaiting { cohort: None })
    }
}

/// Whether the consent that is wanted was given since it is asked for: one that came
/// before knew nothing of what there is to judge now.
fn consented(view: &View, memo: &mut Memo, approval: Option<&str>) -> bool {
    approval.is_none_or(|gate| {
        // If the wall clock was set back, consents are given at earlier instants too.
        let since = memo.asked.map_or(view.now, |asked| asked.min(view.now));
        memo.asked = Some(since);
        is_approved(view, gate, since)
    })
}

enum Passage {
    Passed,
    Not(Progress),
    Failed(Cause, Ending),
}

/// Whether this cohort's gate, soak and deadline let the next one open.
fn passage(
    cohort: usize,
    stage: &Stage,
    view: &View,
    clock: Clock,
    opened: &mut Opened,
    last: bool,
) -> Passage {
    let Some(seen) = view.cohorts.get(cohort) else {
        return Passage::Not(Progress::Done);
    };
    let tally = Tally::of(seen, stage.gate.kinds);
    let standing = stage.gate.standing(&tally);
    let overdue = stage
        .deadline
        .filter(|deadline| clock.now >= opened.at.saturating_add(deadline.after))
        .map(|deadline| deadline.then);
    let ending = match (standing, stage.gate.on_failure) {
        (Standing::NotMet, OnFailure::Abort) => Some(Ending::Abort),
        (Standing::NotMet, OnFailure::RollBack) => Some(Ending::RollBack),
        _ => None,
    };
    if let (Some(ending), Some(required)) = (ending, stage.gate.success_rate) {
        let cause = Cause::Gate {
            succeeded: tally.succeeded,
            judged: tally.judged,
            required,
        };
        return Passage::Failed(cause, ending);
    }
    // Past a deadline that lets pass, the gate is not asked any more, whichever way it stands:
    // a failure must not spare a cohort the soak that it would have served without it.
    if standing == Standing::Met || (overdue == Some(OnDeadline::Pass) && !last) {
        // A cohort without devices has nothing to be watched.
        let soak = if tally.size == 0 { 0 } else { stage.soak };
        let until = opened.met.get_or_insert(clock.now).saturating_add(soak);
        if clock.now < until && !last {
            opened.verify = None;
            return Passage::Not(Progress::Soaking {
                cohort,
                standing,
                until,
            });
        }
        let recheck = stage.recheck.filter(|_| !last && tally.size > 0);
        return match recheck.and_then(|recheck| recheck.standing(view, seen, opened)) {
            None => Passage::Passed,
            Some(standing) => Passage::Not(Progress::Rechecking { cohort, standing }),
        };
    }
    // A gate that a late failure closes again starts its soak anew. The last cohort has none,
    // and may grow: a deadline that it kept once is not missed by devices that join later.
    if !last {
        opened.met = None;
        opened.verify = None;
    }
    let open = |overdue| {
        Passage::Not(Progress::Open {
            cohort,
            standing,
            overdue,
        })
    };
    // The last cohort's deadline that was kept once.
    match overdue.filter(|_| opened.met.is_none()) {
        Some(OnDeadline::Abort) => Passage::Failed(Cause::Deadline, Ending::Abort),
        Some(OnDeadline::Pass) | None => open(false),
        Some(OnDeadline::Hold) => open(true),
    }
}
