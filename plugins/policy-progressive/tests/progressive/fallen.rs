//! What an abort says of devices that fell back (design §7.12), natively and by the component.

use windlass_sdk::{Decision, FailureKind, Policy, Value};

use super::fleet::{codes, end, open, regress, stumble, view};

/// What follows when of 20 devices so many failed at first, and so many fell back later.
fn decided(abort: &str, at_first: u64, later: u64) -> Decision {
    let policy = open(&format!(
        r#"{{"abort":{abort},"cohorts":[{{"name":"canary","count":20}},{{"name":"all"}}]}}"#
    ));
    let mut view = view(&policy, 100);
    let canary = &mut view.cohorts[0];
    end(canary, 20 - at_first, &[]);
    stumble(canary, FailureKind::Corrupt, at_first);
    regress(canary, later);
    policy.decide(&view, &[])
}

/// A share and a number of devices, and what is said of them.
#[test]
fn who_failed_at_first_and_who_fell_back_are_told_apart() {
    for (at_first, later, of_rate, of_count) in [
        (
            5,
            0,
            "in cohort `canary` 5 of 20 devices failed at their first attempt (25 %), and 20 % abort",
            "in cohort `canary` 5 devices failed at their first attempt, and 1 abort",
        ),
        (
            3,
            2,
            "in cohort `canary` 3 of 20 devices failed at their first attempt and 2 fell back later (25 %), and 20 % abort",
            "in cohort `canary` 3 devices failed at their first attempt and 2 fell back later, and 1 abort",
        ),
        (
            0,
            5,
            "in cohort `canary` 5 of 20 devices fell back from the release (25 %), and 20 % abort",
            "in cohort `canary` 5 devices fell back from the release, and 1 abort",
        ),
    ] {
        let by_rate = decided(r#"{"rate":0.2}"#, at_first, later);
        assert_eq!(codes(&by_rate), ["abort-rate-reached"]);
        assert_eq!(by_rate.reasons[0].text, of_rate);
        let by_count = decided(r#"{"count":1}"#, at_first, later);
        assert_eq!(codes(&by_count), ["abort-count-reached"]);
        assert_eq!(by_count.reasons[0].text, of_count);
    }
}

#[test]
fn one_device_is_one() {
    let text = |at_first, later| {
        decided(r#"{"count":1}"#, at_first, later).reasons[0]
            .text
            .clone()
    };
    assert_eq!(
        [text(0, 1), text(1, 0)],
        [
            "in cohort `canary` 1 device fell back from the release, and 1 abort",
            "in cohort `canary` 1 device failed at its first attempt, and 1 abort",
        ]
    );
}

/// Programs find all of them where they always did, and beside them those that fell back.
#[test]
fn parameters_count_all_and_those_that_fell_back() {
    let parameter = |decision: &Decision, name: &str| {
        let parameters = &decision.reasons[0].parameters;
        assert!(parameters.is_sorted_by_key(|named| named.name.clone()));
        let named = parameters.iter().find(|named| named.name == name);
        named.map(|named| named.value.clone())
    };
    for abort in [r#"{"rate":0.2}"#, r#"{"count":1}"#] {
        let some = decided(abort, 3, 2);
        assert_eq!(parameter(&some, "failed"), Some(Value::Integer(5)));
        assert_eq!(parameter(&some, "fell_back"), Some(Value::Integer(2)));
        let none = decided(abort, 5, 0);
        assert_eq!(parameter(&none, "failed"), Some(Value::Integer(5)));
        assert_eq!(parameter(&none, "fell_back"), None);
    }
}

/// The numbers are those of the moment, whatever is counted later.
#[test]
fn what_was_said_stays() {
    let policy = open(r#"{"abort":{"count":2}}"#);
    let mut view = view(&policy, 10);
    end(&mut view.cohorts[0], 10, &[]);
    regress(&mut view.cohorts[0], 2);
    let first = policy.decide(&view, &[]);
    regress(&mut view.cohorts[0], 3);
    let later = policy.decide(&view, &first.memo);
    assert_eq!((later.reasons, later.memo), (first.reasons, first.memo));
}

/// A threshold that does not count them speaks of others only.
#[test]
fn who_is_not_counted_is_not_told() {
    let policy = open(r#"{"abort":{"count":2,"kinds":["corrupt"]}}"#);
    let mut view = view(&policy, 10);
    end(&mut view.cohorts[0], 5, &[(FailureKind::Corrupt, 2)]);
    regress(&mut view.cohorts[0], 3);
    assert_eq!(
        policy.decide(&view, &[]).reasons[0].text,
        "in cohort `all` 2 devices failed at their first attempt, and 2 abort"
    );
}
