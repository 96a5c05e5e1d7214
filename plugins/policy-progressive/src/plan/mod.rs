//! The settings once they are found sound, and every reason why they are not.

mod abort;
mod analysis;
mod approval;
mod bound;
mod check;
mod cohorts;
mod gate;

use crate::kinds::Kinds;
use crate::quarantine::Quarantine;
use crate::recheck::Recheck;
use crate::settings::{Denominator, Ending, OnDeadline, OnFailure, Settings};
use crate::share::Share;
use crate::strata::Strata;
use check::Check;

/// What the policy goes by.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The approval without which nothing opens.
    pub(crate) start_approval: Option<String>,
    /// At least one; the last holds the rest.
    pub(crate) stages: Vec<Stage>,
    pub(crate) quarantine: Option<Quarantine>,
    pub(crate) strata: Strata,
    /// Every signal that an analysis asks for, each once.
    pub(crate) signals: Vec<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) bound: Bound,
    pub(crate) gate: Gate,
    /// In milliseconds.
    pub(crate) soak: u64,
    pub(crate) recheck: Option<Recheck>,
    /// The name of the approval that is asked for after the soak.
    pub(crate) approval: Option<String>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) abort: Option<Abort>,
    pub(crate) analyses: Vec<Analysis>,
}

/// What a signal must say while a cohort is the current one.
#[derive(Clone, Debug)]
pub(crate) struct Analysis {
    pub(crate) signal: String,
    pub(crate) success: Success,
    /// Good ones wanted after the gate was met.
    pub(crate) measurements: u32,
    /// Since the cohort opened.
    pub(crate) failure_limit: u32,
    /// In a row.
    pub(crate) inconclusive_limit: u32,
    pub(crate) on_failure: Consequence,
    pub(crate) on_inconclusive: Consequence,
}

/// Which values are good.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Success {
    AtMost(f64),
    AtLeast(f64),
    Between(f64, f64),
}

/// What follows when a limit is passed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Consequence {
    Hold,
    Pause,
    End(Ending),
}

/// Where a cohort ends, counted from the first device of the first cohort.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    Share(Share),
    Count(u64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Gate {
    pub(crate) success_rate: Option<Share>,
    pub(crate) min_sample: u64,
    pub(crate) quorum: Option<Share>,
    pub(crate) kinds: Kinds,
    pub(crate) on_failure: OnFailure,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    /// In milliseconds.
    pub(crate) after: u64,
    pub(crate) then: OnDeadline,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Abort {
    pub(crate) rate: Option<Share>,
    pub(crate) count: Option<u64>,
    pub(crate) of: Denominator,
    pub(crate) min_sample: u64,
    pub(crate) kinds: Kinds,
    pub(crate) action: Ending,
}

impl Plan {
    /// Checks everything that the schema cannot.
    pub(crate) fn of(settings: &Settings) -> Result<Self, Vec<windlass_sdk::Problem>> {
        let mut check = Check::default();
        let common = settings.abort.as_ref().map(|abort| check.abort("", abort));
        let analyses = check.analyses("", &settings.analysis);
        let start_approval = check.start_approval(settings.start_approval.as_deref());
        let quarantine = settings
            .quarantine
            .as_ref()
            .map(|quarantine| check.quarantine(quarantine));
        let strata = Strata::of(settings).unwrap_or_else(|problem| {
            check.problems.push(problem);
            Strata::default()
        });
        let stages: Vec<Stage> = match settings.cohorts.as_slice() {
            [] => vec![Stage {
                abort: common,
                analyses,
                ..Stage::everything()
            }],
            cohorts => check.cohorts(cohorts, common, &analyses),
        };
        let signals = check.signals(&stages);
        if check.problems.is_empty() {
            Ok(Self {
                start_approval,
                stages,
                quarantine,
                strata,
                signals,
            })
        } else {
            Err(check.problems)
        }
    }
}

impl Stage {
    fn everything() -> Self {
        Self {
            name: "all".to_owned(),
            bound: Bound::Share(Share::WHOLE),
            gate: Gate {
                success_rate: None,
                min_sample: 1,
                quorum: None,
                kinds: Kinds::DEVICE_AND_NETWORK,
                on_failure: OnFailure::Hold,
            },
            soak: 0,
            recheck: None,
            approval: None,
            deadline: None,
            abort: None,
            analyses: Vec::new(),
        }
    }
}
