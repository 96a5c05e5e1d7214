//! Why a decision is as it is, for programs and for people.
//!
//! While work goes on a reason holds no counts: they would make each of a
//! thousand decisions differ from the one before.

use windlass_sdk::{Advance, Attribute, Reason, Recheck, Value};

use crate::abort::Harmed;
use crate::analysis::{Judged, Standing};
use crate::clock::Clock;
use crate::gate::{self, Tally};
use crate::memo::{Aborted, Cause};
use crate::plan::{Plan, Stage};
use crate::recheck;
use crate::share::Share;

/// The memo is not one that this version wrote.
pub(crate) fn memo_unreadable() -> Reason {
    reason(
        "memo-unreadable",
        None,
        vec![],
        "the state of an earlier decision cannot be read".to_owned(),
    )
}

/// The rollout's cohorts are not those of the settings.
pub(crate) fn cohorts_differ(found: usize, wanted: usize) -> Reason {
    let parameters = vec![count("found", found as u64), count("wanted", wanted as u64)];
    let text = format!("the rollout has {found} cohorts, and the settings have {wanted}");
    reason("cohorts-differ", None, parameters, text)
}

/// In the form that the contract gives to an approval that is waited for. `cohort` is the
/// one that is left; none at the start.
pub(crate) fn awaiting(plan: &Plan, cohort: Option<usize>) -> Reason {
    let stage = cohort.map(|cohort| &plan.stages[cohort]);
    let gate = match stage {
        Some(stage) => stage.approval.as_deref(),
        None => plan.start_approval.as_deref(),
    };
    let gate = gate.unwrap_or_default();
    let named = stage.map(|stage| Attribute::new("cohort", stage.name.as_str()));
    let parameters = named
        .into_iter()
        .chain([Attribute::new("gate", gate)])
        .collect();
    let text = match stage {
        Some(stage) => format!(
            "cohort `{}` is done, and the next one waits for the approval `{gate}`",
            stage.name
        ),
        None => format!("nothing starts before the approval `{gate}`"),
    };
    reason("awaiting-approval", cohort, parameters, text)
}

/// Who ordered to go on past this cohort.
pub(crate) fn advanced(plan: &Plan, order: &Advance, passed: usize) -> Reason {
    let actor = &order.actor;
    let what = match order.cohort {
        None => "every gate".to_owned(),
        Some(_) => format!("cohort `{}`", plan.stages[passed].name),
    };
    let parameters = vec![Attribute::new("actor", actor.as_str())];
    let text = format!("{actor} ordered to go on past {what}");
    reason("advanced", Some(passed), parameters, text)
}

pub(crate) fn soaking(
    cohort: usize,
    stage: &Stage,
    standing: gate::Standing,
    clock: Clock,
    until: u64,
) -> Reason {
    let parameters = vec![
        count("soak_ms", stage.soak),
        count("until", clock.wall(until)),
    ];
    let name = &stage.name;
    let text = match standing {
        gate::Standing::Met => {
            format!("the gate of cohort `{name}` is met, and it is watched until its soak ends")
        }
        gate::Standing::Working
        | gate::Standing::Waiting
        | gate::Standing::NotMet
        | gate::Standing::Inconclusive => {
            format!("cohort `{name}` is watched until its soak ends")
        }
    };
    reason("soaking", Some(cohort), parameters, text)
}

/// What is waited for after the soak. While devices answer it holds no counts.
pub(crate) fn rechecking(cohort: usize, stage: &Stage, standing: recheck::Standing) -> Reason {
    let name = &stage.name;
    match standing {
        recheck::Standing::Awaited => reason(
            "rechecking",
            Some(cohort),
            vec![],
            format!(
                "the devices of cohort `{name}` are asked once more whether they run the release"
            ),
        ),
        recheck::Standing::TooFew { again } => {
            let text = format!(
                "too few devices of cohort `{name}` said once more that they run the release; \
                 they are asked again after a while"
            );
            let parameters = vec![count("until", again)];
            reason("recheck-inconclusive", Some(cohort), parameters, text)
        }
    }
}

/// What came of it.
pub(crate) fn rechecked(cohort: usize, stage: &Stage, round: &Recheck) -> Reason {
    let Recheck {
        confirmed,
        regressed,
        unconfirmed,
        ..
    } = *round;
    let all = confirmed + regressed + unconfirmed;
    let mut text = format!(
        "{confirmed} of {all} devices of cohort `{}` run the release still",
        stage.name
    );
    if regressed > 0 {
        text.push_str(&format!(", {regressed} fell back"));
    }
    if unconfirmed > 0 {
        text.push_str(&format!(", {unconfirmed} did not say"));
    }
    let parameters = vec![
        count("confirmed", confirmed),
        count("regressed", regressed),
        count("unconfirmed", unconfirmed),
    ];
    reason("rechecked", Some(cohort), parameters, text)
}

pub(crate) fn deadline_passed(cohort: usize, stage: &Stage) -> Reason {
    let deadline = stage.deadline.map_or(0, |deadline| deadline.after);
    let text = format!(
        "the gate of cohort `{}` was not met by its deadline",
        stage.name
    );
    reason(
        "deadline-passed",
        Some(cohort),
        vec![count("deadline_ms", deadline)],
        text,
    )
}

/// None when the gate is met.
pub(crate) fn gate(
    cohort: usize,
    stage: &Stage,
    standing: gate::Standing,
    tally: &Tally,
) -> Option<Reason> {
    let name = &stage.name;
    Some(match standing {
        gate::Standing::Met => return None,
        gate::Standing::Working => reason(
            "cohort-open",
            Some(cohort),
            vec![],
            format!("cohort `{name}` is being updated"),
        ),
        gate::Standing::Waiting => {
            let text = format!("cohort `{name}` waits for devices that cannot be updated now");
            reason("waiting-for-devices", Some(cohort), vec![], text)
        }
        gate::Standing::NotMet => not_met(cohort, stage, tally),
        gate::Standing::Inconclusive => {
            let parameters = vec![
                count("ended", tally.ended),
                count("judged", tally.judged),
                count("min_sample", stage.gate.min_sample.min(tally.size)),
            ];
            let text = format!(
                "cohort `{name}` has ended and only {} of its devices can be judged",
                tally.judged
            );
            reason("gate-inconclusive", Some(cohort), parameters, text)
        }
    })
}

fn not_met(cohort: usize, stage: &Stage, tally: &Tally) -> Reason {
    let required = stage.gate.success_rate.unwrap_or(Share::WHOLE);
    let measured = tally.succeeded as f64 / tally.judged.max(1) as f64;
    let parameters = vec![
        count("ended", tally.ended),
        count("judged", tally.judged),
        number("measured", measured),
        number("required", required.fraction()),
        count("succeeded", tally.succeeded),
    ];
    let text = format!(
        "of cohort `{}` {} of {} devices succeeded ({}), and {} are wanted",
        stage.name,
        tally.succeeded,
        tally.judged,
        percent(measured),
        percent(required.fraction()),
    );
    reason("gate-not-met", Some(cohort), parameters, text)
}

pub(crate) fn aborted(aborted: &Aborted, name: &str) -> Reason {
    let cohort = Some(aborted.cohort);
    match aborted.cause.clone() {
        Cause::Rate { harmed, of, rate } => {
            let measured = harmed.failed() as f64 / of.max(1) as f64;
            let mut parameters = harmed_counts(harmed);
            parameters.extend([
                number("measured", measured),
                count("of", of),
                number("threshold", rate.fraction()),
            ]);
            let text = format!(
                "in cohort `{name}` {} ({}), and {} abort",
                harmed_text(harmed, Some(of)),
                percent(measured),
                percent(rate.fraction()),
            );
            reason("abort-rate-reached", cohort, parameters, text)
        }
        Cause::Count { harmed, allowed } => {
            let mut parameters = harmed_counts(harmed);
            parameters.push(count("threshold", allowed));
            let text = format!(
                "in cohort `{name}` {}, and {allowed} abort",
                harmed_text(harmed, None)
            );
            reason("abort-count-reached", cohort, parameters, text)
        }
        Cause::Gate {
            succeeded,
            judged,
            required,
        } => {
            let measured = succeeded as f64 / judged.max(1) as f64;
            let parameters = vec![
                count("judged", judged),
                number("measured", measured),
                number("required", required.fraction()),
                count("succeeded", succeeded),
            ];
            let text = format!(
                "of cohort `{name}` {succeeded} of {judged} devices succeeded ({}), and {} can no longer be reached",
                percent(measured),
                percent(required.fraction()),
            );
            reason("abort-gate-not-met", cohort, parameters, text)
        }
        Cause::Deadline => {
            let text = format!("the gate of cohort `{name}` was not met by its deadline");
            reason("abort-deadline-passed", cohort, vec![], text)
        }
        Cause::Signal {
            signal,
            value,
            wanted,
        } => {
            let value = value.get();
            let parameters = vec![
                number("measured", value),
                Attribute::new("signal", signal.as_str()),
            ];
            let text = format!(
                "in cohort `{name}` the signal `{signal}` was {value}, and {wanted} is wanted"
            );
            reason("abort-signal-failed", cohort, parameters, text)
        }
        Cause::NoSignal { signal, limit } => {
            let parameters = vec![
                count("limit", u64::from(limit)),
                Attribute::new("signal", signal.as_str()),
            ];
            let text = format!(
                "in cohort `{name}` the signal `{signal}` was without a value more than {limit} \
                 times in a row"
            );
            reason("abort-signal-inconclusive", cohort, parameters, text)
        }
    }
}

fn harmed_counts(harmed: Harmed) -> Vec<Attribute> {
    let fell_back = (harmed.fell_back() > 0).then(|| count("fell_back", harmed.fell_back()));
    let failed = count("failed", harmed.failed());
    [failed].into_iter().chain(fell_back).collect()
}

/// What became of them. `of`: so many, where the threshold is a share of these.
fn harmed_text(harmed: Harmed, of: Option<u64>) -> String {
    let devices = |some: u64| match (of, some) {
        (Some(of), _) => format!("{some} of {of} devices"),
        (None, 1) => "1 device".to_owned(),
        (None, _) => format!("{some} devices"),
    };
    let fell_back = harmed.fell_back();
    let at_first = harmed.failed().saturating_sub(fell_back);
    let failed = || {
        let whose = if of.is_none() && at_first == 1 {
            "its"
        } else {
            "their"
        };
        format!("{} failed at {whose} first attempt", devices(at_first))
    };
    match (at_first, fell_back) {
        (_, 0) => failed(),
        (0, _) => format!("{} fell back from the release", devices(fell_back)),
        (_, _) => format!("{} and {fell_back} fell back later", failed()),
    }
}

/// What a signal says that is not ready.
pub(crate) fn signal(cohort: usize, standing: &Standing<'_>) -> Reason {
    let Standing { analysis, judged } = standing;
    let name = &analysis.signal;
    let success = analysis.success;
    let signal = || Attribute::new("signal", name.as_str());
    let with = |first| vec![first, signal()];
    let (code, parameters, text) = match judged {
        Judged::Unmeasured => (
            "awaiting-signal",
            vec![signal()],
            format!("the signal `{name}` was not measured yet since the cohort opened"),
        ),
        Judged::Good { .. } => (
            "awaiting-signal",
            vec![signal()],
            match analysis.measurements {
                1 => format!("one good measurement of the signal `{name}` is waited for"),
                wanted => {
                    format!("{wanted} good measurements of the signal `{name}` are waited for")
                }
            },
        ),
        Judged::Bad(value) => (
            "signal-bad",
            with(number("measured", *value)),
            format!("the signal `{name}` is {value}, and {success} is wanted"),
        ),
        Judged::Unclear => (
            "signal-missing",
            vec![signal()],
            format!("the signal `{name}` has no value"),
        ),
        Judged::Failed(value) => (
            "signal-failed",
            with(number("measured", *value)),
            match analysis.failure_limit {
                0 => format!("the signal `{name}` was {value}, and {success} is wanted"),
                limit => format!(
                    "the signal `{name}` was not {success} more than {limit} times, and {value} \
                     at last"
                ),
            },
        ),
        Judged::Inconclusive => (
            "signal-inconclusive",
            with(count("limit", u64::from(analysis.inconclusive_limit))),
            format!(
                "the signal `{name}` was without a value more than {} times in a row",
                analysis.inconclusive_limit
            ),
        ),
    };
    reason(code, Some(cohort), parameters, text)
}

/// `parameters` are sorted by name.
fn reason(code: &str, cohort: Option<usize>, parameters: Vec<Attribute>, text: String) -> Reason {
    let cohort = cohort.and_then(|cohort| u32::try_from(cohort).ok());
    Reason {
        code: code.to_owned(),
        cohort,
        parameters,
        text,
    }
}

fn count(name: &str, count: u64) -> Attribute {
    Attribute::new(name, i64::try_from(count).unwrap_or(i64::MAX))
}

fn number(name: &str, number: f64) -> Attribute {
    Attribute::new(name, Value::Real(number))
}

/// With one decimal where it has any.
fn percent(fraction: f64) -> String {
    let percent = (fraction * 1000.0).round() / 10.0;
    format!("{percent} %")
}
