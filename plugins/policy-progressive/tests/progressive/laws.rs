//! What holds for any settings and any course of a rollout.

use proptest::prelude::*;
use serde_json::Value;
use windlass_sdk::{CohortView, Decision, FailureKind, Policy, Recheck, Signal, Verdict, View};

use super::{
    Progressive, cases,
    fleet::{
        End, MINUTE, approve, awaited, defer, end, open, opened, order, regress, round, run,
        run_seeded, sizes, stumble, view,
    },
};

/// Sound settings of any shape.
pub(crate) fn any_settings() -> impl Strategy<Value = String> {
    settings_with(any_analysis())
}

/// The same with such analyses, as JSON; empty for none.
pub(crate) fn settings_with(
    analysis: impl Strategy<Value = String>,
) -> impl Strategy<Value = String> {
    let gate = (
        prop::option::of(0_u32..=100),
        prop::option::of(1_u32..=100),
        0_u32..3,
        prop::option::of(1_u32..300),
        any::<bool>(),
        prop::sample::select(["hold", "pause", "abort", "roll-back"].as_slice()),
        analysis,
        (any::<bool>(), prop::option::of(0_u32..=100)),
    );
    let cohort = (1_u32..30, gate);
    let abort = prop::option::of((
        1_u32..=100,
        prop::sample::select(["started", "ended", "cohort"].as_slice()),
        1_u32..30,
        prop::sample::select(["abort", "roll-back"].as_slice()),
    ));
    let cohorts = prop::collection::vec(cohort, 0..6);
    (cohorts, abort, any::<bool>()).prop_map(|(cohorts, abort, start_approval)| {
        let mut percent = 0;
        let mut cohorts: Vec<String> = cohorts
            .into_iter()
            .enumerate()
            .map(
                |(index, (step, (rate, quorum, deadline, soak, approval, on_failure, analysis, recheck)))| {
                    percent = (percent + step).min(94 + index as u32);
                    let rate = rate
                        .map(|rate| {
                            let rate = f64::from(rate) / 100.0;
                            format!(r#","success_rate":{rate},"on_failure":"{on_failure}""#)
                        })
                        .unwrap_or_default();
                    let quorum = quorum
                        .map(|quorum| format!(r#","quorum":{}"#, f64::from(quorum) / 100.0))
                        .unwrap_or_default();
                    let soak = soak
                        .map(|soak| format!(r#","soak":"{soak}s""#))
                        .unwrap_or_default();
                    let recheck = match recheck {
                        (true, Some(share)) => {
                            let share = f64::from(share) / 100.0;
                            format!(r#","recheck":true,"max_unconfirmed":{share}"#)
                        }
                        (wanted, _) => format!(r#","recheck":{wanted}"#),
                    };
                    let deadline = match deadline {
                        0 => "",
                        1 => r#","deadline":"1h","on_deadline":"pass""#,
                        _ => r#","deadline":"1h","on_deadline":"abort""#,
                    };
                    format!(
                        r#"{{"name":"c{index}","percent":{percent},"approval":{approval},"analysis":[{analysis}]{rate}{quorum}{soak}{recheck}{deadline}}}"#
                    )
                },
            )
            .collect();
        cohorts.push(r#"{"name":"rest"}"#.to_owned());
        let abort = abort.map_or_else(String::new, |(rate, of, sample, action)| {
            format!(
                r#","abort":{{"rate":{},"of":"{of}","min_sample":{sample},"action":"{action}"}}"#,
                f64::from(rate) / 100.0
            )
        });
        let start = if start_approval {
            r#","start_approval":"start""#
        } else {
            ""
        };
        format!(r#"{{"cohorts":[{}]{abort}{start}}}"#, cohorts.join(","))
    })
}

/// None, or one of the signal that the courses measure.
fn any_analysis() -> impl Strategy<Value = String> {
    let analysis = (
        1_u32..3,
        0_u32..3,
        0_u32..3,
        prop::sample::select(["hold", "pause", "abort", "roll-back"].as_slice()),
        prop::sample::select(["hold", "pause", "abort"].as_slice()),
    );
    prop::option::of(analysis).prop_map(|analysis| {
        analysis.map_or_else(String::new, |(wanted, failures, unclear, bad, none)| {
            format!(
                r#"{{"signal":"s","success":{{"at_most":0.5}},"measurements":{wanted},"failure_limit":{failures},"inconclusive_limit":{unclear},"on_failure":"{bad}","on_inconclusive":"{none}"}}"#
            )
        })
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
    /// The signal is measured anew: well, badly or without a value.
    measured: Option<Option<f64>>,
    /// Whether somebody consents to all that is waited for.
    approved: bool,
    /// What comes of verifying again, if that is wished for: of ten devices so many fell back
    /// and so many were not reached; none: it goes on.
    rechecked: Option<(u64, u64)>,
    order: Option<Order>,
}

/// An order to go on past a cohort, or past all.
type Order = Option<u32>;

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let turn = (
        0..8_u64,
        0..4_u64,
        0..3_u64,
        0..3_u64,
        0..40_u64,
        any::<bool>(),
        prop::option::of(prop::option::of(0.0..1.0_f64)),
        (
            any::<bool>(),
            prop::option::weighted(0.8, (0..3_u64, 0..4_u64)),
        ),
        prop::option::weighted(0.1, prop::option::of(0..6_u32)),
    )
        .prop_map(
            |(
                succeeded,
                failed,
                stumbled,
                deferred,
                minutes,
                paused,
                measured,
                (approved, rechecked),
                order,
            )| Turn {
                succeeded,
                failed,
                stumbled,
                deferred,
                minutes,
                paused,
                measured,
                approved,
                rechecked,
                order,
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
    if let Some(value) = turn.measured {
        measure(view, value);
    }
}

/// Rounds that are wished for begin, and end with this turn or a later one.
fn recheck(view: &mut View, turn: &Turn, decision: &Decision) {
    let began = view.now;
    for wish in &decision.rechecks {
        let cohort = &mut view.cohorts[wish.cohort as usize];
        let wanting = |began: u64| began < wish.since;
        if cohort.recheck.as_ref().is_none_or(|had| wanting(had.began)) {
            cohort.recheck = Some(Recheck {
                ended: None,
                ..round(began, 0, 0, 0)
            });
        }
    }
    for cohort in &mut view.cohorts {
        let begun = cohort.recheck.as_ref().filter(|had| had.ended.is_none());
        let (Some(begun), Some((fell, away))) = (begun.map(|had| had.began), turn.rechecked) else {
            continue;
        };
        let all = cohort.states.succeeded;
        let (fell, away) = (all * fell / 10, all * away / 10);
        regress(cohort, fell);
        cohort.recheck = Some(Recheck {
            ended: Some(view.now),
            ..round(begun, all - fell - away, fell, away)
        });
    }
}

fn measure(view: &mut View, value: Option<f64>) {
    view.signals = vec![Signal {
        name: "s".to_owned(),
        value,
        observed_at: Some(view.now),
    }];
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
        recheck(&mut view, turn, &decision);
        if turn.approved {
            approve(&mut view, &decision);
        }
        if let Some(past) = turn.order {
            order(&mut view, past);
        }
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

/// Whether nothing will ever start again.
fn is_over(decision: &Decision) -> bool {
    matches!(decision.verdict, Verdict::Abort | Verdict::RollBack)
}

/// The settings once more, as plainly as they read.
struct Written(Value);

impl Written {
    fn of(settings: &str) -> Self {
        Self(serde_json::from_str(settings).expect("it was written as JSON"))
    }

    fn cohort(&self, index: usize) -> &Value {
        &self.0["cohorts"][index]
    }

    /// Shares are written in hundredths.
    fn hundredths(&self, cohort: usize, key: &str) -> Option<u64> {
        let share = self.cohort(cohort)[key].as_f64()?;
        Some((share * 100.0).round() as u64)
    }

    fn soak(&self, cohort: usize) -> u64 {
        let soak = self.cohort(cohort)["soak"].as_str();
        soak.and_then(|soak| soak.strip_suffix('s')?.parse::<u64>().ok())
            .map_or(0, |seconds| seconds * 1000)
    }

    /// Whether this cohort's gate lets the next one open, by the words of the README: enough
    /// ended, enough of those succeeded, the soak was served, and somebody consented.
    fn lets_pass(&self, index: usize, view: &View, opened_for: u64) -> Result<(), &'static str> {
        let past =
            |order: &windlass_sdk::Advance| order.cohort.is_none_or(|to| to as usize >= index);
        if view.advances.iter().any(past) {
            return Ok(());
        }
        let consented = |name: &str| view.approvals.iter().any(|consent| consent.gate == name);
        if self.cohort(index)["approval"] == true && !consented(&format!("c{index}")) {
            return Err("nobody consented");
        }
        let cohort = &view.cohorts[index];
        if cohort.size == 0 {
            return Ok(());
        }
        if opened_for < self.soak(index) {
            return Err("it was not left to soak");
        }
        if self.cohort(index)["recheck"] == true {
            let over = cohort.recheck.as_ref().filter(|had| had.ended.is_some());
            let Some(had) = over else {
                return Err("nobody was asked again");
            };
            let most = self.hundredths(index, "max_unconfirmed").unwrap_or(100);
            if had.unconfirmed * 100 > most * (had.confirmed + had.regressed + had.unconfirmed) {
                return Err("too few were reached again");
            }
        }
        let lapsed = self.cohort(index)["on_deadline"] == "pass" && opened_for >= 60 * MINUTE;
        if lapsed {
            return Ok(());
        }
        self.is_met(index, cohort)
    }

    fn is_met(&self, index: usize, cohort: &CohortView) -> Result<(), &'static str> {
        let settled = match self.hundredths(index, "quorum") {
            Some(quorum) => cohort.ended * 100 >= quorum * cohort.size,
            None => cohort.ended > 0 && cohort.ended + cohort.states.deferred == cohort.size,
        };
        if !settled {
            return Err("too few have ended");
        }
        let failed: u64 = cohort.failures.iter().map(|failure| failure.count).sum();
        let succeeded = cohort.states.succeeded;
        match self.hundredths(index, "success_rate") {
            Some(_) if succeeded + failed == 0 => Err("none can be judged"),
            Some(rate) if succeeded * 100 < rate * (succeeded + failed) => Err("too few succeeded"),
            Some(_) | None => Ok(()),
        }
    }
}

proptest! {
    #![proptest_config(cases())]

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

    /// Issue 4: never above what the settings allow. No cohort opens before the gates in front
    /// of it let it, and none that is shut may start a device.
    #[test]
    fn no_cohort_opens_before_its_gates_let_it(settings in any_settings(), devices in 0..200_u64, turns in turns()) {
        let policy = open(&settings);
        let written = Written::of(&settings);
        let mut opened_at: Vec<u64> = Vec::new();
        for (view, memo) in course(&policy, devices, &turns) {
            let decision = policy.decide(&view, &memo);
            let shut = decision.ceilings.iter().skip(opened(&decision));
            prop_assert!(shut.into_iter().all(|ceiling| ceiling.started == 0));
            // Its clocks stand still in a pause.
            let clock = view.now - view.paused_for;
            for next in opened_at.len()..opened(&decision) {
                match next.checked_sub(1) {
                    None => {
                        let asks = written.0.get("start_approval").is_some();
                        let consents = view.approvals.iter().any(|consent| consent.gate == "start");
                        prop_assert!(!asks || consents || !view.advances.is_empty());
                    }
                    Some(before) => {
                        let passed = written.lets_pass(before, &view, clock - opened_at[before]);
                        prop_assert_eq!(passed, Ok(()), "{} {:?}", before, &view);
                    }
                }
                opened_at.push(clock);
            }
        }
    }

    #[test]
    fn what_opened_stays_open_until_an_abort_which_is_final(settings in any_settings(), devices in 0..200_u64, turns in turns()) {
        let policy = open(&settings);
        let mut before: Option<Decision> = None;
        for (view, memo) in course(&policy, devices, &turns) {
            let decision = policy.decide(&view, &memo);
            if let Some(before) = &before {
                match before.verdict {
                    over @ (Verdict::Abort | Verdict::RollBack) => {
                        prop_assert_eq!((decision.verdict, opened(&decision)), (over, 0));
                        prop_assert_eq!(&decision.reasons, &before.reasons);
                    }
                    Verdict::Continue | Verdict::Hold | Verdict::Pause => {
                        prop_assert!(is_over(&decision) || opened(&decision) >= opened(before));
                    }
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
            // On the way to a hold a cohort may not even have opened, nor come to its approval.
            if opened(&after) == opened(&before) && awaited(&before).is_empty() {
                prop_assert!(severity(after.verdict) >= severity(before.verdict), "{before:?} {after:?}");
            }
        }
    }

    /// Issue 4, laws. A measurement that is bad or missing instead of good never makes it go
    /// faster.
    #[test]
    fn a_worse_signal_never_opens_more(settings in any_settings(), devices in 1..200_u64, turns in turns(), value in prop::option::of(0.6..9.0_f64)) {
        let policy = open(&settings);
        for (mut view, memo) in course(&policy, devices, &turns) {
            measure(&mut view, Some(0.1));
            let before = policy.decide(&view, &memo);
            measure(&mut view, value);
            let after = policy.decide(&view, &memo);
            prop_assert!(opened(&after) <= opened(&before), "{before:?} {after:?}");
            // On the way to a hold a cohort may not even have opened, nor come to its approval.
            if opened(&after) == opened(&before) && awaited(&before).is_empty() {
                prop_assert!(severity(after.verdict) >= severity(before.verdict), "{before:?} {after:?}");
            }
        }
    }

    /// GX-09. Consent only ever lets a rollout go further, and ends none.
    #[test]
    fn an_approval_more_never_opens_less(settings in any_settings(), devices in 0..200_u64, turns in turns(), ago in 0..90_u64) {
        let policy = open(&settings);
        for (view, memo) in course(&policy, devices, &turns) {
            let before = policy.decide(&view, &memo);
            let mut consented = view.clone();
            approve(&mut consented, &before);
            for approval in consented.approvals.iter_mut().skip(view.approvals.len()) {
                approval.at -= ago * MINUTE;
            }
            let after = policy.decide(&consented, &memo);
            prop_assert_eq!(is_over(&after), is_over(&before));
            prop_assert!(opened(&after) >= opened(&before), "{before:?} {after:?}");
        }
    }

    /// GO-109. Nor does an order to go on; it spares a rollout the end that a gate would
    /// have been, but not the one of an abort threshold.
    #[test]
    fn an_order_more_never_opens_less(settings in any_settings(), devices in 0..200_u64, turns in turns(), past in prop::option::of(0..6_u32)) {
        let policy = open(&settings);
        for (view, memo) in course(&policy, devices, &turns) {
            let before = policy.decide(&view, &memo);
            let mut ordered = view.clone();
            order(&mut ordered, past);
            let after = policy.decide(&ordered, &memo);
            prop_assert!(opened(&after) >= opened(&before), "{before:?} {after:?}");
            if before.reasons.iter().any(|reason| matches!(reason.code.as_str(), "abort-rate-reached" | "abort-count-reached")) {
                prop_assert_eq!(&after, &before);
            }
            if past.is_none() && !is_over(&after) {
                prop_assert_eq!(opened(&after), view.cohorts.len(), "all that is left is passed");
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

    /// Issue 4: terminates on every seeded fleet, whichever devices fail, stumble or are away
    /// for a while; where it is held, an order brings it on.
    #[test]
    fn every_seeded_fleet_comes_to_an_end(settings in any_settings(), devices in 0..300_u64, seed in any::<u64>(), bad in 0..40_u64) {
        let end = run_seeded(&open(&settings), devices, seed, bad);
        prop_assert_ne!(&end, &End::Held);
        // Devices that are away may miss a deadline.
        if bad == 0 && !settings.contains(r#""on_deadline":"abort""#) {
            prop_assert_eq!(end, End::Complete);
        }
    }
}
