//! What signals say of a cohort, in the sense of an Argo Rollouts analysis (design §7.11).

use windlass_sdk::{Policy, Signal, Verdict, View};

use crate::fleet::{MINUTE, START, codes, end, open, opened, order, view};

fn policy(analysis: &str) -> windlass_policy_progressive::Progressive {
    open(&format!(
        r#"{{"cohorts":[{{"name":"canary","percent":10,"soak":"1h","recheck":false,"analysis":[{{"signal":"errors","success":{{"at_most":0.02}}{analysis}}}]}},{{"name":"rest"}}]}}"#
    ))
}

/// The newest measurement, made now.
fn measure(view: &mut View, value: Option<f64>) {
    view.signals = vec![Signal {
        name: "errors".to_owned(),
        value,
        observed_at: Some(view.now),
    }];
}

/// A rollout of 100 devices, a minute old; nothing was measured.
fn begun(policy: &windlass_policy_progressive::Progressive) -> (View, Vec<u8>) {
    let mut view = view(policy, 100);
    let memo = policy.decide(&view, &[]).memo;
    view.now += MINUTE;
    (view, memo)
}

#[test]
fn a_policy_asks_for_the_signals_of_its_analyses_each_once() {
    let policy = open(
        r#"{"analysis":[{"signal":"load","success":{"at_most":4}}],"cohorts":[{"name":"a","percent":10},{"name":"b","percent":20,"analysis":[{"signal":"errors","success":{"at_most":1}},{"signal":"load","success":{"at_least":1}}]},{"name":"c","analysis":[]}]}"#,
    );
    assert_eq!(policy.signals(), ["errors", "load"]);
    assert!(open("{}").signals().is_empty());
}

/// Only what was measured after the canary ran the release says something of it.
#[test]
fn the_next_cohort_waits_for_good_measurements_made_after_the_gate() {
    let policy = policy(r#","measurements":2"#);
    let (mut view, memo) = begun(&policy);
    measure(&mut view, Some(0.01));
    let early = policy.decide(&view, &memo);
    assert_eq!((opened(&early), codes(&early)), (1, vec!["cohort-open"]));
    end(&mut view.cohorts[0], 10, &[]);
    view.now += 1;
    let met = policy.decide(&view, &early.memo);
    assert_eq!(codes(&met), ["soaking"]);

    view.now += 60 * MINUTE;
    let served = policy.decide(&view, &met.memo);
    assert_eq!(
        (opened(&served), served.verdict, codes(&served)),
        (1, Verdict::Continue, vec!["awaiting-signal"])
    );
    assert_eq!(
        served.reasons[0].text,
        "2 good measurements of the signal `errors` are waited for"
    );
    assert_eq!(served.ask_at, Some(view.now + MINUTE), "it is waited for");

    measure(&mut view, Some(0.02));
    let once = policy.decide(&view, &served.memo);
    let again = policy.decide(&view, &once.memo);
    assert_eq!(
        (opened(&again), &again.memo),
        (1, &once.memo),
        "one measurement counts once"
    );
    view.now += MINUTE;
    measure(&mut view, Some(0.0));
    let twice = policy.decide(&view, &again.memo);
    assert_eq!(opened(&twice), 2);
}

/// Argo's `failureLimit`: how many measurements may fail in all, by default none.
#[test]
fn a_failure_beyond_the_limit_acts_at_once() {
    for (action, verdict, code) in [
        ("hold", Verdict::Hold, "signal-failed"),
        ("pause", Verdict::Pause, "signal-failed"),
        ("abort", Verdict::Abort, "abort-signal-failed"),
        ("roll-back", Verdict::RollBack, "abort-signal-failed"),
    ] {
        let policy = policy(&format!(r#","failure_limit":1,"on_failure":"{action}""#));
        let (mut view, memo) = begun(&policy);
        measure(&mut view, Some(0.5));
        let one = policy.decide(&view, &memo);
        assert_eq!(
            (one.verdict, codes(&one)),
            (Verdict::Continue, vec!["signal-bad", "cohort-open"])
        );
        view.now += MINUTE;
        measure(&mut view, Some(0.01));
        let good = policy.decide(&view, &one.memo);
        assert_eq!(codes(&good), ["cohort-open"]);
        view.now += MINUTE;
        measure(&mut view, Some(0.75));
        let two = policy.decide(&view, &good.memo);
        assert_eq!((two.verdict, codes(&two)[0]), (verdict, code), "{action}");
        assert_eq!(two.ask_at, None, "a clock lifts none of them");
        // A good measurement takes no failure back.
        view.now += MINUTE;
        measure(&mut view, Some(0.0));
        let later = policy.decide(&view, &two.memo);
        assert_eq!(later.verdict, verdict, "{action}");
        assert_eq!(later.reasons, two.reasons, "{action}");
        assert_eq!(later.memo, two.memo, "{action}");
    }
}

#[test]
fn a_failure_in_the_soak_acts_at_once() {
    let policy = policy(r#","on_failure":"roll-back""#);
    let (mut view, memo) = begun(&policy);
    end(&mut view.cohorts[0], 10, &[]);
    let soaking = policy.decide(&view, &memo);
    view.now += MINUTE;
    measure(&mut view, Some(0.5));
    let failed = policy.decide(&view, &soaking.memo);
    assert_eq!(failed.verdict, Verdict::RollBack);
    assert_eq!(
        failed.reasons[0].text,
        "in cohort `canary` the signal `errors` was 0.5, and at most 0.02 is wanted"
    );
}

/// Design §7.11: missing data is inconclusive, and inconclusive holds, with a limit after which
/// a stated action follows. In a row, as Argo's `consecutiveErrorLimit`.
#[test]
fn a_missing_value_holds_and_beyond_the_limit_acts() {
    for (action, verdict, code) in [
        ("hold", Verdict::Hold, "signal-inconclusive"),
        ("pause", Verdict::Pause, "signal-inconclusive"),
        ("abort", Verdict::Abort, "abort-signal-inconclusive"),
    ] {
        let policy = policy(&format!(
            r#","inconclusive_limit":1,"on_inconclusive":"{action}""#
        ));
        let (mut view, memo) = begun(&policy);
        measure(&mut view, Some(f64::NAN));
        let one = policy.decide(&view, &memo);
        assert_eq!(
            (one.verdict, codes(&one)[0]),
            (Verdict::Hold, "signal-missing")
        );
        assert_eq!(one.ask_at, Some(view.now + MINUTE), "it may pass by itself");
        view.now += MINUTE;
        measure(&mut view, Some(0.0));
        let good = policy.decide(&view, &one.memo);
        assert_eq!(good.verdict, Verdict::Continue, "the count begins anew");
        let mut memo = good.memo;
        for _ in 0..2 {
            view.now += MINUTE;
            measure(&mut view, None);
            let held = policy.decide(&view, &memo);
            memo = held.memo;
        }
        let beyond = policy.decide(&view, &memo);
        assert_eq!((beyond.verdict, codes(&beyond)[0]), (verdict, code));
        view.now += MINUTE;
        measure(&mut view, Some(0.0));
        let back = policy.decide(&view, &memo);
        let stays = action == "abort";
        assert_eq!(back.verdict == verdict, stays, "{action}");
    }
}

/// Nothing was measured yet: that is no trouble of the signal, and opens nothing.
#[test]
fn a_signal_that_was_never_measured_neither_holds_nor_opens() {
    let policy = policy("");
    let (mut view, memo) = begun(&policy);
    view.signals = vec![Signal {
        name: "errors".to_owned(),
        value: None,
        observed_at: None,
    }];
    end(&mut view.cohorts[0], 10, &[]);
    let met = policy.decide(&view, &memo);
    assert_eq!(
        (met.verdict, codes(&met)),
        (Verdict::Continue, vec!["soaking"])
    );
    view.now += 61 * MINUTE;
    let served = policy.decide(&view, &met.memo);
    assert_eq!(
        (opened(&served), codes(&served)),
        (1, vec!["awaiting-signal"])
    );
}

/// A bad signal of the hour before says nothing of this cohort.
#[test]
fn what_was_measured_before_the_cohort_opened_does_not_count() {
    let policy = policy(r#","on_failure":"abort""#);
    let mut view = view(&policy, 100);
    view.now = START;
    measure(&mut view, Some(9.0));
    let first = policy.decide(&view, &[]);
    view.now += MINUTE;
    let second = policy.decide(&view, &first.memo);
    assert_eq!(codes(&second), ["cohort-open"]);
}

#[test]
fn an_order_passes_a_signal_that_holds_and_not_one_that_ended_the_rollout() {
    for (action, opens) in [("hold", 2), ("abort", 0)] {
        let policy = policy(&format!(r#","on_failure":"{action}""#));
        let (mut view, memo) = begun(&policy);
        end(&mut view.cohorts[0], 10, &[]);
        measure(&mut view, Some(0.5));
        let bad = policy.decide(&view, &memo);
        order(&mut view, Some(0));
        let ordered = policy.decide(&view, &bad.memo);
        assert_eq!(opened(&ordered), opens, "{action}");
    }
}

/// A signal that is well makes no decision differ from the one before, so that the log of
/// decisions does not grow with time (design §6).
#[test]
fn a_signal_that_is_well_changes_no_memo() {
    let policy = policy("");
    let (mut view, memo) = begun(&policy);
    end(&mut view.cohorts[0], 10, &[]);
    let met = policy.decide(&view, &memo);
    view.now += MINUTE;
    measure(&mut view, Some(0.01));
    let first = policy.decide(&view, &met.memo);
    for turn in 1..50_u32 {
        view.now += MINUTE;
        measure(&mut view, Some(f64::from(turn) / 10_000.0));
        let later = policy.decide(&view, &first.memo);
        assert_eq!((&later.memo, &later.reasons), (&first.memo, &first.reasons));
    }
}
