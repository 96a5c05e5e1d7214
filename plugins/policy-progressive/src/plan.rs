//! The settings once they are found sound, and every reason why they are not.

use std::collections::BTreeSet;

use windlass_sdk::Problem;
use windlass_sdk::settings::Period;

use crate::settings::{AbortSettings, CohortSettings, Denominator, OnDeadline, Settings};
use crate::share::Share;
use crate::strata::Strata;

/// More cohorts than this would need more triggers than a decision may have,
/// at two a cohort and two for the gate.
const MAX_COHORTS: usize = 30;

/// The longest name of a cohort, in bytes.
const MAX_NAME: usize = 64;

/// How many devices a rate is judged on unless the settings say otherwise: one
/// bad device of two is no reason to end a rollout.
const ABORT_MIN_SAMPLE: u64 = 10;

/// What the policy goes by.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// At least one; the last holds the rest.
    pub(crate) stages: Vec<Stage>,
    pub(crate) strata: Strata,
}

#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) name: String,
    pub(crate) bound: Bound,
    pub(crate) gate: Gate,
    /// In milliseconds.
    pub(crate) soak: u64,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) abort: Option<Abort>,
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
    pub(crate) count_network: bool,
}

impl Plan {
    /// Checks everything that the schema cannot.
    pub(crate) fn of(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut check = Check::default();
        let common = settings.abort.as_ref().map(|abort| check.abort("", abort));
        let strata = match Strata::of(
            settings.stratify_by.as_deref(),
            settings.recently_seen_first,
        ) {
            Ok(strata) => strata,
            Err(problem) => {
                check.problems.push(problem);
                Strata::default()
            }
        };
        let stages: Vec<Stage> = match settings.cohorts.as_slice() {
            [] => vec![Stage {
                abort: common,
                ..Stage::everything()
            }],
            cohorts => check.cohorts(cohorts, common),
        };
        if check.problems.is_empty() {
            Ok(Self { stages, strata })
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
            },
            soak: 0,
            deadline: None,
            abort: None,
        }
    }
}

/// Collects problems.
#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn cohorts(&mut self, cohorts: &[CohortSettings], common: Option<Abort>) -> Vec<Stage> {
        if cohorts.len() > MAX_COHORTS {
            let message = format!(
                "{} cohorts, and at most {MAX_COHORTS} are allowed",
                cohorts.len()
            );
            self.problems.push(Problem::setting("/cohorts", message));
            return Vec::new();
        }
        let mut names = BTreeSet::new();
        let mut before = Before::default();
        let stages = cohorts.iter().enumerate().map(|(index, cohort)| {
            let at = format!("/cohorts/{index}");
            self.name(&at, &cohort.name);
            if !names.insert(cohort.name.as_str()) {
                self.report(
                    format!("{at}/name"),
                    format!("the name `{}` is taken by an earlier cohort", cohort.name),
                );
            }
            let last = index + 1 == cohorts.len();
            Stage {
                name: cohort.name.clone(),
                bound: self.bound(&at, cohort, &mut before, last),
                gate: self.gate(&at, cohort),
                soak: self.soak(&at, cohort, last),
                deadline: self.deadline(&at, cohort),
                abort: cohort
                    .abort
                    .as_ref()
                    .map(|abort| self.abort(&at, abort))
                    .or(common),
            }
        });
        stages.collect()
    }

    fn name(&mut self, at: &str, name: &str) {
        if name.is_empty() || name.len() > MAX_NAME {
            self.report(
                format!("{at}/name"),
                format!(
                    "a name has 1 to {MAX_NAME} bytes, and this one has {}",
                    name.len()
                ),
            );
        }
    }

    fn bound(
        &mut self,
        at: &str,
        cohort: &CohortSettings,
        before: &mut Before,
        last: bool,
    ) -> Bound {
        let rest = Bound::Share(Share::WHOLE);
        match (cohort.percent, cohort.count) {
            (Some(_), Some(_)) => {
                self.report(
                    format!("{at}/count"),
                    "a cohort has a percent or a count, not both".to_owned(),
                );
                rest
            }
            (None, None) if last => rest,
            (None, None) => {
                let problem = Problem::setting(
                    at,
                    format!("cohort `{}` says neither percent nor count", cohort.name),
                );
                self.problems
                    .push(problem.hint("only the last cohort may leave its size open"));
                rest
            }
            (Some(percent), None) => self.percent(&format!("{at}/percent"), percent, before, last),
            (None, Some(_)) if last => {
                let problem = Problem::setting(
                    format!("{at}/count"),
                    "the last cohort holds all devices that are left",
                );
                self.problems
                    .push(problem.hint("leave out count, or write percent = 100"));
                rest
            }
            (None, Some(count)) => {
                if let Some(earlier) = before.count.filter(|earlier| count <= *earlier) {
                    self.report(
                        format!("{at}/count"),
                        format!("count must rise: {count} comes after {earlier}"),
                    );
                } else if count == 0 {
                    self.report(format!("{at}/count"), "count must be at least 1".to_owned());
                }
                before.count = Some(count);
                Bound::Count(count)
            }
        }
    }

    fn percent(&mut self, at: &str, percent: f64, before: &mut Before, last: bool) -> Bound {
        let share = Share::of_percent(percent).filter(|share| share.fraction() > 0.0);
        if let Some(earlier) = before.percent.filter(|earlier| percent <= *earlier) {
            let problem = Problem::setting(
                at,
                format!("percent must rise: {percent} comes after {earlier}"),
            );
            self.problems
                .push(problem.hint("percentages are cumulative, counted from the first cohort on"));
        } else if share.is_none() {
            self.report(
                at.to_owned(),
                format!("percent must be above 0 and at most 100, not {percent}"),
            );
        } else if last && share != Some(Share::WHOLE) {
            let problem = Problem::setting(
                at,
                format!("the last cohort ends at 100 percent, not at {percent}"),
            );
            self.problems
                .push(problem.hint("write percent = 100, or leave it out"));
        }
        before.percent = Some(percent);
        Bound::Share(share.unwrap_or(Share::WHOLE))
    }

    fn gate(&mut self, at: &str, cohort: &CohortSettings) -> Gate {
        if cohort.min_sample.is_some() && cohort.success_rate.is_none() {
            self.report(
                format!("{at}/min_sample"),
                "min_sample is the sample of success_rate, which is not set".to_owned(),
            );
        }
        if cohort.min_sample == Some(0) {
            self.report(
                format!("{at}/min_sample"),
                "min_sample must be at least 1: a rate of no devices says nothing".to_owned(),
            );
        }
        Gate {
            success_rate: cohort
                .success_rate
                .and_then(|rate| self.share(format!("{at}/success_rate"), rate)),
            min_sample: cohort.min_sample.unwrap_or(1).max(1),
            quorum: cohort
                .quorum
                .and_then(|quorum| self.share(format!("{at}/quorum"), quorum)),
        }
    }

    fn soak(&mut self, at: &str, cohort: &CohortSettings, last: bool) -> u64 {
        if last && cohort.soak.is_some() {
            self.report(
                format!("{at}/soak"),
                "no cohort comes after the last one, so there is nothing to wait for".to_owned(),
            );
        }
        cohort.soak.map_or(0, Period::millis)
    }

    fn deadline(&mut self, at: &str, cohort: &CohortSettings) -> Option<Deadline> {
        if cohort.on_deadline.is_some() && cohort.deadline.is_none() {
            self.report(
                format!("{at}/on_deadline"),
                "on_deadline needs a deadline".to_owned(),
            );
        }
        let after = cohort.deadline?.millis();
        if after == 0 {
            self.report(
                format!("{at}/deadline"),
                "a deadline must be longer than nothing".to_owned(),
            );
        }
        Some(Deadline {
            after,
            then: cohort.on_deadline.unwrap_or(OnDeadline::Hold),
        })
    }

    fn abort(&mut self, at: &str, abort: &AbortSettings) -> Abort {
        let at = format!("{at}/abort");
        if abort.rate.is_none() && abort.count.is_none() {
            let problem = Problem::setting(&at, "abort says neither rate nor count");
            self.problems
                .push(problem.hint("such as abort = { rate = 0.1 }"));
        }
        if abort.rate == Some(0.0) {
            self.report(
                format!("{at}/rate"),
                "rate must be above 0: a rate of 0 is always reached".to_owned(),
            );
        }
        if abort.count == Some(0) {
            self.report(format!("{at}/count"), "count must be at least 1".to_owned());
        }
        if abort.min_sample == Some(0) {
            self.report(
                format!("{at}/min_sample"),
                "min_sample must be at least 1: a rate of no devices says nothing".to_owned(),
            );
        }
        Abort {
            rate: abort
                .rate
                .and_then(|rate| self.share(format!("{at}/rate"), rate)),
            count: abort.count,
            of: abort.of,
            min_sample: abort.min_sample.unwrap_or(ABORT_MIN_SAMPLE).max(1),
            count_network: abort.count_network,
        }
    }

    fn share(&mut self, at: String, fraction: f64) -> Option<Share> {
        let share = Share::of_fraction(fraction);
        if share.is_none() {
            let problem = Problem::setting(
                at,
                format!("a share is between 0 and 1, and {fraction} is not"),
            );
            self.problems.push(match Share::of_percent(fraction) {
                Some(percent) => {
                    problem.hint(format!("{fraction} percent is {}", percent.fraction()))
                }
                None => problem,
            });
        }
        share
    }

    fn report(&mut self, at: String, message: String) {
        self.problems.push(Problem::setting(at, message));
    }
}

/// What earlier cohorts said of their ends.
#[derive(Default)]
struct Before {
    percent: Option<f64>,
    count: Option<u64>,
}
