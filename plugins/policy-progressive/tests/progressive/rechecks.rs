//! Verifying again before a soak is taken as served (design §7.12).

use windlass_sdk::{FailureKind, Policy, Verdict, View};

use crate::fleet::{
    MINUTE, answer, codes, end, open, opened, order, regress, round, try_open, view,
};
use windlass_policy_progressive::Progressive;

const CANARY: &str = r#"{"cohorts":[
    {"name":"canary","count":20,"success_rate":0.9,"soak":"1h"},{"name":"all"}]}"#;

/// The canary has ended well and its soak is over.
fn soaked(policy: &Progressive) -> (View, Vec<u8>) {
    let mut view = view(policy, 100);
    let first = policy.decide(&view, &[]);
    end(&mut view.cohorts[0], 20, &[]);
    let soaking = policy.decide(&view, &first.memo);
    assert_eq!(codes(&soaking), ["soaking"]);
    assert!(soaking.rechecks.is_empty());
    view.now += 60 * MINUTE;
    (view, soaking.memo)
}

#[test]
fn a_soak_ends_when_its_devices_were_verified_again() {
    let policy = open(CANARY);
    let (mut view, memo) = soaked(&policy);
    let asked = policy.decide(&view, &memo);
    assert_eq!((opened(&asked), codes(&asked)), (1, vec!["rechecking"]));
    let wish = &asked.rechecks[0];
    assert_eq!((wish.cohort, wish.since), (0, view.now));
    // The wish stands as it is: no second round follows from it.
    view.now += MINUTE;
    let again = policy.decide(&view, &asked.memo);
    assert_eq!(again.rechecks, asked.rechecks);
    let since = asked.rechecks[0].since;
    view.cohorts[0].recheck = Some(windlass_sdk::Recheck {
        ended: None,
        ..round(since, 12, 0, 3)
    });
    let half = policy.decide(&view, &again.memo);
    assert_eq!((opened(&half), &half.reasons), (1, &asked.reasons));
    view.cohorts[0].recheck = Some(round(since, 17, 0, 3));
    let over = policy.decide(&view, &half.memo);
    assert_eq!(
        (opened(&over), codes(&over), over.rechecks.len()),
        (2, vec!["cohort-open", "rechecked"], 0)
    );
    assert_eq!(
        over.reasons[1].text,
        "17 of 20 devices of cohort `canary` run the release still, 3 did not say"
    );
}

/// A round of before the soak ended says nothing of its end.
#[test]
fn an_older_round_does_not_count() {
    let policy = open(CANARY);
    let (mut view, memo) = soaked(&policy);
    view.cohorts[0].recheck = Some(round(view.now - 1, 20, 0, 0));
    assert_eq!(codes(&policy.decide(&view, &memo)), ["rechecking"]);
}

#[test]
fn devices_that_fell_back_close_the_gate_and_start_the_soak_anew() {
    let policy = open(CANARY);
    let (mut view, memo) = soaked(&policy);
    let asked = policy.decide(&view, &memo);
    regress(&mut view.cohorts[0], 3);
    view.cohorts[0].recheck = Some(round(asked.rechecks[0].since, 17, 3, 0));
    let held = policy.decide(&view, &asked.memo);
    assert_eq!((opened(&held), held.verdict), (1, Verdict::Hold));
    assert_eq!(codes(&held), ["gate-not-met"]);
    // They were repaired in some way; what was found before counts for nothing.
    view.cohorts[0].states.succeeded += 2;
    view.cohorts[0].states.failed -= 2;
    view.cohorts[0].failures[0].count -= 2;
    let soaking = policy.decide(&view, &held.memo);
    assert_eq!(codes(&soaking), ["soaking"]);
    view.now += 60 * MINUTE;
    let again = policy.decide(&view, &soaking.memo);
    assert_eq!(codes(&again), ["rechecking"]);
    assert_eq!(again.rechecks[0].since, view.now);
}

/// Design §7.3: they count to the abort threshold, as if their first attempts had failed.
#[test]
fn devices_that_fell_back_count_to_the_abort_threshold() {
    let settings = CANARY.replace(r#"{"cohorts""#, r#"{"abort":{"count":2},"cohorts""#);
    let policy = open(&settings);
    let (mut view, memo) = soaked(&policy);
    let asked = policy.decide(&view, &memo);
    regress(&mut view.cohorts[0], 2);
    assert_eq!(policy.decide(&view, &asked.memo).verdict, Verdict::Abort);
}

#[test]
fn too_few_that_say_so_are_asked_again() {
    let settings = CANARY.replace(r#""soak""#, r#""max_unconfirmed":0.1,"soak""#);
    let policy = open(&settings);
    let (mut view, memo) = soaked(&policy);
    let asked = policy.decide(&view, &memo);
    let since = asked.rechecks[0].since;
    view.cohorts[0].recheck = Some(round(since, 17, 0, 3));
    let few = policy.decide(&view, &asked.memo);
    assert_eq!(
        (opened(&few), codes(&few)),
        (1, vec!["recheck-inconclusive", "rechecked"])
    );
    assert_eq!(few.rechecks, asked.rechecks);
    view.now = few.ask_at.expect("it waits for an instant");
    assert_eq!(view.now, since + 10 * MINUTE);
    let again = policy.decide(&view, &few.memo);
    assert_eq!(again.rechecks[0].since, view.now);
    // Devices that were reached and fell back are not unconfirmed.
    view.cohorts[0].recheck = Some(round(view.now, 17, 1, 2));
    assert_eq!(opened(&policy.decide(&view, &again.memo)), 2);
}

/// A person may know better.
#[test]
fn an_order_passes_what_is_waited_for() {
    let policy = open(CANARY);
    let (mut view, memo) = soaked(&policy);
    let asked = policy.decide(&view, &memo);
    order(&mut view, Some(0));
    let passed = policy.decide(&view, &asked.memo);
    assert_eq!((opened(&passed), passed.rechecks.len()), (2, 0));
}

/// Only a soak asks by itself; what is asked for comes before the approval.
#[test]
fn it_is_wished_for_or_not() {
    for (settings, asks) in [
        (r#""soak":"0s""#, false),
        (r#""quorum":1.0"#, false),
        (r#""recheck":true"#, true),
        (r#""recheck":true,"approval":true"#, true),
        (r#""soak":"1h","recheck":false"#, false),
    ] {
        let policy = open(&format!(
            r#"{{"cohorts":[{{"name":"canary","count":5,{settings}}},{{"name":"all"}}]}}"#
        ));
        let mut view = view(&policy, 10);
        end(&mut view.cohorts[0], 4, &[(FailureKind::Corrupt, 1)]);
        let met = policy.decide(&view, &[]);
        assert_eq!(met.rechecks.len(), usize::from(asks), "{settings}");
        if asks {
            assert!(answer(&mut view, &met));
            let answered = policy.decide(&view, &met.memo);
            assert!(codes(&answered).contains(&"rechecked"), "{settings}");
        }
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let problems = |cohorts: &str| -> Vec<String> {
        let settings = format!(r#"{{"cohorts":[{cohorts}]}}"#);
        let problems = try_open(&settings).err().expect("refused");
        let told = |problem: &windlass_sdk::Problem| format!("{problem:?}");
        problems.iter().map(told).collect()
    };
    let last = problems(r#"{"name":"all","recheck":true}"#);
    assert!(
        last[0].contains("no cohort comes after the last one"),
        "{last:?}"
    );
    let needless = problems(r#"{"name":"a","count":1,"max_unconfirmed":0.5},{"name":"all"}"#);
    assert!(
        needless[0].contains("max_unconfirmed is about"),
        "{needless:?}"
    );
    let percent =
        problems(r#"{"name":"a","count":1,"recheck":true,"max_unconfirmed":10},{"name":"all"}"#);
    assert!(percent[0].contains("between 0 and 1"), "{percent:?}");
}
