//! The settings once they are found sound, and every reason why they are not.

use windlass_sdk::{Problem, Value};

use crate::settings::{AfterSettings, LaneSettings, Settings};

/// Each lane may need a trigger and a reason; a decision has at most 32 reasons.
const MAX_LANES: usize = 30;

/// The contract's bound on a cohort's name, in bytes.
const MAX_NAME: usize = 64;

/// What the policy goes by. At least one lane.
#[derive(Clone, Debug)]
pub(crate) struct Lanes {
    pub(crate) attribute: String,
    pub(crate) lanes: Vec<Lane>,
    otherwise: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Lane {
    pub(crate) name: String,
    pub(crate) concurrency: u64,
    pub(crate) after: Option<After>,
}

/// The lane that is waited for, and the share of it that must have succeeded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct After {
    pub(crate) lane: usize,
    /// In millionths: floating point makes 56 of 0.55 times 100, rounded up.
    share: u64,
}

impl After {
    /// How many of `devices` must have succeeded.
    pub(crate) fn wanted(self, devices: u64) -> u64 {
        let wanted = (u128::from(devices) * u128::from(self.share)).div_ceil(1_000_000);
        // A share is at most the whole, which fits.
        u64::try_from(wanted).unwrap_or(devices)
    }
}

impl Lanes {
    pub(crate) fn of(settings: Settings) -> Result<Self, Vec<Problem>> {
        let Settings {
            lane: attribute,
            lanes,
            otherwise,
        } = settings;
        let mut problems = Vec::new();
        if attribute.is_empty() {
            let problem = Problem::setting("/lane", "the attribute has no name");
            problems.push(problem.hint("such as lane = \"tier\""));
        }
        if lanes.is_empty() || lanes.len() > MAX_LANES {
            let message = format!("there are 1 to {MAX_LANES} lanes, not {}", lanes.len());
            problems.push(Problem::setting("/lanes", message));
        }
        let named = |name: &str| lanes.iter().position(|lane| lane.name == name);
        let otherwise = match otherwise {
            None => Some(lanes.len().saturating_sub(1)),
            Some(name) => named(&name).or_else(|| {
                problems.push(unknown("/otherwise", &name, &lanes));
                None
            }),
        };
        let lanes: Vec<Lane> = (0..)
            .zip(&lanes)
            .map(|(index, lane)| self::lane(index, lane, &lanes, &mut problems))
            .collect();
        match otherwise {
            Some(otherwise) if problems.is_empty() => Ok(Self {
                attribute,
                lanes,
                otherwise,
            }),
            _ => Err(problems),
        }
    }

    /// The lane that an attribute's value names.
    pub(crate) fn lane_of(&self, value: Option<&Value>) -> usize {
        let name = value.and_then(Value::as_text);
        name.and_then(|name| self.lanes.iter().position(|lane| lane.name == name))
            .unwrap_or(self.otherwise)
    }
}

fn lane(
    index: usize,
    settings: &LaneSettings,
    all: &[LaneSettings],
    problems: &mut Vec<Problem>,
) -> Lane {
    let at = format!("/lanes/{index}");
    let name = &settings.name;
    if name.is_empty() || name.len() > MAX_NAME {
        let message = format!("a name has 1 to {MAX_NAME} bytes, not {}", name.len());
        problems.push(Problem::setting(format!("{at}/name"), message));
    }
    if all[..index].iter().any(|lane| lane.name == *name) {
        let message = format!("the name `{name}` is taken by an earlier lane");
        problems.push(Problem::setting(format!("{at}/name"), message));
    }
    if settings.concurrency == 0 {
        let problem = Problem::setting(
            format!("{at}/concurrency"),
            "a lane of no concurrency never ends",
        );
        problems.push(problem.hint("write 1 or more"));
    }
    let after = settings
        .after
        .as_ref()
        .and_then(|after| self::after(&at, after, &all[..index], problems));
    Lane {
        name: name.clone(),
        concurrency: settings.concurrency,
        after,
    }
}

/// A lane waits for one before it, so that none waits in a circle.
fn after(
    at: &str,
    settings: &AfterSettings,
    before: &[LaneSettings],
    problems: &mut Vec<Problem>,
) -> Option<After> {
    let share = settings.succeeded;
    if !(share > 0.0 && share <= 1.0) {
        let message = format!("a share is above 0 and at most 1, and {share} is not");
        problems.push(Problem::setting(format!("{at}/after/succeeded"), message));
    }
    let lane = before.iter().position(|lane| lane.name == settings.lane);
    if lane.is_none() {
        let at = format!("{at}/after/lane");
        problems.push(unknown(&at, &settings.lane, before));
    }
    Some(After {
        lane: lane?,
        share: (share * 1e6).round() as u64,
    })
}

fn unknown(at: &str, name: &str, lanes: &[LaneSettings]) -> Problem {
    let names: Vec<_> = lanes.iter().map(|lane| lane.name.as_str()).collect();
    let problem = Problem::setting(at, format!("`{name}` is none of the lanes here"));
    match names.as_slice() {
        [] => problem.hint("a lane waits for one that stands before it"),
        names => problem.hint(format!("one of: {}", names.join(", "))),
    }
}
