//! When a rollout aborts (design §7.3).

use windlass_sdk::{FailureKind, Measure, Policy, Verdict};

use crate::fleet::{codes, end, open, opened, stumble, view};

#[test]
fn it_aborts_at_the_threshold_on_first_attempts_and_for_good() {
    let policy = open(r#"{"abort":{"rate":0.2,"of":"started","min_sample":5}}"#);
    let mut view = view(&policy, 100);
    end(&mut view.cohorts[0], 9, &[]);
    stumble(&mut view.cohorts[0], FailureKind::DeviceError, 2);
    let first = policy.decide(&view, &[]);
    assert_eq!(first.verdict, Verdict::Continue, "2 of 11 are below 20 %");
    stumble(&mut view.cohorts[0], FailureKind::Corrupt, 1);
    let aborted = policy.decide(&view, &first.memo);
    assert_eq!(
        (aborted.verdict, opened(&aborted), codes(&aborted)),
        (Verdict::Abort, 0, vec!["abort-rate-reached"])
    );
    assert_eq!(
        aborted.reasons[0].text,
        "in cohort `all` 3 of 12 devices failed at their first attempt (25 %), and 20 % abort"
    );
    end(&mut view.cohorts[0], 80, &[]);
    let later = policy.decide(&view, &aborted.memo);
    assert_eq!(
        (later.verdict, later.reasons, later.memo),
        (Verdict::Abort, aborted.reasons, aborted.memo)
    );
}

#[test]
fn a_rate_exactly_at_the_threshold_fires() {
    let policy = open(r#"{"abort":{"rate":0.2,"min_sample":5}}"#);
    let mut view = view(&policy, 100);
    end(&mut view.cohorts[0], 4, &[(FailureKind::Other, 1)]);
    assert_eq!(policy.decide(&view, &[]).verdict, Verdict::Abort);
}

#[test]
fn the_network_counts_on_request_and_the_engine_never() {
    for (settings, kind, verdict) in [
        (
            r#"{"abort":{"count":1}}"#,
            FailureKind::TimedOut,
            Verdict::Continue,
        ),
        (
            r#"{"abort":{"count":1,"count_network":true}}"#,
            FailureKind::TimedOut,
            Verdict::Abort,
        ),
        (
            r#"{"abort":{"count":1,"count_network":true}}"#,
            FailureKind::Plugin,
            Verdict::Continue,
        ),
        (
            r#"{"abort":{"count":1,"count_network":true}}"#,
            FailureKind::Shutdown,
            Verdict::Continue,
        ),
        (
            r#"{"abort":{"count":1}}"#,
            FailureKind::Silent,
            Verdict::Abort,
        ),
    ] {
        let policy = open(settings);
        let mut view = view(&policy, 10);
        stumble(&mut view.cohorts[0], kind, 2);
        assert_eq!(
            policy.decide(&view, &[]).verdict,
            verdict,
            "{settings} {kind:?}"
        );
    }
}

#[test]
fn the_denominator_is_a_setting() {
    for (of, verdict) in [
        ("started", Verdict::Continue),
        ("ended", Verdict::Abort),
        ("cohort", Verdict::Continue),
    ] {
        let policy = open(&format!(
            r#"{{"abort":{{"rate":0.5,"of":"{of}","min_sample":2}}}}"#
        ));
        let mut view = view(&policy, 100);
        end(&mut view.cohorts[0], 2, &[]);
        stumble(&mut view.cohorts[0], FailureKind::Corrupt, 2);
        view.cohorts[0].states.pending -= 6;
        view.cohorts[0].states.transferring += 6;
        view.cohorts[0].started += 6;
        assert_eq!(policy.decide(&view, &[]).verdict, verdict, "{of}");
    }
}

#[test]
fn a_late_failure_of_an_earlier_cohort_still_aborts() {
    let policy = open(
        r#"{"cohorts":[{"name":"a","percent":50,"quorum":0.5},{"name":"b"}],"abort":{"count":2}}"#,
    );
    let mut view = view(&policy, 10);
    end(&mut view.cohorts[0], 3, &[]);
    let open = policy.decide(&view, &[]);
    assert_eq!(opened(&open), 2);
    stumble(&mut view.cohorts[0], FailureKind::Corrupt, 2);
    assert_eq!(policy.decide(&view, &open.memo).verdict, Verdict::Abort);
}

#[test]
fn a_small_sample_is_not_judged_and_the_host_calls_when_it_is_large_enough() {
    let policy = open(r#"{"abort":{"rate":0.1,"min_sample":20}}"#);
    let mut view = view(&policy, 100);
    stumble(&mut view.cohorts[0], FailureKind::Corrupt, 3);
    let decision = policy.decide(&view, &[]);
    assert_eq!(decision.verdict, Verdict::Continue);
    assert!(
        decision
            .triggers
            .iter()
            .any(|t| (t.measure, t.reaches) == (Measure::Started, 20)),
        "{:?}",
        decision.triggers
    );
    end(&mut view.cohorts[0], 17, &[]);
    assert_eq!(policy.decide(&view, &decision.memo).verdict, Verdict::Abort);
}

/// GX-09.
#[test]
fn a_threshold_may_take_the_release_back() {
    let policy = open(r#"{"abort":{"count":2,"action":"roll-back"}}"#);
    let mut view = view(&policy, 10);
    stumble(&mut view.cohorts[0], FailureKind::DeviceError, 2);
    let over = policy.decide(&view, &[]);
    assert_eq!(
        (over.verdict, opened(&over), codes(&over)),
        (Verdict::RollBack, 0, vec!["abort-count-reached"])
    );
    view.cohorts[0].first_failures.clear();
    assert_eq!(
        policy.decide(&view, &over.memo),
        over,
        "nothing takes it back"
    );
}

#[test]
fn of_two_ends_the_more_severe_is_taken() {
    let policy = open(
        r#"{"abort":{"count":1},"cohorts":[
            {"name":"a","percent":50,"success_rate":0.9,"on_failure":"roll-back"},
            {"name":"b","abort":{"count":1,"action":"roll-back"}}]}"#,
    );
    let mut gate = view(&policy, 100);
    end(&mut gate.cohorts[0], 40, &[(FailureKind::Other, 10)]);
    let over = policy.decide(&gate, &[]);
    assert_eq!(
        (over.verdict, codes(&over)),
        (Verdict::RollBack, vec!["abort-gate-not-met"])
    );

    let mut late = view(&policy, 100);
    end(&mut late.cohorts[0], 50, &[]);
    let both = policy.decide(&late, &[]);
    stumble(&mut late.cohorts[1], FailureKind::Other, 1);
    late.cohorts[0].first_failures = late.cohorts[1].first_failures.clone();
    let over = policy.decide(&late, &both.memo);
    assert_eq!(
        (over.verdict, over.reasons[0].cohort),
        (Verdict::RollBack, Some(1))
    );
}

/// Design §7.3.
#[test]
fn the_kinds_that_count_can_be_named() {
    for (kinds, counted) in [
        (r#"["silent"]"#, vec![FailureKind::Silent]),
        (
            r#"["network","rejected"]"#,
            vec![
                FailureKind::Unreachable,
                FailureKind::TimedOut,
                FailureKind::Interrupted,
                FailureKind::Rejected,
            ],
        ),
    ] {
        let policy = open(&format!(r#"{{"abort":{{"count":1,"kinds":{kinds}}}}}"#));
        for kind in [
            FailureKind::Silent,
            FailureKind::Rejected,
            FailureKind::Corrupt,
            FailureKind::Unreachable,
            FailureKind::TimedOut,
            FailureKind::Interrupted,
            FailureKind::Plugin,
        ] {
            let mut view = view(&policy, 10);
            stumble(&mut view.cohorts[0], kind, 1);
            let aborts = policy.decide(&view, &[]).verdict == Verdict::Abort;
            assert_eq!(aborts, counted.contains(&kind), "{kinds} {kind:?}");
        }
    }
}
