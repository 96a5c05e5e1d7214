//! What signals read in a session (issue 4).

use std::{convert::Infallible, time::Duration};

use proptest::prelude::*;
use windlass_core::DecideRequest;
use windlass_model::{
    Ceiling, CohortIndex, Decision, Measure, Reason, SignalName, Trigger, Verdict, View,
};
use windlass_simulate::{
    End, Faults, Plugins, Profile, Reads, Scenario, Session, SignalModel, SignalStep,
};

use crate::scenes::{DAY, HOUR, lived, one_policy, scene};

const EVERY: Duration = Duration::from_secs(60);

/// Starts `step` devices more for each good measurement, holds without a value, and aborts on
/// a value above `most`.
struct Watcher {
    step: u64,
    most: f64,
}

impl Watcher {
    fn decide(&self, view: &View, memo: &[u8]) -> Decision {
        let known = memo.try_into().map_or((0, 0), |memo: [u8; 16]| {
            let (last, good) = memo.split_at(8);
            let number = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().expect("eight"));
            (number(last), number(good))
        });
        let signal = &view.signals[0];
        let seen = signal.observed_at.map_or(0, |at| at.0);
        let good = known.1 + u64::from(seen > known.0 && signal.value.is_some());
        let verdict = match signal.value {
            Some(value) if value > self.most => Verdict::Abort,
            Some(_) => Verdict::Continue,
            None => Verdict::Hold,
        };
        let started = self.step.saturating_mul(good).min(view.cohorts[0].size);
        // Once all are started there is nothing left to count.
        let good = good.min(view.cohorts[0].size);
        let counted = (signal.value.is_some()).then_some((seen, good));
        let (seen, good) = counted.unwrap_or(known);
        let memo = [seen.to_le_bytes(), good.to_le_bytes()].concat();
        Decision {
            ceilings: vec![Ceiling {
                started,
                in_progress: u64::MAX,
            }],
            valid_until: view.now.plus(HOUR),
            verdict,
            reasons: vec![Reason {
                code: verdict_word(verdict).to_owned(),
                cohort: None,
                parameters: Default::default(),
                text: format!("errors is {:?}", signal.value),
            }],
            memo,
            ask_at: None,
            rechecks: Vec::new(),
            triggers: vec![Trigger {
                cohort: CohortIndex(0),
                measure: Measure::Ended,
                reaches: view.cohorts[0].size,
            }],
        }
    }
}

fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Abort => "bad",
        Verdict::Continue => "good",
        _ => "unclear",
    }
}

impl Plugins for Watcher {
    type Error = Infallible;

    async fn decide(&self, requests: Vec<DecideRequest>) -> Vec<Result<Decision, String>> {
        let answer = |request: &DecideRequest| Ok(self.decide(&request.view, &request.memo));
        requests.iter().map(answer).collect()
    }
}

fn value(base: f64, per_harmed: f64) -> Reads {
    Reads::Value { base, per_harmed }
}

fn reading(steps: &[(Duration, Reads)]) -> Scenario {
    let steps = steps.iter().map(|(from, reads)| SignalStep {
        from: *from,
        reads: *reads,
    });
    let name = SignalName::new("errors");
    Scenario {
        policies: one_policy(),
        signals: vec![SignalModel {
            recorded: None,
            name: name.clone(),
            every: EVERY,
            steps: steps.collect(),
        }],
        watched: vec![vec![name]],
        ..scene(Profile::Signage, 2_000, 1)
    }
}

fn mark(session: &Session, wanted: Verdict) -> Option<Duration> {
    let mark = session.marks.iter().find(|mark| mark.verdict == wanted);
    mark.map(|mark| mark.at)
}

const SLOW: Watcher = Watcher { step: 2, most: 0.1 };

/// A signal that turns bad is seen at its next measurement.
#[test]
fn a_step_is_seen_when_it_is_next_measured() {
    let scene = reading(&[
        (Duration::ZERO, value(0.01, 0.0)),
        (6 * HOUR, value(0.2, 0.0)),
    ]);
    let session = lived(&scene, &SLOW);
    assert!(matches!(session.end, End::Aborted(_)), "{:?}", session.end);
    let at = mark(&session, Verdict::Abort).expect("it is aborted");
    assert!((6 * HOUR..6 * HOUR + 2 * EVERY).contains(&at), "{at:?}");
    assert_eq!(session.signals, scene.signals);
}

/// Without a value it holds, and with one it goes on.
#[test]
fn a_signal_that_comes_and_goes_holds_and_releases() {
    let scene = reading(&[
        (Duration::ZERO, value(0.01, 0.0)),
        (HOUR, Reads::Missing),
        (3 * HOUR, value(0.01, 0.0)),
    ]);
    let session = lived(&scene, &SLOW);
    assert!(
        matches!(session.end, End::Completed(_)),
        "{:?}",
        session.end
    );
    let held = mark(&session, Verdict::Hold).expect("it holds");
    assert!((HOUR..HOUR + 2 * EVERY).contains(&held), "{held:?}");
    let starts = |from: Duration, to: Duration| {
        let at = |at: Duration| {
            let before = session.samples.iter().rev().find(|sample| sample.at <= at);
            before.expect("a sample").started[0]
        };
        at(to) - at(from)
    };
    assert_eq!(starts(HOUR + 5 * EVERY, 3 * HOUR - EVERY), 0);
    assert!(starts(3 * HOUR, 6 * HOUR) > 100);
}

/// A rollout that waits for a signal that never comes does not go on for ever without a word.
#[test]
fn a_signal_that_never_has_a_value_is_told() {
    for steps in [&[][..], &[(Duration::ZERO, Reads::Missing)]] {
        let session = lived(&reading(steps), &SLOW);
        let End::Blocked(at, reasons) = &session.end else {
            panic!("{:?}", session.end);
        };
        assert!(*at < HOUR, "{at:?}");
        assert_eq!(reasons[0].code, "unclear");
        assert_eq!(session.cohorts[0].first_started, None);
    }
}

/// One that nobody measures at all is as good as missing, and the rollout stands as long.
#[test]
fn a_signal_that_nobody_measures_holds() {
    let mut scene = reading(&[]);
    scene.signals.clear();
    let session = lived(&scene, &SLOW);
    assert!(matches!(session.end, End::Blocked(..)), "{:?}", session.end);
}

/// A bad build moves a signal long before its devices tell of it.
#[test]
fn harm_moves_a_signal_before_devices_tell() {
    let mut scene = reading(&[(Duration::ZERO, value(0.01, 1.0))]);
    scene.faults = Faults {
        broken: Some(0.5),
        known_after: DAY,
        ..Faults::default()
    };
    let session = lived(&scene, &SLOW);
    let at = mark(&session, Verdict::Abort).expect("it is aborted");
    assert!(at < DAY, "{at:?}");
    // A tenth of all, less the base.
    let harmed = session.harm.harmed;
    assert!((180..=200).contains(&harmed), "{harmed}");
    let stated = session.blast_radius.expect("it is stated");
    assert!(stated.at.is_some() && stated.devices < 2_000, "{stated:?}");
}

/// A month is measured more seldom than a minute, but measured.
#[test]
fn a_long_session_measures_every_half_a_minute() {
    let mut scene = reading(&[(Duration::ZERO, value(0.01, 0.0))]);
    scene.signals[0].every = Duration::from_secs(1);
    let session = lived(&scene, &SLOW);
    let End::Completed(after) = session.end else {
        panic!("{:?}", session.end);
    };
    // Two a measurement, of two thousand.
    let every = after / 1_000;
    assert!(
        every > Duration::from_secs(20) && every < Duration::from_secs(40),
        "{every:?}"
    );
}

proptest! {
    #![proptest_config(crate::whole_rollouts())]

    /// Whatever moves the signal: an abort is within the radius that was stated.
    #[test]
    fn an_abort_for_a_signal_is_within_the_radius(
        (devices, seed, profile) in (1..300_u64, any::<u64>(), 0..4_usize),
        (base, per_harmed, most) in (0.0..0.2, 0.0..2.0, 0.0..0.5),
        (broken, known_after, flaky) in (0.05..=1.0, 0..600_u64, 0.0..0.3),
        step in 1..20_u64,
    ) {
        let mut scene = reading(&[(Duration::ZERO, value(base, per_harmed))]);
        scene.fleet = crate::scenes::scene(Profile::ALL[profile], devices, seed).fleet;
        scene.seed = seed;
        scene.span = DAY;
        scene.faults = Faults {
            broken: Some(broken),
            known_after: Duration::from_secs(60 * known_after),
            flaky,
            ..Faults::default()
        };
        let session = lived(&scene, &Watcher { step, most });
        let stated = session.blast_radius.clone().expect("it is stated");
        let abort = session.marks.iter().find(|mark| mark.verdict == Verdict::Abort);
        if let Some(abort) = abort {
            prop_assert!(abort.started <= stated.devices, "{} of {stated:?}", abort.started);
        }
    }
}
