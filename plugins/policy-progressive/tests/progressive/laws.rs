//! What holds for any settings and any course of a rollout.

use proptest::prelude::*;
use windlass_policy_progressive::Progressive;
use windlass_sdk::{FailureKind, Policy, Verdict, View};

use crate::fleet::{End, MINUTE, defer, end, open, opened, run, sizes, stumble, view};

/// Sound settings of any shape.
fn any_settings() -> impl Strategy<Value = String> {
    let gate = (
        prop::option::of(0_u32..=100),
        prop::option::of(0_u32..=100),
        0_u32..3,
        prop::option::of(1_u32..300),
    );
    let cohort = (1_u32..30, gate);
    let abort = prop::option::of((
        1_u32..=100,
        prop::sample::select(["started", "ended", "cohort"].as_slice()),
        1_u32..30,
    ));
    (prop::collection::vec(cohort, 0..6), abort).prop_map(|(cohorts, abort)| {
        let mut percent = 0;
        let mut cohorts: Vec<String> = cohorts
            .into_iter()
            .enumerate()
            .map(|(index, (step, (rate, quorum, deadline, soak)))| {
                percent = (percent + step).min(94 + index as u32);
                let rate = rate
                    .map(|rate| format!(r#","success_rate":{}"#, f64::from(rate) / 100.0))
                    .unwrap_or_default();
                let quorum = quorum
                    .map(|quorum| format!(r#","quorum":{}"#, f64::from(quorum) / 100.0))
                    .unwrap_or_default();
                let soak = soak
                    .map(|soak| format!(r#","soak":"{soak}s""#))
                    .unwrap_or_default();
                let deadline = match deadline {
                    0 => "",
                    1 => r#","deadline":"1h","on_deadline":"pass""#,
                    _ => r#","deadline":"1h","on_deadline":"abort""#,
                };
                format!(
                    r#"{{"name":"c{index}","percent":{percent}{rate}{quorum}{soak}{deadline}}}"#
                )
            })
            .collect();
        cohorts.push(r#"{"name":"rest"}"#.to_owned());
        let abort = abort.map_or_else(String::new, |(rate, of, sample)| {
            format!(
                r#","abort":{{"rate":{},"of":"{of}","min_sample":{sample}}}"#,
                f64::from(rate) / 100.0
            )
        });
        format!(r#"{{"cohorts":[{}]{abort}}}"#, cohorts.join(","))
    })
}

/// What happens to a cohort between two decisions, in shares of what is pending.
#[derive(Clone, Debug)]
struct Turn {
    succeeded: u64,
    failed: u64,
    stumbled: u64,
    deferred: u64,
    minutes: u64,
    paused: bool,
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = (
        0..8_u64,
        0..4_u64,
        0..3_u64,
        0..3_u64,
        0..40_u64,
        any::<bool>(),
    )
        .prop_map(
            |(succeeded, failed, stumbled, deferred, minutes, paused)| Turn {
                succeeded,
                failed,
                stumbled,
                deferred,
                minutes,
                paused,
            },
        );
    prop::collection::vec(turn, 1..12)
}

fn play(view: &mut View, turn: &Turn, open: usize) {
    for cohort in view.cohorts.iter_mut().take(open) {
        let take = |wanted: u64, left: u64| wanted.min(left);
        let succeeded = take(turn.succeeded, cohort.states.pending);
        end(cohort, succeeded, &[]);
        let failed = take(turn.failed, cohort.states.pending);
        end(cohort, 0, &[(FailureKind::Corrupt, failed)]);
        let stumbled = take(turn.stumbled, cohort.states.pending);
        stumble(cohort, FailureKind::DeviceError, stumbled);
        let deferred = take(turn.deferred, cohort.states.pending);
        defer(cohort, deferred);
    }
    view.now += turn.minutes * MINUTE;
    if turn.paused {
        view.paused_for += turn.minutes * MINUTE;
    }
}

/// Decides after each turn; every view with the memo it was asked with.
fn course(policy: &Progressive, devices: u64, turns: &[Turn]) -> Vec<(View, Vec<u8>)> {
    let mut view = view(policy, devices);
    let mut memo = Vec::new();
    let mut asked = Vec::new();
    for turn in turns {
        asked.push((view.clone(), memo.clone()));
        let decision = policy.decide(&view, &memo);
        play(&mut view, turn, opened(&decision));
        memo = decision.memo;
    }
    asked
}

/// Verdicts by severity.
fn severity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Continue => 0,
        Verdict::Hold => 1,
        Verdict::Pause => 2,
        Verdict::Abort => 3,
        Verdict::RollBack => 4,
    }
}

proptest! {
    #[test]
    fn cohorts_add_up_to_all_devices(settings in any_settings(), devices in 0..100_000_u64) {
        prop_assert_eq!(sizes(&open(&settings), devices).iter().sum::<u64>(), devices);
    }

    #[test]
    fn the_same_arguments_give_the_same_bytes(settings in any_settings(), devices in 0..200_u64, turns in turns()) {
        let policy = open(&settings);
        for (view, memo) in course(&policy, devices, &turns) {
            let one = policy.decide(&view, &memo);
            prop_assert_eq!(&one, &open(&settings).decide(&view, &memo));
            prop_assert!(one.memo.len() <= 16 * 1024);
        }
    }

    /// The contract of `decision`.
    #[test]
    fn a_decision_keeps_its_bounds(settings in any_settings(), devices in 0..200_u64, turns in turns()) {
        let policy = open(&settings);
        for (view, memo) in course(&policy, devices, &turns) {
            let decision = policy.decide(&view, &memo);
            prop_assert_eq!(decision.ceilings.len(), view.cohorts.len());
            for (ceiling, cohort) in decision.ceilings.iter().zip(&view.cohorts) {
                prop_assert!(ceiling.started <= cohort.size);
            }
            prop_assert!(decision.verdict == Verdict::Continue || !decision.reasons.is_empty());
            prop_assert!(decision.reasons.len() <= 32 && decision.triggers.len() <= 64);
            prop_assert!(decision.reasons.iter().all(|reason| reason.parameters.is_sorted_by_key(|p| p.name.clone())));
            prop_assert!(decision.ask_at.is_none_or(|at| at > view.now));
        }
    }

    #[test]
    fn what_opened_stays_open_until_an_abort_which_is_final(settings in any_settings(), devices in 0..200_u64, turns in turns()) {
        let policy = open(&settings);
        let mut before: Option<windlass_sdk::Decision> = None;
        for (view, memo) in course(&policy, devices, &turns) {
            let decision = policy.decide(&view, &memo);
            if let Some(before) = &before {
                match before.verdict {
                    Verdict::Abort => prop_assert_eq!((decision.verdict, opened(&decision)), (Verdict::Abort, 0)),
                    _ if decision.verdict != Verdict::Abort => prop_assert!(opened(&decision) >= opened(before)),
                    _ => {}
                }
            }
            before = Some(decision);
        }
    }

    /// A device that failed instead of succeeding never makes it go faster.
    #[test]
    fn a_failure_more_never_opens_more(settings in any_settings(), devices in 1..200_u64, turns in turns(), at in any::<prop::sample::Index>()) {
        let policy = open(&settings);
        for (view, memo) in course(&policy, devices, &turns) {
            let before = policy.decide(&view, &memo);
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
            let after = policy.decide(&worse, &memo);
            prop_assert!(opened(&after) <= opened(&before), "{before:?} {after:?}");
            // On the way to a hold a cohort may not even have opened.
            if opened(&after) == opened(&before) {
                prop_assert!(severity(after.verdict) >= severity(before.verdict), "{before:?} {after:?}");
            }
        }
    }

    #[test]
    fn a_fleet_that_obeys_comes_to_an_end(settings in any_settings(), devices in 0..300_u64, bad in 0..20_u64) {
        let end = run(&open(&settings), devices, bad);
        if bad == 0 {
            prop_assert_eq!(end, End::Complete);
        }
    }
}
