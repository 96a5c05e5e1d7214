//! The settings once they are found sound, and every reason why they are not.

use std::num::NonZeroU64;

use windlass_sdk::Problem;

use crate::criterion::Criterion;
use crate::kinds::{Kinds, countable};
use crate::percent::{NoPercent, Percent};
use crate::ramp::{Exponential, Factor, NoFactor, PerMinute, Ramp, Step};
use crate::settings::{AbortCriterion, RateIncrease, Settings};

/// The fastest rate. A bound keeps the arithmetic far from overflow; no fleet
/// asks for more than its million devices a minute.
const MAX_PER_MINUTE: u64 = 1_000_000;

/// Where a growing rate ends if nothing is said: AWS IoT Jobs allows no more.
const DEFAULT_MAXIMUM: u64 = 1_000;

/// More criteria than kinds of failure, each with both actions, say nothing new.
const MAX_CRITERIA: usize = 32;

/// What the policy goes by.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) rate: Option<Ramp>,
    pub(crate) abort: Vec<Criterion>,
}

impl Plan {
    /// Checks everything that the schema cannot.
    pub(crate) fn of(settings: &Settings) -> Result<Self, Vec<Problem>> {
        let mut check = Check::default();
        let rate = check.rate(settings);
        let abort = check.criteria(&settings.abort);
        let says_rate = settings.maximum_per_minute.is_some()
            || settings.base_rate_per_minute.is_some()
            || settings.increment_factor.is_some()
            || settings.rate_increase.is_some();
        if !says_rate && settings.abort.is_empty() {
            let problem = Problem::settings("the settings name neither a rate nor abort criteria");
            let hint = "write maximum_per_minute = 50, or leave the policy out";
            check.problems.push(problem.hint(hint));
        }
        if check.problems.is_empty() {
            Ok(Self { rate, abort })
        } else {
            Err(check.problems)
        }
    }
}

/// Collects problems. What is refused is none, and the plan is then not used.
#[derive(Default)]
struct Check {
    problems: Vec<Problem>,
}

impl Check {
    fn rate(&mut self, settings: &Settings) -> Option<Ramp> {
        let maximum = settings
            .maximum_per_minute
            .map(|rate| self.per_minute("maximum_per_minute", rate));
        let Some(base) = settings.base_rate_per_minute else {
            for (set, key) in [
                (settings.increment_factor.is_some(), "increment_factor"),
                (settings.rate_increase.is_some(), "rate_increase"),
            ] {
                if set {
                    let message = format!("{key} needs the rate that is to grow");
                    self.report(
                        format!("/{key}"),
                        message,
                        "write base_rate_per_minute = 50",
                    );
                }
            }
            return maximum?.map(Ramp::Constant);
        };
        let rate = self.per_minute("base_rate_per_minute", base);
        let factor = match settings.increment_factor {
            Some(factor) => self.factor(factor),
            None => {
                let message = "base_rate_per_minute needs increment_factor";
                self.report(
                    "/base_rate_per_minute",
                    message,
                    "write increment_factor = 2.0",
                );
                None
            }
        };
        let step = match &settings.rate_increase {
            Some(increase) => self.step(increase),
            None => {
                let message = "base_rate_per_minute needs rate_increase";
                let hint = "write rate_increase = { notified = 1000 }";
                self.report("/base_rate_per_minute", message, hint);
                None
            }
        };
        let maximum = match maximum {
            Some(maximum) => maximum,
            None => NonZeroU64::new(DEFAULT_MAXIMUM),
        };
        let (base, maximum) = (rate?, maximum?);
        if base > maximum {
            let message = format!("the base rate {base} is above the maximum rate {maximum}");
            let hint = match settings.maximum_per_minute {
                Some(_) => "the rate grows from the base to the maximum".to_owned(),
                None => {
                    format!("the maximum is {DEFAULT_MAXIMUM} unless maximum_per_minute is set")
                }
            };
            self.report("/base_rate_per_minute", message, &hint);
        }
        Some(Ramp::Exponential(Exponential {
            base,
            factor: factor?,
            step: step?,
            maximum,
        }))
    }

    fn per_minute(&mut self, key: &str, rate: u64) -> Option<PerMinute> {
        let sound = NonZeroU64::new(rate).filter(|rate| rate.get() <= MAX_PER_MINUTE);
        if sound.is_none() {
            let message = format!("a rate is 1 to {MAX_PER_MINUTE} devices a minute, not {rate}");
            let hint = match rate {
                0 => "to start nothing for now, pause the rollout",
                _ => "without a rate devices start as fast as they can",
            };
            self.report(format!("/{key}"), message, hint);
        }
        sound
    }

    fn factor(&mut self, factor: f64) -> Option<Factor> {
        let (message, hint) = match Factor::of(factor) {
            Ok(factor) => return Some(factor),
            Err(NoFactor::OutOfRange) => (
                format!("a rate grows by a factor of 1.1 to 5, not {factor}"),
                "for a rate that does not grow, set maximum_per_minute only".to_owned(),
            ),
            Err(NoFactor::TooFine) => (
                format!("a factor has at most one decimal, and {factor} has more"),
                format!("write {:.1}", factor),
            ),
        };
        self.report("/increment_factor", message, &hint);
        None
    }

    fn step(&mut self, increase: &RateIncrease) -> Option<Step> {
        let (key, devices, step): (_, _, fn(NonZeroU64) -> Step) =
            match (increase.notified, increase.succeeded) {
                (Some(devices), None) => ("notified", devices, Step::Notified),
                (None, Some(devices)) => ("succeeded", devices, Step::Succeeded),
                (both, _) => {
                    let message = match both {
                        Some(_) => "rate_increase has notified or succeeded, not both",
                        None => "rate_increase says neither notified nor succeeded",
                    };
                    self.report("/rate_increase", message, "such as { succeeded = 1000 }");
                    return None;
                }
            };
        let every = NonZeroU64::new(devices);
        if every.is_none() {
            let message = format!("{key} must be at least 1");
            let hint = "it is how many devices it takes for the rate to grow once";
            self.report(format!("/rate_increase/{key}"), message, hint);
        }
        every.map(step)
    }

    fn criteria(&mut self, criteria: &[AbortCriterion]) -> Vec<Criterion> {
        if criteria.len() > MAX_CRITERIA {
            let message = format!(
                "{} criteria, and at most {MAX_CRITERIA} are allowed",
                criteria.len()
            );
            self.report("/abort", message, "one criterion may count several kinds");
            return Vec::new();
        }
        let checked = criteria
            .iter()
            .enumerate()
            .filter_map(|(index, criterion)| self.criterion(&format!("/abort/{index}"), criterion));
        checked.collect()
    }

    fn criterion(&mut self, at: &str, criterion: &AbortCriterion) -> Option<Criterion> {
        let kinds = self.kinds(at, criterion);
        let threshold = self.threshold(at, criterion.threshold_percent);
        if criterion.min_executed == 0 {
            let message = "min_executed must be at least 1: a share of no devices says nothing";
            self.report(format!("{at}/min_executed"), message, "such as 100");
        }
        Some(Criterion {
            kinds: kinds?,
            threshold: threshold?,
            min_executed: criterion.min_executed,
            action: criterion.action,
        })
    }

    fn kinds(&mut self, at: &str, criterion: &AbortCriterion) -> Option<Kinds> {
        let kinds = match (criterion.failure, &criterion.kinds) {
            (Some(group), None) => return Some(Kinds::of_group(group)),
            (None, Some(kinds)) => kinds,
            (Some(_), Some(_)) => {
                let message = "a criterion has failure or kinds, not both";
                let hint = "kinds may list all that is to count";
                self.report(format!("{at}/kinds"), message, hint);
                return None;
            }
            (None, None) => {
                let message = "the criterion does not say which failures count";
                self.report(at, message, "write failure = \"all\"");
                return None;
            }
        };
        let at = format!("{at}/kinds");
        if kinds.is_empty() {
            self.report(
                &at,
                "no kind is named, so nothing would count",
                "write failure = \"all\"",
            );
        }
        let mut counted = Vec::new();
        for (index, kind) in kinds.iter().enumerate() {
            let at = format!("{at}/{index}");
            match countable(*kind) {
                None => {
                    let message = "failures of the engine's own say nothing about the release";
                    let hint = "leave out plugin, source and shutdown: they hold the rollout";
                    self.report(at, message, hint);
                }
                Some(kind) if counted.contains(&kind) => {
                    self.report(at, "this kind is named twice", "name each once");
                }
                Some(kind) => counted.push(kind),
            }
        }
        Some(Kinds::of_kinds(&counted))
    }

    fn threshold(&mut self, at: &str, percent: f64) -> Option<Percent> {
        let (message, hint) = match Percent::of(percent) {
            Ok(percent) => return Some(percent),
            Err(NoPercent::OutOfRange) => (
                format!("a threshold is above 0 and at most 100 percent, not {percent}"),
                "it is reached at this share and above".to_owned(),
            ),
            Err(NoPercent::TooFine) => (
                format!("a threshold has at most two decimals, and {percent} has more"),
                format!("write {percent:.2}"),
            ),
        };
        self.report(format!("{at}/threshold_percent"), message, &hint);
        None
    }

    fn report(&mut self, at: impl Into<String>, message: impl Into<String>, hint: &str) {
        self.problems.push(Problem::setting(at, message).hint(hint));
    }
}
