//! What holds for any settings and any course of a rollout.

use proptest::prelude::*;
use windlass_sdk::{CohortView, Decision, FailureKind, Policy, Verdict, View};

use super::{
    cases,
    fleet::{Fleet, MINUTE, SECOND, end, most_within, open},
};

/// A rate, abort criteria or both.
pub(crate) fn any_settings() -> impl Strategy<Value = String> {
    let criterion = (
        prop::sample::select(["failed", "rejected", "timed-out", "all"].as_slice()),
        1_u32..=10_000,
        1_u32..60,
        prop::sample::select(["abort", "roll-back"].as_slice()),
    )
        .prop_map(|(failure, hundredths, min, action)| {
            let percent = f64::from(hundredths) / 100.0;
            format!(
                r#"{{"failure":"{failure}","threshold_percent":{percent},"min_executed":{min},"action":"{action}"}}"#
            )
        });
    let abort = prop::collection::vec(criterion, 0..3);
    (any_rate(), abort)
        .prop_map(|(rate, abort)| format!(r#"{{{rate},"abort":[{}]}}"#, abort.join(",")))
}

fn any_rate() -> impl Strategy<Value = String> {
    let constant = (1_u64..3_000).prop_map(|rate| format!(r#""maximum_per_minute":{rate}"#));
    let step = prop::sample::select(["notified", "succeeded"].as_slice());
    let growing = (1_u64..200, 11_u32..=50, step, 1_u64..200, 200_u64..2_000).prop_map(
        |(base, tenths, step, every, maximum)| {
            let factor = f64::from(tenths) / 10.0;
            format!(
                r#""base_rate_per_minute":{base},"increment_factor":{factor},"rate_increase":{{"{step}":{every}}},"maximum_per_minute":{maximum}"#
            )
        },
    );
    prop_oneof![constant, growing]
}

/// What happens to a fleet between two decisions.
#[derive(Clone, Debug)]
struct Turn {
    /// How long it is until the next decision, in milliseconds.
    wait: u64,
    /// How far the wall clock leaps besides, in milliseconds.
    leap: i64,
    /// Whether the time that passes is a pause.
    paused: bool,
    /// How many devices the engine has slots for.
    slots: u64,
    /// Which cohorts another policy shuts, as bits.
    shut: u8,
    /// Whether devices start while the answer is on its way.
    late: bool,
    /// How many devices fail, of those at work.
    failing: u64,
    kind: FailureKind,
}

fn turns(leaps: std::ops::Range<i64>) -> impl Strategy<Value = Vec<Turn>> {
    let kinds = [
        FailureKind::DeviceError,
        FailureKind::Rejected,
        FailureKind::Silent,
        FailureKind::Unreachable,
        FailureKind::Plugin,
    ];
    let wait = prop_oneof![8 => Just(SECOND), 4 => 1_u64..2_000, 1 => 5_000_u64..120_000];
    let leap = prop_oneof![40 => Just(0), 1 => leaps];
    let slots = prop_oneof![6 => Just(u64::MAX), 1 => 0_u64..40];
    let shut = prop_oneof![2 => Just(0), 1 => any::<u8>()];
    let turn = (
        (wait, leap, prop::bool::weighted(0.02), slots),
        (shut, any::<bool>(), 0_u64..3),
        prop::sample::select(kinds.to_vec()),
    )
        .prop_map(
            |((wait, leap, paused, slots), (shut, late, failing), kind)| Turn {
                wait,
                leap,
                paused,
                slots,
                shut,
                late,
                failing,
                kind,
            },
        );
    prop::collection::vec(turn, 1..160)
}

const HOUR: i64 = 3_600_000;

/// Plays all turns; every view with the memo it was asked with, and the answer.
fn course(fleet: &mut Fleet, turns: &[Turn]) -> Vec<(View, Vec<u8>, Decision)> {
    let play = |turn: &Turn| {
        for (cohort, shut) in fleet.shut.iter_mut().enumerate() {
            *shut = turn.shut >> cohort & 1 == 1;
        }
        fleet.start(turn.slots);
        if let Some(cohort) = fleet.view.cohorts.iter_mut().find(|c| c.in_progress > 0) {
            let failing = turn.failing.min(cohort.in_progress);
            cohort.in_progress -= failing;
            cohort.states.transferring -= failing;
            cohort.started -= failing;
            cohort.states.pending += failing;
            end(cohort, 0, &[(turn.kind, failing)]);
        }
        fleet.succeed();
        fleet.wait(turn.wait);
        if turn.paused {
            fleet.view.paused_for += turn.wait;
        }
        fleet.view.now = fleet.view.now.saturating_add_signed(turn.leap);
        let (view, memo) = (fleet.view.clone(), fleet.decision.memo.clone());
        let answer = fleet.answer();
        let asked = View {
            starts_last_minute: fleet.view.starts_last_minute,
            ..view
        };
        if turn.late {
            fleet.start(turn.slots);
        }
        fleet.decision = answer.clone();
        (asked, memo, answer)
    };
    turns.iter().map(play).collect()
}

fn severity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Continue => 0,
        Verdict::Hold => 1,
        Verdict::Pause => 2,
        Verdict::Abort => 3,
        Verdict::RollBack => 4,
    }
}

fn rooms(view: &View, decision: &Decision) -> u64 {
    let pairs = decision.ceilings.iter().zip(&view.cohorts);
    pairs
        .map(|(ceiling, cohort)| ceiling.started.saturating_sub(cohort.started))
        .sum()
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn the_same_arguments_give_the_same_bytes(settings in any_settings(), sizes in sizes(), turns in turns(-HOUR..HOUR)) {
        let mut fleet = Fleet::new(&settings, &sizes);
        for (view, memo, answer) in course(&mut fleet, &turns) {
            prop_assert_eq!(&answer, &open(&settings).decide(&view, &memo));
        }
    }

    /// The contract of `decision`.
    #[test]
    fn a_decision_keeps_its_bounds(settings in any_settings(), sizes in sizes(), turns in turns(-HOUR..HOUR)) {
        let mut fleet = Fleet::new(&settings, &sizes);
        for (view, _, answer) in course(&mut fleet, &turns) {
            prop_assert_eq!(answer.ceilings.len(), view.cohorts.len());
            prop_assert!(answer.memo.len() <= 16 * 1024);
            prop_assert!(answer.verdict == Verdict::Continue || !answer.reasons.is_empty());
            prop_assert!(answer.reasons.len() <= 32 && answer.triggers.len() <= 64);
            prop_assert!(answer.reasons.iter().all(|reason| reason.parameters.is_sorted_by_key(|p| p.name.clone())));
            prop_assert!(answer.ask_at.is_none_or(|at| at >= view.now + SECOND));
        }
    }

    /// Whatever clocks, slots, other policies and late answers do.
    #[test]
    fn no_minute_sees_more_starts_than_the_rate(rate in 1_u64..600, sizes in sizes(), turns in turns(-HOUR..HOUR)) {
        let mut fleet = Fleet::new(&format!(r#"{{"maximum_per_minute":{rate}}}"#), &sizes);
        course(&mut fleet, &turns);
        let most = most_within(&fleet.starts, MINUTE);
        prop_assert!(most <= rate, "{most}");
    }

    #[test]
    fn no_minute_sees_more_starts_than_a_growing_rate_has_come_to(rate in any_rate(), sizes in sizes(), turns in turns(-HOUR..HOUR)) {
        let mut fleet = Fleet::new(&format!("{{{rate}}}"), &sizes);
        let mut reached = 0;
        for turn in turns {
            let said = fleet.decision.reasons.iter().find_map(|reason| {
                reason.text.split(' ').find_map(|word| word.parse::<u64>().ok())
            });
            reached = said.unwrap_or(0).max(reached);
            course(&mut fleet, &[turn]);
            prop_assert!(most_within(&fleet.starts, MINUTE) <= reached.max(said_after(&fleet)));
        }
    }

    /// AWS IoT Jobs: the base rate times the factor for each so many devices, and never above
    /// the maximum.
    #[test]
    fn a_growing_rate_grows_no_faster_than_it_is_told_to(rate in any_rate(), sizes in sizes(), turns in turns(-HOUR..HOUR)) {
        let mut fleet = Fleet::new(&format!("{{{rate}}}"), &sizes);
        for turn in turns {
            course(&mut fleet, &[turn]);
            let most = most_within(&fleet.starts, MINUTE);
            prop_assert!(most <= allowed(&rate, &fleet.view), "{most}");
        }
    }

    /// Until an answer has arrived the one before it is in force.
    #[test]
    fn two_answers_together_allow_no_more_than_the_bucket_holds(rate in 1_u64..3_000, sizes in sizes(), turns in turns(-HOUR..HOUR)) {
        let mut fleet = Fleet::new(&format!(r#"{{"maximum_per_minute":{rate}}}"#), &sizes);
        let mut before = fleet.decision.clone();
        for (view, _, answer) in course(&mut fleet, &turns) {
            let ceilings = before.ceilings.iter().zip(&answer.ceilings).zip(&view.cohorts);
            let both: u64 = ceilings
                .map(|((old, new), cohort)| old.started.max(new.started).saturating_sub(cohort.started))
                .sum();
            prop_assert!(both <= rate.min(rate * 2 / 60 + 1), "{both}");
            before = answer;
        }
    }

    /// No span sees more than the rate brings in it, two seconds' worth and one
    /// device; a clock that goes back, or stands still in a pause, adds nothing.
    #[test]
    fn starts_are_spread_over_a_minute(rate in 1_u64..3_000, sizes in sizes(), turns in turns(-HOUR..0), span in 1_u64..MINUTE) {
        let mut fleet = Fleet::new(&format!(r#"{{"maximum_per_minute":{rate}}}"#), &sizes);
        course(&mut fleet, &turns);
        let bound = rate * (span + 2 * SECOND) / MINUTE + 1;
        prop_assert!(most_within(&fleet.starts, span) <= bound, "{} > {bound}", most_within(&fleet.starts, span));
    }

    /// After a restart the host has forgotten its last minute.
    #[test]
    fn a_restart_adds_no_more_than_the_bucket(rate in 1_u64..3_000, seconds in 1_u64..120) {
        let mut fleet = Fleet::new(&format!(r#"{{"maximum_per_minute":{rate}}}"#), &[1_000_000]);
        (0..seconds).for_each(|_| fleet.second());
        let mut starts = std::mem::take(&mut fleet.starts);
        fleet.ask();
        fleet.minutes(1);
        starts.append(&mut fleet.starts);
        let bound = rate + rate * 2 / 60 + 1;
        prop_assert!(most_within(&starts, MINUTE) <= bound);
    }

    #[test]
    fn a_stop_is_final(settings in any_settings(), sizes in sizes(), turns in turns(-HOUR..HOUR)) {
        let mut fleet = Fleet::new(&settings, &sizes);
        let mut stopped: Option<Decision> = None;
        for (_, _, answer) in course(&mut fleet, &turns) {
            if let Some(stopped) = &stopped {
                prop_assert_eq!((answer.verdict, &answer.reasons, &answer.memo), (stopped.verdict, &stopped.reasons, &stopped.memo));
            } else if answer.verdict != Verdict::Continue {
                stopped = Some(answer.clone());
            }
            if stopped.is_some() {
                prop_assert!(answer.ceilings.iter().all(|ceiling| ceiling.in_progress == 0));
            }
        }
    }

    /// A device that failed instead of succeeding never makes it go faster.
    #[test]
    fn a_failure_more_never_lets_more_start(settings in any_settings(), sizes in sizes(), turns in turns(-HOUR..HOUR), at in any::<prop::sample::Index>()) {
        let mut fleet = Fleet::new(&settings, &sizes);
        for (view, memo, before) in course(&mut fleet, &turns) {
            let mut worse = view.clone();
            let cohort = &mut worse.cohorts[at.index(view.cohorts.len())];
            if cohort.states.succeeded == 0 {
                continue;
            }
            cohort.states.succeeded -= 1;
            cohort.ended -= 1;
            cohort.started -= 1;
            cohort.states.pending += 1;
            end(cohort, 0, &[(FailureKind::DeviceError, 1)]);
            let after = open(&settings).decide(&worse, &memo);
            prop_assert!(severity(after.verdict) >= severity(before.verdict));
            prop_assert!(rooms(&worse, &after) <= rooms(&view, &before), "{before:?} {after:?}");
        }
    }

    /// With nothing in the way everyone starts, in about the time that the rate asks for.
    #[test]
    fn everyone_starts(rate in 10_u64..3_000, sizes in sizes()) {
        let mut fleet = Fleet::new(&format!(r#"{{"maximum_per_minute":{rate}}}"#), &sizes);
        let devices: u64 = sizes.iter().sum();
        // A cohort that has nothing left costs those after it nothing.
        let seconds = devices * 60 / rate + 2;
        (0..seconds).for_each(|_| fleet.second());
        prop_assert_eq!(fleet.starts.len() as u64, devices);
        prop_assert_eq!(fleet.decision.ask_at, None);
        prop_assert!(fleet.decision.reasons.is_empty());
    }
}

/// The rate that settings allow at the most by now.
fn allowed(rate: &str, view: &View) -> u64 {
    let settings: serde_json::Value =
        serde_json::from_str(&format!("{{{rate}}}")).expect("it was written as JSON");
    let maximum = settings["maximum_per_minute"].as_u64().expect("it is set");
    let Some(base) = settings["base_rate_per_minute"].as_f64() else {
        return maximum;
    };
    let sum = |count: fn(&CohortView) -> u64| view.cohorts.iter().map(count).sum::<u64>();
    let increase = &settings["rate_increase"];
    let steps = match increase["notified"].as_u64() {
        Some(every) => sum(|cohort| cohort.started) / every,
        None => sum(|cohort| cohort.states.succeeded) / increase["succeeded"].as_u64().unwrap_or(1),
    };
    let factor = settings["increment_factor"].as_f64().expect("it is set");
    // What binary fractions lose must not cost a device.
    let grown = base * factor.powf(steps as f64) * (1.0 + 1e-9);
    grown.min(maximum as f64) as u64
}

fn said_after(fleet: &Fleet) -> u64 {
    let words = fleet
        .decision
        .reasons
        .iter()
        .flat_map(|reason| reason.text.split(' '));
    words
        .filter_map(|word| word.parse().ok())
        .max()
        .unwrap_or(0)
}

fn sizes() -> impl Strategy<Value = Vec<u64>> {
    prop::collection::vec(0_u64..2_000, 1..6)
}
