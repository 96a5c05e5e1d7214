//! What a stop says of devices that fell back (design §7.12), natively and by the component.

use windlass_sdk::{Decision, FailureKind, Policy, Value};

use super::fleet::{codes, end, open, regress, view};

/// What follows when of 300 devices so many failed at first, and so many fell back later.
fn decided(criterion: &str, at_first: u64, later: u64) -> Decision {
    let settings =
        format!(r#"{{"abort":[{{{criterion},"threshold_percent":10,"min_executed":100}}]}}"#);
    let mut view = view(&[1_000]);
    let failed = [(FailureKind::Corrupt, at_first)];
    end(&mut view.cohorts[0], 300 - at_first, &failed);
    regress(&mut view.cohorts[0], later);
    open(&settings).decide(&view, &[])
}

#[test]
fn who_failed_at_first_and_who_fell_back_are_told_apart() {
    for (at_first, later, text) in [
        (
            33,
            0,
            "33 of 300 started devices failed at their first attempt (all: 11 %), and 10 % abort",
        ),
        (
            30,
            3,
            "30 of 300 started devices failed at their first attempt and 3 fell back later (all: 11 %), and 10 % abort",
        ),
        (
            0,
            33,
            "33 of 300 started devices fell back from the release (all: 11 %), and 10 % abort",
        ),
    ] {
        let decision = decided(r#""failure":"all""#, at_first, later);
        assert_eq!(codes(&decision), ["abort-threshold-reached"]);
        let reason = &decision.reasons[0];
        assert_eq!(reason.text, text);
        assert!(
            reason
                .parameters
                .is_sorted_by_key(|named| named.name.clone())
        );
        let named = |name: &str| {
            let mut parameters = reason.parameters.iter();
            let named = parameters.find(|named| named.name == name);
            named.map(|named| named.value.clone())
        };
        assert_eq!(named("failed"), Some(Value::Integer(33)));
        let fell_back = i64::try_from(later).ok().filter(|later| *later > 0);
        assert_eq!(named("fell_back"), fell_back.map(Value::Integer));
    }
}

/// A criterion that does not count them speaks of others only.
#[test]
fn who_is_not_counted_is_not_told() {
    let decision = decided(r#""kinds":["corrupt"]"#, 33, 40);
    assert_eq!(
        decision.reasons[0].text,
        "33 of 300 started devices failed at their first attempt (corrupt: 11 %), and 10 % abort"
    );
}
