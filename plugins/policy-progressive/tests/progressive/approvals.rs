//! Consent between cohorts and before the first (GX-09, GX-14, GO-85).

use windlass_sdk::{Approval, Attribute, FailureCount, FailureKind, Policy, Verdict};

use crate::fleet::{MINUTE, START, approve, awaited, codes, defer, end, open, opened, view};

const SIGNED_OFF: &str = r#"{"cohorts":[
    {"name":"canary","percent":10,"success_rate":0.9,"soak":"1h","recheck":false,"approval":"qa"},
    {"name":"half","percent":50,"approval":true},
    {"name":"all"}]}"#;

fn consent(gate: &str, at: u64) -> Approval {
    Approval {
        gate: gate.to_owned(),
        actor: "ada".to_owned(),
        at,
    }
}

#[test]
fn after_gate_and_soak_the_next_cohort_waits_for_its_approval() {
    let policy = open(SIGNED_OFF);
    let mut view = view(&policy, 100);
    end(&mut view.cohorts[0], 10, &[]);
    let soaking = policy.decide(&view, &[]);
    assert_eq!(
        codes(&soaking),
        ["soaking"],
        "it is asked for when there is something to judge"
    );
    view.now += 60 * MINUTE;
    let asked = policy.decide(&view, &soaking.memo);
    assert_eq!(
        (opened(&asked), asked.verdict, codes(&asked)),
        (1, Verdict::Hold, vec!["awaiting-approval"])
    );
    assert_eq!(
        (asked.reasons[0].cohort, &asked.reasons[0].parameters),
        (
            Some(0),
            &vec![
                Attribute::new("cohort", "canary"),
                Attribute::new("gate", "qa")
            ]
        )
    );
    view.now += 90 * MINUTE;
    let still = policy.decide(&view, &asked.memo);
    assert_eq!(
        still,
        policy.decide(&view, &still.memo),
        "it waits without news"
    );
    view.approvals.push(consent("half", view.now));
    assert_eq!(
        opened(&policy.decide(&view, &still.memo)),
        1,
        "another gate's"
    );
    approve(&mut view, &still);
    let open = policy.decide(&view, &still.memo);
    assert_eq!((opened(&open), open.verdict), (2, Verdict::Continue));
    view.now += 1000;
    end(&mut view.cohorts[1], 40, &[]);
    let next = policy.decide(&view, &open.memo);
    assert_eq!(
        (opened(&next), awaited(&next)),
        (2, vec!["half"]),
        "the consent from before it was asked for does not count"
    );
}

/// GO-85 and GX-14: nothing of a medical fleet starts without consent.
#[test]
fn an_approval_may_be_wanted_before_anything_starts() {
    let policy = open(r#"{"start_approval":"cab","cohorts":[{"name":"all","deadline":"1h"}]}"#);
    let mut view = view(&policy, 10);
    let asked = policy.decide(&view, &[]);
    assert_eq!(
        (opened(&asked), asked.verdict, awaited(&asked)),
        (0, Verdict::Hold, vec!["cab"])
    );
    assert_eq!(asked.ceilings[0].started, 0);
    assert_eq!(asked.reasons[0].cohort, None);
    view.now += 600 * MINUTE;
    view.approvals.push(consent("cab", START));
    let begun = policy.decide(&view, &asked.memo);
    assert_eq!((opened(&begun), begun.verdict), (1, Verdict::Continue));
    assert_eq!(
        begun.ask_at,
        Some(view.now + 60 * MINUTE),
        "a cohort's deadline starts when it opens"
    );
}

#[test]
fn a_relapse_takes_back_the_question_and_the_answer() {
    let policy = open(SIGNED_OFF);
    let mut view = view(&policy, 100);
    end(&mut view.cohorts[0], 10, &[]);
    let soaking = policy.decide(&view, &[]);
    view.now += 60 * MINUTE;
    let asked = policy.decide(&view, &soaking.memo);
    approve(&mut view, &asked);
    view.now += 500;
    view.cohorts[0].states.succeeded = 8;
    view.cohorts[0].states.failed = 2;
    view.cohorts[0].failures.push(FailureCount {
        kind: FailureKind::Regressed,
        count: 2,
    });
    let relapsed = policy.decide(&view, &asked.memo);
    assert_eq!(
        (opened(&relapsed), codes(&relapsed)),
        (1, vec!["gate-not-met"])
    );
    view.cohorts[0].states.succeeded = 10;
    view.cohorts[0].states.failed = 0;
    view.cohorts[0].failures.clear();
    view.now += 500;
    let again = policy.decide(&view, &relapsed.memo);
    assert_eq!(codes(&again), ["soaking"]);
    view.now += 60 * MINUTE;
    let asked = policy.decide(&view, &again.memo);
    assert_eq!((opened(&asked), awaited(&asked)), (1, vec!["qa"]));
    approve(&mut view, &asked);
    assert_eq!(opened(&policy.decide(&view, &asked.memo)), 2);
}

#[test]
fn a_clock_that_is_set_back_shuts_out_no_consent() {
    let policy = open(r#"{"start_approval":"cab"}"#);
    let mut view = view(&policy, 10);
    let asked = policy.decide(&view, &[]);
    view.now -= 60 * MINUTE;
    let still = policy.decide(&view, &asked.memo);
    assert_eq!(awaited(&still), ["cab"]);
    approve(&mut view, &still);
    assert_eq!(opened(&policy.decide(&view, &still.memo)), 1);
}

#[test]
fn a_missed_deadline_and_an_empty_cohort_spare_nobody_the_approval() {
    let late = open(
        r#"{"cohorts":[
            {"name":"a","percent":10,"deadline":"1h","on_deadline":"pass","approval":true},
            {"name":"b"}]}"#,
    );
    let mut seen = view(&late, 100);
    defer(&mut seen.cohorts[0], 10);
    let first = late.decide(&seen, &[]);
    seen.now += 60 * MINUTE;
    let asked = late.decide(&seen, &first.memo);
    assert_eq!((opened(&asked), awaited(&asked)), (1, vec!["a"]));
    approve(&mut seen, &asked);
    assert_eq!(opened(&late.decide(&seen, &asked.memo)), 2);

    let empty = open(
        r#"{"cohorts":[{"name":"a","count":1},{"name":"b","percent":1,"approval":"sign-off"},{"name":"c"}]}"#,
    );
    let mut seen = view(&empty, 3);
    end(&mut seen.cohorts[0], 1, &[]);
    let asked = empty.decide(&seen, &[]);
    assert_eq!((opened(&asked), awaited(&asked)), (2, vec!["sign-off"]));
}
