//! Memos of former versions.

use windlass_sdk::{FailureKind, Policy, Verdict};

use crate::fleet::{MINUTE, START, codes, end, open, opened, view};

const TWO: &str = r#"{"start_approval":"cab","cohorts":[{"name":"a","percent":10,"soak":"1h","recheck":false},{"name":"b"}]}"#;

#[test]
fn a_rollout_of_the_first_version_goes_on_where_it_was() {
    let policy = open(TWO);
    let mut view = view(&policy, 100);
    end(&mut view.cohorts[0], 10, &[]);
    let soaking = format!(r#"{{"v":1,"opened":[{{"at":{START},"met":{START}}}],"aborted":null}}"#);
    view.now = START + 60 * MINUTE - 1;
    let early = policy.decide(&view, soaking.as_bytes());
    assert_eq!(
        (opened(&early), codes(&early)),
        (1, vec!["soaking"]),
        "what has begun waits for no approval of its start"
    );
    view.now += 1;
    assert_eq!(opened(&policy.decide(&view, soaking.as_bytes())), 2);
    assert_eq!(
        policy
            .migrate("policy-progressive", soaking.as_bytes())
            .map(|memo| opened(&policy.decide(&view, &memo))),
        Ok(2)
    );
}

#[test]
fn an_abort_of_the_first_version_stays() {
    let policy = open(TWO);
    let aborted = format!(
        r#"{{"v":1,"opened":[{{"at":{START},"met":null}}],"aborted":{{"cohort":0,"at":{START},"cause":{{"count":{{"failed":3,"allowed":2}}}}}}}}"#
    );
    let decision = policy.decide(&view(&policy, 100), aborted.as_bytes());
    assert_eq!(
        (decision.verdict, codes(&decision)),
        (Verdict::Abort, vec!["abort-count-reached"])
    );
}

#[test]
fn every_cause_survives_its_memo() {
    let rolled_back = open(
        r#"{"cohorts":[{"name":"a","percent":10,"success_rate":0.9,"on_failure":"roll-back"},{"name":"b"}]}"#,
    );
    let mut view = view(&rolled_back, 100);
    end(&mut view.cohorts[0], 0, &[(FailureKind::Other, 2)]);
    let first = rolled_back.decide(&view, &[]);
    assert_eq!(first.verdict, Verdict::RollBack);
    assert_eq!(rolled_back.decide(&view, &first.memo), first);
}

#[test]
fn a_memo_that_is_not_its_own_holds_and_is_left_alone() {
    let policy = open("{}");
    let decision = policy.decide(&view(&policy, 10), b"{\"v\":99}");
    assert_eq!(
        (decision.verdict, codes(&decision), opened(&decision)),
        (Verdict::Hold, vec!["memo-unreadable"], 0)
    );
    assert_eq!(decision.memo, b"{\"v\":99}");
    assert!(policy.migrate("other", b"{\"v\":99}").is_err());
    let own = policy.decide(&view(&policy, 10), &[]).memo;
    assert_eq!(policy.migrate("other", &own), Ok(own.clone()));
}
