//! The abort criteria, with the meaning that AWS IoT Jobs gives them (design §7.3).

use windlass_sdk::{Decision, FailureKind, Measure, Policy, Verdict};

use crate::fleet::{codes, end, open, view};

fn criterion(failure: &str, percent: &str, min_executed: u64) -> String {
    format!(
        r#"{{"abort":[{{{failure},"threshold_percent":{percent},"min_executed":{min_executed}}}]}}"#
    )
}

/// What is decided when so many of so many started devices have failed.
fn decided(settings: &str, kind: FailureKind, failed: u64, executed: u64) -> Decision {
    let mut view = view(&[100_000]);
    end(&mut view.cohorts[0], executed - failed, &[(kind, failed)]);
    open(settings).decide(&view, &[])
}

#[test]
fn it_fires_at_the_threshold_and_above_once_enough_were_started() {
    for (percent, min, failed, executed, verdict) in [
        ("10.99", 100, 0, 0, Verdict::Continue),
        ("10.99", 100, 99, 99, Verdict::Continue),
        ("10.99", 100, 10, 100, Verdict::Continue),
        ("10.99", 100, 11, 100, Verdict::Abort),
        ("10.99", 100, 1_098, 10_000, Verdict::Continue),
        ("10.99", 100, 1_099, 10_000, Verdict::Abort),
        ("10.99", 100, 1_100, 10_000, Verdict::Abort),
        ("10", 100, 10, 100, Verdict::Abort),
        ("10", 100, 10, 101, Verdict::Continue),
        ("0.01", 1, 0, 50_000, Verdict::Continue),
        ("0.01", 1, 5, 50_001, Verdict::Continue),
        ("0.01", 1, 5, 50_000, Verdict::Abort),
        ("100", 1, 1, 1, Verdict::Abort),
        ("100", 1, 9, 10, Verdict::Continue),
    ] {
        let settings = criterion(r#""failure":"all""#, percent, min);
        let decision = decided(&settings, FailureKind::DeviceError, failed, executed);
        assert_eq!(
            decision.verdict, verdict,
            "{failed} of {executed} at {percent} %"
        );
    }
}

#[test]
fn each_failure_type_counts_its_kinds_and_no_others() {
    use FailureKind::*;
    let named = [
        ("failed", vec![Corrupt, Busy, DeviceError, Regressed, Other]),
        ("rejected", vec![Rejected, Unauthorized, Incompatible]),
        ("timed-out", vec![TimedOut, Silent]),
    ];
    // The network counts only where it is named, the engine never.
    let others = [Unreachable, Interrupted, Plugin, Source, Shutdown];
    let every = named.iter().flat_map(|(_, kinds)| kinds).chain(&others);
    for kind in every {
        for (failure, kinds) in &named {
            let settings = criterion(&format!(r#""failure":"{failure}""#), "50", 10);
            let verdict = decided(&settings, *kind, 10, 10).verdict;
            assert_eq!(
                verdict == Verdict::Abort,
                kinds.contains(kind),
                "{failure} {kind:?}"
            );
        }
        let settings = criterion(r#""failure":"all""#, "50", 10);
        let verdict = decided(&settings, *kind, 10, 10).verdict;
        assert_eq!(
            verdict == Verdict::Abort,
            !others.contains(kind),
            "all {kind:?}"
        );
    }
}

#[test]
fn kinds_may_be_named() {
    let settings = criterion(r#""kinds":["silent","unreachable"]"#, "20", 10);
    for (kind, verdict) in [
        (FailureKind::Silent, Verdict::Abort),
        (FailureKind::Unreachable, Verdict::Abort),
        (FailureKind::TimedOut, Verdict::Continue),
        (FailureKind::DeviceError, Verdict::Continue),
    ] {
        assert_eq!(decided(&settings, kind, 2, 10).verdict, verdict, "{kind:?}");
    }
}

/// Nebraska #427, hawkBit #693: fleets that fall silent, or fail fast, are stopped too.
#[test]
fn the_reason_says_what_was_counted() {
    let settings = criterion(r#""kinds":["silent","device-error"]"#, "10.99", 100);
    let decision = decided(&settings, FailureKind::Silent, 33, 300);
    assert_eq!(codes(&decision), ["abort-threshold-reached"]);
    assert_eq!(
        decision.reasons[0].text,
        "33 of 300 started devices failed at their first attempt (silent, device-error: 11 %), and 10.99 % abort"
    );
    assert!(
        decision
            .ceilings
            .iter()
            .all(|ceiling| ceiling.in_progress == 0)
    );
}

/// Retries hide nothing: the second attempt of these devices succeeded.
#[test]
fn a_device_that_succeeded_at_its_second_attempt_failed_at_its_first() {
    let mut view = view(&[1_000]);
    end(&mut view.cohorts[0], 80, &[(FailureKind::Corrupt, 20)]);
    let cohort = &mut view.cohorts[0];
    (cohort.states.succeeded, cohort.states.dead_lettered) = (100, 0);
    cohort.failures.clear();
    let policy = open(&criterion(r#""failure":"failed""#, "20", 100));
    assert_eq!(policy.decide(&view, &[]).verdict, Verdict::Abort);
}

#[test]
fn failures_count_over_all_cohorts_together() {
    let policy = open(&criterion(r#""failure":"all""#, "10", 100));
    let mut view = view(&[50, 50, 50]);
    end(&mut view.cohorts[0], 45, &[(FailureKind::Silent, 5)]);
    end(&mut view.cohorts[2], 46, &[(FailureKind::Rejected, 4)]);
    assert_eq!(policy.decide(&view, &[]).verdict, Verdict::Continue);
    end(&mut view.cohorts[1], 0, &[(FailureKind::Other, 2)]);
    assert_eq!(policy.decide(&view, &[]).verdict, Verdict::Abort);
}

#[test]
fn the_most_severe_of_several_criteria_holds_and_stays_for_good() {
    let policy = open(
        r#"{"abort":[
            {"failure":"all","threshold_percent":10,"min_executed":10},
            {"failure":"failed","threshold_percent":20,"min_executed":10,"action":"roll-back"}
        ]}"#,
    );
    for (failed, verdict) in [(1, Verdict::Abort), (2, Verdict::RollBack)] {
        let mut view = view(&[100]);
        end(
            &mut view.cohorts[0],
            10 - failed,
            &[(FailureKind::Other, failed)],
        );
        let first = policy.decide(&view, &[]);
        assert_eq!(first.verdict, verdict);
        end(&mut view.cohorts[0], 80, &[]);
        let later = policy.decide(&view, &first.memo);
        assert_eq!(
            (later.verdict, later.reasons, later.memo),
            (first.verdict, first.reasons, first.memo)
        );
    }
}

/// An abort does not wait for the next regular decision.
#[test]
fn the_host_calls_before_a_threshold_can_be_passed() {
    let settings = criterion(r#""failure":"all""#, "10", 100);
    let policy = open(&settings);
    for spread in [[12, 0, 0], [0, 0, 12], [4, 4, 4], [10, 1, 1]] {
        let mut view = view(&[100, 100, 100]);
        for cohort in &mut view.cohorts {
            end(cohort, 30, &[(FailureKind::Busy, 1)]);
        }
        let decision = policy.decide(&view, &[]);
        assert_eq!(decision.verdict, Verdict::Continue);
        for (cohort, more) in view.cohorts.iter_mut().zip(spread) {
            end(cohort, 0, &[(FailureKind::Busy, more)]);
        }
        assert_eq!(policy.decide(&view, &decision.memo).verdict, Verdict::Abort);
        let fired = decision.triggers.iter().any(|trigger| {
            let cohort = &view.cohorts[trigger.cohort as usize];
            let failed: u64 = cohort.first_failures.iter().map(|f| f.count).sum();
            trigger.measure == Measure::FirstFailed && failed >= trigger.reaches
        });
        assert!(fired, "{spread:?}: {:?}", decision.triggers);
    }
}

#[test]
fn the_host_calls_when_enough_have_started() {
    let policy = open(&criterion(r#""failure":"all""#, "10", 100));
    let mut view = view(&[1_000]);
    end(&mut view.cohorts[0], 40, &[(FailureKind::Busy, 20)]);
    let decision = policy.decide(&view, &[]);
    assert_eq!(decision.verdict, Verdict::Continue);
    let started = decision
        .triggers
        .iter()
        .find(|trigger| trigger.measure == Measure::Started);
    assert_eq!(started.map(|trigger| trigger.reaches), Some(100));
}
