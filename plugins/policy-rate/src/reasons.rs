//! Why a decision is as it is, for programs and for people.
//!
//! While work goes on a reason holds no counts: they would make each of a
//! thousand decisions differ from the one before in its reasons too.

use windlass_sdk::{Attribute, Reason, Value};

use crate::memo::Stopped;
use crate::ramp::PerMinute;
use crate::settings::Action;

/// The memo is not one that this version wrote.
pub(crate) fn memo_unreadable() -> Reason {
    reason(
        "memo-unreadable",
        vec![],
        "the state of an earlier decision cannot be read".to_owned(),
    )
}

pub(crate) fn rate_limited(rate: PerMinute) -> Reason {
    let parameters = vec![count("per_minute", rate.get())];
    let text = format!("at most {rate} devices start a minute");
    reason("rate-limited", parameters, text)
}

pub(crate) fn stopped(stopped: &Stopped) -> Reason {
    let Stopped {
        action,
        failures,
        failed,
        fell_back,
        executed,
        threshold,
    } = stopped;
    let measured = *failed as f64 * 100.0 / (*executed).max(1) as f64;
    let (name, verb) = match action {
        Action::Abort => ("abort", "abort"),
        Action::RollBack => ("roll-back", "roll back"),
    };
    let mut parameters = vec![
        Attribute::new("action", name),
        count("executed", *executed),
        count("failed", *failed),
        Attribute::new("failures", failures.as_str()),
    ];
    if *fell_back > 0 {
        parameters.push(count("fell_back", *fell_back));
    }
    parameters.extend([
        Attribute::new("measured_percent", Value::Real(measured)),
        Attribute::new("threshold_percent", Value::Real(threshold.number())),
    ]);
    let rounded = (measured * 100.0).round() / 100.0;
    let what = match (failed.saturating_sub(*fell_back), fell_back) {
        (first, 0) => {
            format!("{first} of {executed} started devices failed at their first attempt")
        }
        (0, back) => {
            format!("{back} of {executed} started devices fell back from the release")
        }
        (first, back) => format!(
            "{first} of {executed} started devices failed at their first attempt and {back} fell \
             back later"
        ),
    };
    let text = format!("{what} ({failures}: {rounded} %), and {threshold} {verb}");
    reason("abort-threshold-reached", parameters, text)
}

/// `parameters` are sorted by name.
fn reason(code: &str, parameters: Vec<Attribute>, text: String) -> Reason {
    Reason {
        code: code.to_owned(),
        cohort: None,
        parameters,
        text,
    }
}

fn count(name: &str, count: u64) -> Attribute {
    Attribute::new(name, i64::try_from(count).unwrap_or(i64::MAX))
}
