//! What a signal reads in a simulation, on the command line.

use std::time::Duration;

use windlass_model::SignalName;
use windlass_simulate::{Reads, SignalStep};

use crate::units;

/// `NAME=VALUE`, `NAME=VALUE,VALUE@DURATION…`, `NAME=recorded`
#[derive(Clone, Debug, PartialEq)]
pub struct SignalArg {
    /// The signal.
    pub name: SignalName,
    /// What it reads.
    pub reads: SignalCourse,
}

/// Where what a signal reads is from.
#[derive(Clone, Debug, PartialEq)]
pub enum SignalCourse {
    /// The command line, in order.
    Said(Vec<SignalStep>),
    /// The state file that the fleet is from.
    Recorded,
}

/// For a value: what was measured.
const RECORDED: &str = "recorded";

/// By which a value depends on the devices that a bad build harmed.
const HARMED: &str = "*harmed";

/// Reads such a text.
///
/// # Errors
/// What is wrong with it.
pub(super) fn signal(text: &str) -> Result<SignalArg, String> {
    let (name, course) = text
        .rsplit_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or("expected a signal's name and what it reads, such as `errors=0.01`")?;
    let name = SignalName::new(name);
    if course.trim() == RECORDED {
        let reads = SignalCourse::Recorded;
        return Ok(SignalArg { name, reads });
    }
    let mut steps: Vec<SignalStep> = Vec::new();
    for part in course.split(',') {
        let step = step(part.trim(), steps.is_empty())?;
        if steps.last().is_some_and(|last| last.from >= step.from) {
            return Err(format!("{part} does not come after the value before it"));
        }
        steps.push(step);
    }
    Ok(SignalArg {
        name,
        reads: SignalCourse::Said(steps),
    })
}

fn step(text: &str, first: bool) -> Result<SignalStep, String> {
    let (value, from) = match text.split_once('@') {
        Some((value, from)) => (
            value,
            units::parse_duration(from).map_err(|error| error.to_string())?,
        ),
        None if first => (text, Duration::ZERO),
        None => {
            return Err(format!(
                "from when on? A value after the first says so, such as `{text}@6h`"
            ));
        }
    };
    Ok(SignalStep {
        from,
        reads: reads(value)?,
    })
}

fn reads(text: &str) -> Result<Reads, String> {
    if text == "missing" {
        return Ok(Reads::Missing);
    }
    let (base, per_harmed) = match text.strip_suffix(HARMED) {
        None => (number(text)?, 0.0),
        Some(sum) => {
            let (base, factor) = sum.split_at(last_sign(sum));
            let base = if base.is_empty() { 0.0 } else { number(base)? };
            (base, number(factor)?)
        }
    };
    Ok(Reads::Value { base, per_harmed })
}

/// Where the last term of a sum begins, its sign included.
fn last_sign(sum: &str) -> usize {
    let mut before = 'e';
    let mut at = 0;
    for (index, character) in sum.char_indices() {
        // That of an exponent belongs to its number.
        if matches!(character, '+' | '-') && !matches!(before, 'e' | 'E') {
            at = index;
        }
        before = character;
    }
    at
}

fn number(text: &str) -> Result<f64, String> {
    text.trim()
        .parse::<f64>()
        .ok()
        .filter(|number| number.is_finite())
        .ok_or_else(|| {
            "a signal reads a number, `missing`, a sum with the share of devices that are \
             harmed, such as `0.01+0.5*harmed`, or alone `recorded`"
                .to_owned()
        })
}
