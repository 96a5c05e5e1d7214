use std::{collections::BTreeMap, time::Duration};

use windlass_model::FailureKind;

use super::{Course, Turn};
use crate::{
    draw::{Dice, Draw},
    fleet::Timing,
    scenario::Scenario,
};

pub(super) fn course(scenario: &Scenario, device: u64, number: u32) -> Course {
    let (fleet, faults) = (&scenario.fleet, &scenario.faults);
    let dice = Dice::new(scenario.seed);
    let timing = fleet.timing(device, faults);
    let transfer = length(dice, timing, device, number);
    if let Some(kind) = failure(scenario, dice, device, number) {
        let part = dice.share(Draw::Broken, device, number.into());
        let transfer = transfer.mul_f64(part);
        return Course {
            transfer,
            installs: transfer,
            turn: Turn::Fails(kind),
        };
    }
    let runs = transfer + timing.install;
    let bad = dice.share(Draw::Bad, device, 0) < faults.broken.unwrap_or(0.0);
    let turn = match (bad, faults.known_after <= transfer) {
        (false, _) => Turn::Well(runs),
        (true, true) => Turn::BreaksLoudly,
        (true, false) => Turn::BreaksSilently(faults.known_after.max(runs)),
    };
    Course {
        transfer,
        installs: transfer,
        turn,
    }
}

pub(super) fn falls_back(scenario: &Scenario, device: u64) -> Option<Duration> {
    let model = scenario.faults.fall_back?;
    let drawn = Dice::new(scenario.seed).share(Draw::FallBack, device, 0);
    (drawn < model.share).then_some(model.after)
}

/// How the attempt fails whatever the build is, if it does.
fn failure(scenario: &Scenario, dice: Dice, device: u64, number: u32) -> Option<FailureKind> {
    if dice.share(Draw::Flaky, device, number.into()) < scenario.faults.flaky {
        return Some(FailureKind::Interrupted);
    }
    let behaviour = scenario.fleet.behaviour(device)?;
    let fails = dice.share(Draw::Failing, device, number.into()) < behaviour.failing;
    let drawn = dice.share(Draw::Failure, device, number.into());
    fails.then(|| one_of(&behaviour.failures, drawn)).flatten()
}

/// The kind at a share of all that were seen.
fn one_of(failures: &BTreeMap<FailureKind, u64>, at: f64) -> Option<FailureKind> {
    let all: u64 = failures.values().sum();
    let mut left = at * all as f64;
    let mut kinds = failures.iter();
    kinds
        .find(|(_, count)| {
            left -= **count as f64;
            left < 0.0
        })
        .map(|(kind, _)| *kind)
}

fn length(dice: Dice, timing: Timing, device: u64, number: u32) -> Duration {
    let millis = |length: Duration| u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
    let (low, high) = (millis(timing.quickest()), millis(timing.slowest()));
    let drawn = dice.between(Draw::Transfer, (device, number.into()), low, high + 1);
    Duration::from_millis(drawn)
}
