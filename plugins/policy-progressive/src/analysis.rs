//! What signals say of the current cohort, in the sense of an Argo Rollouts analysis.
//!
//! A measurement is good, failed, or without a value (inconclusive), and is known by the
//! instant at which it was made. Failures are counted from the cohort's opening on, good ones
//! from when its gate was met: before that the devices did not all run the release.

use std::fmt;

use windlass_sdk::{Signal, Timestamp, View};

use crate::memo::{Cause, Measured, Memo, Number};
use crate::plan::{Analysis, Consequence, Plan, Success};
use crate::settings::Ending;

/// How an analysis stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Judged {
    /// Nothing was measured since the cohort opened.
    Unmeasured,
    /// The newest measurement is good; `enough` if so many were as are wanted.
    Good { enough: bool },
    /// The newest measurement failed, and that is within the limit.
    Bad(f64),
    /// The newest measurement is without a value, and that is within the limit.
    Unclear,
    /// More measurements failed than may, this being the one too many.
    Failed(f64),
    /// More measurements in a row are without a value than may be.
    Inconclusive,
}

/// An analysis of the current cohort, and how it stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing<'a> {
    pub(crate) analysis: &'a Analysis,
    pub(crate) judged: Judged,
}

/// The newest measurement of this cohort's time.
#[derive(Clone, Copy)]
enum Newest {
    Nothing,
    Good(Timestamp),
    Bad(Timestamp, f64),
    Unclear(Timestamp),
}

/// Counts what was measured since the last decision.
pub(crate) fn measure(plan: &Plan, view: &View, memo: &mut Memo) {
    let Some((analyses, since, met)) = current(plan, view, memo) else {
        memo.measured.clear();
        return;
    };
    memo.measured.truncate(analyses.len());
    memo.measured.resize_with(analyses.len(), Measured::default);
    for (analysis, measured) in analyses.iter().zip(&mut memo.measured) {
        if measured.signal != analysis.signal {
            *measured = Measured {
                signal: analysis.signal.clone(),
                ..Measured::default()
            };
        }
        measured.count(analysis, newest(view, analysis, since), met);
    }
}

/// How every analysis of the current cohort stands.
pub(crate) fn standings<'a>(plan: &'a Plan, view: &View, memo: &Memo) -> Vec<Standing<'a>> {
    let Some((analyses, since, _)) = current(plan, view, memo) else {
        return Vec::new();
    };
    let nothing = Measured::default();
    let measured = memo.measured.iter().chain(std::iter::repeat(&nothing));
    analyses
        .iter()
        .zip(measured)
        .map(|(analysis, measured)| Standing {
            analysis,
            judged: measured.judge(analysis, newest(view, analysis, since)),
        })
        .collect()
}

/// The current cohort's analyses, when it opened and when its gate was met, in wall time. A
/// pause since then moves both: what was measured before it says nothing of the time after.
fn current<'a>(
    plan: &'a Plan,
    view: &View,
    memo: &Memo,
) -> Option<(&'a [Analysis], Timestamp, Option<Timestamp>)> {
    let cohort = memo.opened.len().checked_sub(1)?;
    let opened = memo.opened.last()?;
    let stage = plan.stages.get(cohort)?;
    // A cohort without devices shows nothing in any signal.
    if stage.analyses.is_empty() || view.cohorts.get(cohort)?.size == 0 {
        return None;
    }
    let wall = |mark: u64| mark.saturating_add(view.paused_for);
    Some((&stage.analyses, wall(opened.at), opened.met.map(wall)))
}

fn newest(view: &View, analysis: &Analysis, since: Timestamp) -> Newest {
    let named = |signal: &&Signal| signal.name == analysis.signal;
    let Some(signal) = view.signals.iter().find(named) else {
        return Newest::Nothing;
    };
    let Some(at) = signal.observed_at.filter(|at| *at > since) else {
        return Newest::Nothing;
    };
    match signal.value.filter(|value| value.is_finite()) {
        None => Newest::Unclear(at),
        Some(value) if analysis.success.holds(value) => Newest::Good(at),
        Some(value) => Newest::Bad(at, value),
    }
}

impl Measured {
    fn count(&mut self, analysis: &Analysis, newest: Newest, met: Option<Timestamp>) {
        if met.is_none() {
            self.good = 0;
        }
        let before = self.clone();
        let at = match newest {
            Newest::Nothing => return,
            Newest::Good(at) | Newest::Bad(at, _) | Newest::Unclear(at) => at,
        };
        if self.last == Some(at) {
            return;
        }
        match newest {
            Newest::Nothing => {}
            Newest::Good(_) => {
                self.unclear = 0;
                if met.is_some_and(|met| at > met) {
                    self.good = self.good.saturating_add(1).min(analysis.measurements);
                }
            }
            Newest::Bad(_, value) => {
                self.unclear = 0;
                if self.failed <= analysis.failure_limit {
                    self.failed = self.failed.saturating_add(1);
                    self.value = Some(Number::of(value));
                }
            }
            Newest::Unclear(_) => {
                if self.unclear <= analysis.inconclusive_limit {
                    self.unclear = self.unclear.saturating_add(1);
                }
            }
        }
        if *self != before {
            self.last = Some(at);
        }
    }

    fn judge(&self, analysis: &Analysis, newest: Newest) -> Judged {
        match (self.value, newest) {
            (Some(value), _) if self.failed > analysis.failure_limit => Judged::Failed(value.get()),
            _ if self.unclear > analysis.inconclusive_limit => Judged::Inconclusive,
            (_, Newest::Nothing) => Judged::Unmeasured,
            (_, Newest::Bad(_, value)) => Judged::Bad(value),
            (_, Newest::Unclear(_)) => Judged::Unclear,
            (_, Newest::Good(_)) => Judged::Good {
                enough: self.good >= analysis.measurements,
            },
        }
    }
}

impl Standing<'_> {
    /// Whether the next cohort may open for all that this signal says.
    pub(crate) fn is_ready(&self) -> bool {
        self.judged == Judged::Good { enough: true }
    }

    /// What a limit that was passed leads to.
    pub(crate) fn consequence(&self) -> Option<Consequence> {
        match self.judged {
            Judged::Failed(_) => Some(self.analysis.on_failure),
            Judged::Inconclusive => Some(self.analysis.on_inconclusive),
            Judged::Unmeasured | Judged::Good { .. } | Judged::Bad(_) | Judged::Unclear => None,
        }
    }

    /// Why the rollout must end on this signal's account, if it must.
    pub(crate) fn end(&self) -> Option<(Cause, Ending)> {
        let Some(Consequence::End(ending)) = self.consequence() else {
            return None;
        };
        let signal = self.analysis.signal.clone();
        let cause = match self.judged {
            Judged::Failed(value) => Cause::Signal {
                signal,
                value: Number::of(value),
                wanted: self.analysis.success.to_string(),
            },
            _ => Cause::NoSignal {
                signal,
                limit: self.analysis.inconclusive_limit,
            },
        };
        Some((cause, ending))
    }
}

impl Success {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
            Self::Between(least, most) => (least..=most).contains(&value),
        }
    }
}

impl fmt::Display for Success {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AtMost(most) => write!(f, "at most {most}"),
            Self::AtLeast(least) => write!(f, "at least {least}"),
            Self::Between(least, most) => write!(f, "from {least} to {most}"),
        }
    }
}
