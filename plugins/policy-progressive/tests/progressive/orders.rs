//! A person's order to go on (`windlass advance`, GX-09).

use windlass_sdk::{Attribute, FailureKind, Policy, Verdict};

use crate::fleet::{MINUTE, codes, defer, end, open, opened, order, stumble, view};

const GATED: &str = r#"{"start_approval":"cab","abort":{"count":3},"cohorts":[
    {"name":"canary","percent":10,"success_rate":0.9,"soak":"1h","recheck":false,"approval":"qa","deadline":"1d"},
    {"name":"half","percent":50,"quorum":0.9,"soak":"1h","recheck":false},
    {"name":"all","success_rate":0.9,"on_failure":"roll-back"}]}"#;

#[test]
fn an_order_passes_all_that_stands_before_the_end_of_its_cohort() {
    let policy = open(GATED);
    let mut view = view(&policy, 100);
    let waiting = policy.decide(&view, &[]);
    assert_eq!(opened(&waiting), 0);
    order(&mut view, Some(0));
    let ordered = policy.decide(&view, &waiting.memo);
    assert_eq!(
        (opened(&ordered), ordered.verdict, codes(&ordered)),
        (2, Verdict::Continue, vec!["cohort-open", "advanced"])
    );
    assert_eq!(
        ordered.reasons[1].text,
        "grace ordered to go on past cohort `canary`"
    );
    assert_eq!(
        (ordered.reasons[1].cohort, &ordered.reasons[1].parameters),
        (Some(0), &vec![Attribute::new("actor", "grace")])
    );
    view.now += 100 * MINUTE;
    let later = policy.decide(&view, &ordered.memo);
    assert_eq!(opened(&later), 2, "the gate of the next cohort stands");
}

#[test]
fn an_order_past_all_opens_all_and_says_who() {
    let policy = open(GATED);
    let mut view = view(&policy, 100);
    order(&mut view, None);
    let ordered = policy.decide(&view, &[]);
    assert_eq!(
        (opened(&ordered), ordered.verdict, codes(&ordered)),
        (3, Verdict::Continue, vec!["advanced"])
    );
    assert_eq!(
        ordered.reasons[0].text,
        "grace ordered to go on past every gate"
    );
    // Its last gate would take the release back.
    end(&mut view.cohorts[2], 10, &[(FailureKind::Other, 2)]);
    assert_eq!(
        policy.decide(&view, &ordered.memo).verdict,
        Verdict::Continue
    );
}

#[test]
fn a_gate_that_failed_or_is_overdue_is_passed_too() {
    let policy = open(GATED);
    let mut view = view(&policy, 100);
    view.approvals.push(windlass_sdk::Approval {
        gate: "cab".to_owned(),
        actor: "ada".to_owned(),
        at: view.now,
    });
    end(&mut view.cohorts[0], 8, &[(FailureKind::Busy, 2)]);
    let failed = policy.decide(&view, &[]);
    assert_eq!(
        (failed.verdict, codes(&failed)),
        (Verdict::Hold, vec!["gate-not-met"])
    );
    order(&mut view, Some(0));
    let ordered = policy.decide(&view, &failed.memo);
    assert_eq!((opened(&ordered), ordered.verdict), (2, Verdict::Continue));
}

#[test]
fn no_order_overrides_an_abort_threshold() {
    let policy = open(GATED);
    let mut view = view(&policy, 100);
    order(&mut view, None);
    let ordered = policy.decide(&view, &[]);
    stumble(&mut view.cohorts[0], FailureKind::Corrupt, 3);
    let aborted = policy.decide(&view, &ordered.memo);
    assert_eq!(
        (opened(&aborted), aborted.verdict, codes(&aborted)),
        (0, Verdict::Abort, vec!["abort-count-reached"])
    );
    order(&mut view, None);
    assert_eq!(policy.decide(&view, &aborted.memo), aborted);
}

#[test]
fn who_opened_a_cohort_is_not_mistaken() {
    let policy =
        open(r#"{"cohorts":[{"name":"a","percent":10},{"name":"b","percent":50},{"name":"c"}]}"#);
    let mut view = view(&policy, 100);
    end(&mut view.cohorts[0], 10, &[]);
    let open = policy.decide(&view, &[]);
    assert_eq!(opened(&open), 2);
    order(&mut view, Some(0));
    defer(&mut view.cohorts[1], 40);
    assert_eq!(
        codes(&policy.decide(&view, &open.memo)),
        ["waiting-for-devices"],
        "the gate had been passed already"
    );
}
