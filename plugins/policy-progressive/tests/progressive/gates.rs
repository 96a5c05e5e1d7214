//! When the next cohort opens (design §7.3 and §7.7).

use windlass_sdk::{Attribute, FailureKind, Measure, Policy, Value, Verdict};

use crate::fleet::{MINUTE, START, codes, defer, end, open, opened, stumble, view};

const CANARY: &str =
    r#"{"cohorts":[{"name":"canary","percent":10,"success_rate":0.9},{"name":"all"}]}"#;

#[test]
fn a_cohort_opens_when_the_one_before_it_has_ended_well() {
    let policy = open(CANARY);
    let mut view = view(&policy, 100);
    let first = policy.decide(&view, &[]);
    assert_eq!(
        (opened(&first), first.verdict, first.ceilings[0].started),
        (1, Verdict::Continue, 10)
    );
    end(&mut view.cohorts[0], 8, &[]);
    let working = policy.decide(&view, &first.memo);
    assert_eq!(
        (opened(&working), codes(&working)),
        (1, vec!["cohort-open"])
    );
    end(&mut view.cohorts[0], 1, &[(FailureKind::Corrupt, 1)]);
    let met = policy.decide(&view, &working.memo);
    assert_eq!((opened(&met), met.verdict), (2, Verdict::Continue));
    // What has opened stays open, even if a device falls back afterwards.
    view.cohorts[0].states.succeeded -= 1;
    view.cohorts[0].states.failed += 1;
    view.cohorts[0].failures.push(windlass_sdk::FailureCount {
        kind: FailureKind::Regressed,
        count: 1,
    });
    assert_eq!(opened(&policy.decide(&view, &met.memo)), 2);
}

/// GO-109.
#[test]
fn a_gate_that_is_not_met_holds_and_says_what_was_measured() {
    let policy = open(CANARY);
    let mut view = view(&policy, 100);
    end(
        &mut view.cohorts[0],
        5,
        &[(FailureKind::DeviceError, 3), (FailureKind::TimedOut, 2)],
    );
    let held = policy.decide(&view, &[]);
    assert_eq!(
        (opened(&held), held.verdict, codes(&held)),
        (1, Verdict::Hold, vec!["gate-not-met"])
    );
    let reason = &held.reasons[0];
    assert_eq!(
        reason.text,
        "of cohort `canary` 5 of 10 devices succeeded (50 %), and 90 % are wanted"
    );
    assert_eq!(
        reason.parameters,
        [
            Attribute::new("ended", 10_i64),
            Attribute::new("judged", 10_i64),
            Attribute::new("measured", Value::Real(0.5)),
            Attribute::new("required", Value::Real(0.9)),
            Attribute::new("succeeded", 5_i64),
        ]
    );
}

#[test]
fn what_the_engine_or_a_person_did_says_nothing_about_the_release() {
    let policy = open(CANARY);
    let mut view = view(&policy, 100);
    end(
        &mut view.cohorts[0],
        2,
        &[(FailureKind::Plugin, 3), (FailureKind::Source, 4)],
    );
    view.cohorts[0].states.pending -= 1;
    view.cohorts[0].states.skipped += 1;
    view.cohorts[0].ended += 1;
    assert_eq!(opened(&policy.decide(&view, &[])), 2);
}

#[test]
fn nothing_judged_is_inconclusive_and_holds() {
    let policy = open(CANARY);
    let mut view = view(&policy, 100);
    view.cohorts[0].states.pending = 0;
    view.cohorts[0].states.skipped = 10;
    view.cohorts[0].ended = 10;
    let held = policy.decide(&view, &[]);
    assert_eq!(
        (held.verdict, codes(&held)),
        (Verdict::Hold, vec!["gate-inconclusive"])
    );
}

#[test]
fn a_sample_larger_than_the_cohort_asks_for_all_of_it() {
    let policy = open(
        r#"{"cohorts":[{"name":"a","percent":1,"success_rate":0.5,"min_sample":50},{"name":"b"}]}"#,
    );
    let mut view = view(&policy, 100);
    end(&mut view.cohorts[0], 1, &[]);
    assert_eq!(opened(&policy.decide(&view, &[])), 2);
}

#[test]
fn deferred_devices_do_not_block_but_nobody_passes_untested() {
    let policy = open(CANARY);
    let mut view = view(&policy, 100);
    defer(&mut view.cohorts[0], 9);
    let first = policy.decide(&view, &[]);
    assert_eq!(opened(&first), 1);
    defer(&mut view.cohorts[0], 1);
    let waiting = policy.decide(&view, &first.memo);
    assert_eq!(
        (opened(&waiting), waiting.verdict, codes(&waiting)),
        (1, Verdict::Continue, vec!["waiting-for-devices"])
    );
    view.cohorts[0].states.deferred -= 1;
    view.cohorts[0].states.pending += 1;
    end(&mut view.cohorts[0], 1, &[]);
    assert_eq!(opened(&policy.decide(&view, &waiting.memo)), 2);
}

#[test]
fn a_quorum_is_enough_and_is_needed() {
    let policy = open(r#"{"cohorts":[{"name":"a","percent":10,"quorum":0.8},{"name":"b"}]}"#);
    let mut view = view(&policy, 100);
    end(&mut view.cohorts[0], 7, &[]);
    defer(&mut view.cohorts[0], 3);
    assert_eq!(opened(&policy.decide(&view, &[])), 1, "7 of 10 are no 80 %");
    view.cohorts[0].states.deferred -= 3;
    view.cohorts[0].states.pending += 3;
    end(&mut view.cohorts[0], 1, &[]);
    stumble(&mut view.cohorts[0], FailureKind::Busy, 2);
    assert_eq!(
        opened(&policy.decide(&view, &[])),
        2,
        "8 of 10 are, whatever the others do"
    );
}

#[test]
fn a_soak_starts_at_the_gate_stands_still_in_a_pause_and_starts_anew_after_a_relapse() {
    let policy = open(
        r#"{"cohorts":[{"name":"a","percent":10,"success_rate":0.9,"soak":"10m","recheck":false},{"name":"b"}]}"#,
    );
    let mut view = view(&policy, 100);
    end(&mut view.cohorts[0], 10, &[]);
    let mut decision = policy.decide(&view, &[]);
    assert_eq!((opened(&decision), codes(&decision)), (1, vec!["soaking"]));
    view.now = START + 9 * MINUTE + 50_000;
    decision = policy.decide(&view, &decision.memo);
    assert_eq!(
        (opened(&decision), decision.ask_at),
        (1, Some(START + 10 * MINUTE))
    );
    view.paused_for = MINUTE;
    view.now = START + 10 * MINUTE;
    decision = policy.decide(&view, &decision.memo);
    assert_eq!(opened(&decision), 1, "a minute of it was a pause");
    view.cohorts[0].states.succeeded = 8;
    view.cohorts[0].states.failed = 2;
    view.cohorts[0].failures.push(windlass_sdk::FailureCount {
        kind: FailureKind::Regressed,
        count: 2,
    });
    decision = policy.decide(&view, &decision.memo);
    assert_eq!(
        (decision.verdict, codes(&decision)),
        (Verdict::Hold, vec!["gate-not-met"])
    );
    view.cohorts[0].states.succeeded = 10;
    view.cohorts[0].states.failed = 0;
    view.cohorts[0].failures.clear();
    decision = policy.decide(&view, &decision.memo);
    view.now = START + 20 * MINUTE - 1;
    decision = policy.decide(&view, &decision.memo);
    assert_eq!(opened(&decision), 1);
    view.now += 1;
    assert_eq!(opened(&policy.decide(&view, &decision.memo)), 2);
}

#[test]
fn a_missed_deadline_holds_passes_or_aborts() {
    for (on_deadline, verdict, cohorts, code) in [
        ("hold", Verdict::Continue, 1, "deadline-passed"),
        ("pass", Verdict::Continue, 2, "cohort-open"),
        ("abort", Verdict::Abort, 0, "abort-deadline-passed"),
    ] {
        let policy = open(&format!(
            r#"{{"cohorts":[{{"name":"a","percent":10,"deadline":"1h","on_deadline":"{on_deadline}"}},{{"name":"b"}}]}}"#
        ));
        let mut view = view(&policy, 100);
        defer(&mut view.cohorts[0], 10);
        let first = policy.decide(&view, &[]);
        view.now = START + 60 * MINUTE - 10_000;
        let before = policy.decide(&view, &first.memo);
        assert_eq!(
            (opened(&before), before.ask_at),
            (1, Some(START + 60 * MINUTE))
        );
        view.now = START + 60 * MINUTE;
        let after = policy.decide(&view, &before.memo);
        assert_eq!(
            (after.verdict, opened(&after), codes(&after)[0]),
            (verdict, cohorts, code)
        );
    }
}

/// A device that fails at the deadline must not spare its cohort the soak.
#[test]
fn a_deadline_that_lets_pass_leaves_the_soak_to_be_served() {
    let policy = open(
        r#"{"cohorts":[{"name":"a","percent":10,"success_rate":0.64,"quorum":0.01,"soak":"10m","recheck":false,"deadline":"1h","on_deadline":"pass"},{"name":"b"}]}"#,
    );
    let mut late = view(&policy, 100);
    let first = policy.decide(&late, &[]);
    late.now += 60 * MINUTE;
    let mut met = late.clone();
    end(&mut met.cohorts[0], 3, &[(FailureKind::Corrupt, 1)]);
    end(&mut late.cohorts[0], 2, &[(FailureKind::Corrupt, 2)]);
    let until = Some(START + 70 * MINUTE);
    for (mut view, said) in [
        (met, vec!["soaking"]),
        (late, vec!["deadline-passed", "soaking"]),
    ] {
        let soaking = policy.decide(&view, &first.memo);
        assert_eq!(
            (opened(&soaking), codes(&soaking), soaking.ask_at),
            (1, said, until)
        );
        view.now += 10 * MINUTE;
        assert_eq!(opened(&policy.decide(&view, &soaking.memo)), 2);
    }
}

#[test]
fn the_host_is_asked_to_call_when_the_gate_could_be_met() {
    let policy = open(CANARY);
    let mut view = view(&policy, 100);
    let triggers = |decision: &windlass_sdk::Decision| -> Vec<(Measure, u64)> {
        decision
            .triggers
            .iter()
            .map(|trigger| (trigger.measure, trigger.reaches))
            .collect()
    };
    assert_eq!(triggers(&policy.decide(&view, &[])), [(Measure::Ended, 10)]);
    end(&mut view.cohorts[0], 4, &[(FailureKind::Corrupt, 1)]);
    assert_eq!(
        triggers(&policy.decide(&view, &[])),
        [(Measure::Ended, 10), (Measure::Succeeded, 9)]
    );
}

#[test]
fn a_gate_counts_the_kinds_it_names() {
    for (kinds, opened_by) in [
        ("", 1),
        (r#","kinds":["device"]"#, 2),
        (r#","kinds":["device","timed-out"]"#, 1),
    ] {
        let policy = open(&format!(
            r#"{{"cohorts":[{{"name":"a","percent":10,"success_rate":0.9{kinds}}},{{"name":"b"}}]}}"#
        ));
        let mut view = view(&policy, 100);
        end(&mut view.cohorts[0], 8, &[(FailureKind::TimedOut, 2)]);
        assert_eq!(opened(&policy.decide(&view, &[])), opened_by, "{kinds}");
    }
    let silent = open(
        r#"{"cohorts":[{"name":"a","percent":10,"success_rate":0.9,"kinds":["device"]},{"name":"b"}]}"#,
    );
    let mut view = view(&silent, 100);
    end(&mut view.cohorts[0], 8, &[(FailureKind::Silent, 2)]);
    assert_eq!(
        opened(&silent.decide(&view, &[])),
        1,
        "silence is a device's doing"
    );
}

/// GX-09: what a missed gate leads to, and when.
#[test]
fn a_gate_out_of_reach_holds_pauses_aborts_or_rolls_back() {
    for (on_failure, early, at_the_end, code) in [
        ("hold", Verdict::Continue, Verdict::Hold, "gate-not-met"),
        ("pause", Verdict::Pause, Verdict::Pause, "gate-not-met"),
        (
            "abort",
            Verdict::Abort,
            Verdict::Abort,
            "abort-gate-not-met",
        ),
        (
            "roll-back",
            Verdict::RollBack,
            Verdict::RollBack,
            "abort-gate-not-met",
        ),
    ] {
        let policy = open(&format!(
            r#"{{"cohorts":[{{"name":"a","percent":10,"success_rate":0.9,"on_failure":"{on_failure}"}},{{"name":"b"}}]}}"#
        ));
        let mut view = view(&policy, 100);
        end(&mut view.cohorts[0], 3, &[(FailureKind::Busy, 1)]);
        let working = policy.decide(&view, &[]);
        assert_eq!(working.verdict, Verdict::Continue, "9 of 10 are in reach");
        let called = working
            .triggers
            .iter()
            .any(|trigger| (trigger.measure, trigger.reaches) == (Measure::Failed, 2));
        assert_eq!(called, on_failure != "hold", "{on_failure}");
        end(&mut view.cohorts[0], 0, &[(FailureKind::Other, 1)]);
        let failing = policy.decide(&view, &working.memo);
        assert_eq!(failing.verdict, early, "{on_failure}");
        end(&mut view.cohorts[0], 5, &[]);
        let ended = policy.decide(&view, &failing.memo);
        assert_eq!(
            (ended.verdict, codes(&ended)),
            (at_the_end, vec![code]),
            "{on_failure}"
        );
    }
}

#[test]
fn a_last_cohort_too_may_be_taken_back() {
    let policy =
        open(r#"{"cohorts":[{"name":"all","success_rate":0.85,"on_failure":"roll-back"}]}"#);
    let mut view = view(&policy, 100);
    end(&mut view.cohorts[0], 60, &[(FailureKind::Corrupt, 15)]);
    let working = policy.decide(&view, &[]);
    assert_eq!(working.verdict, Verdict::Continue);
    end(&mut view.cohorts[0], 0, &[(FailureKind::Corrupt, 1)]);
    let failed = policy.decide(&view, &working.memo);
    assert_eq!(failed.verdict, Verdict::RollBack);
    assert_eq!(
        failed.reasons[0].text,
        "of cohort `all` 60 of 76 devices succeeded (78.9 %), and 85 % can no longer be reached"
    );
}

#[test]
fn a_cohort_of_nobody_is_passed_at_once() {
    let policy = open(
        r#"{"cohorts":[{"name":"a","percent":10,"soak":"1d","recheck":false},{"name":"b","percent":20,"soak":"1d","recheck":false,"quorum":1},{"name":"c"}]}"#,
    );
    let mut view = view(&policy, 1);
    end(&mut view.cohorts[0], 1, &[]);
    let soaking = policy.decide(&view, &[]);
    assert_eq!(opened(&soaking), 1);
    view.now += 24 * 60 * MINUTE;
    assert_eq!(opened(&policy.decide(&view, &soaking.memo)), 3);
}

/// Design §7.7: a quorum that is met leaves nothing to a deadline, and those who come later
/// count all the same.
#[test]
fn quorum_and_deadline_together() {
    let policy = open(
        r#"{"abort":{"count":2},"cohorts":[
            {"name":"a","percent":10,"success_rate":0.5,"quorum":0.5,"deadline":"1h","on_deadline":"abort"},
            {"name":"b"}]}"#,
    );
    let mut view = view(&policy, 100);
    defer(&mut view.cohorts[0], 5);
    end(&mut view.cohorts[0], 5, &[]);
    let open = policy.decide(&view, &[]);
    view.now += 120 * MINUTE;
    let later = policy.decide(&view, &open.memo);
    assert_eq!((opened(&later), later.verdict), (2, Verdict::Continue));
    view.cohorts[0].states.deferred -= 2;
    view.cohorts[0].states.pending += 2;
    end(&mut view.cohorts[0], 0, &[(FailureKind::Silent, 2)]);
    assert_eq!(policy.decide(&view, &later.memo).verdict, Verdict::Abort);
}
