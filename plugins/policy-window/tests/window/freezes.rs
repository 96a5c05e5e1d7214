//! Spans in which nothing starts.

use windlass_sdk::{Policy, Value, Verdict};

use crate::fleet::{ask, at, code, open, parameter, spans, view};

#[test]
fn a_freeze_has_both_its_dates_and_says_why() {
    let policy = open(
        r#"{"zone":"Europe/Berlin","windows":[{"from":"02:00","to":"04:00"}],
            "freezes":[{"from":"2026-12-18","to":"2027-01-04","reason":"holiday"}]}"#,
    );
    let found = spans(
        &policy,
        "Europe/Berlin",
        "2026-12-17T00:00+01:00",
        "2027-01-06T00:00+01:00",
    );
    assert_eq!(
        found,
        [
            "17 02:00+01:00 - 17 04:00+01:00",
            "05 02:00+01:00 - 05 04:00+01:00"
        ]
    );
    let frozen = ask(&policy, "UTC", at("2026-12-24T20:00+01:00"));
    assert_eq!(frozen.not_before, Some(at("2027-01-05T02:00+01:00")));
    assert_eq!(code(&frozen), "frozen");
    assert_eq!(
        parameter(&frozen, "freeze"),
        Some(&Value::Text("holiday".to_owned()))
    );
    assert_eq!(
        frozen.reason.map(|reason| reason.text).as_deref(),
        Some("updates are frozen until 2027-01-05 02:00 in Europe/Berlin: holiday")
    );
    // Before it a closed window is a closed window, though it opens only after the freeze.
    let before = ask(&policy, "UTC", at("2026-12-17T12:00+01:00"));
    assert_eq!(
        (before.not_before, code(&before)),
        (Some(at("2027-01-05T02:00+01:00")), "window-closed")
    );
    let held = policy.decide(&view(at("2026-12-24T20:00+01:00")), &[]);
    assert_eq!(held.verdict, Verdict::Hold);
    assert_eq!(held.ask_at, Some(at("2027-01-05T02:00+01:00")));
    assert_eq!(held.reasons[0].code, "frozen");
}

#[test]
fn a_freeze_cuts_a_window_and_the_margin_is_kept_before_it() {
    let policy = open(
        r#"{"zone":"UTC","last_start":"10m","windows":[{"from":"02:00","to":"06:00"}],
            "freezes":[{"from":"2026-07-05T03:00","to":"2026-07-05T04:00"},
                       {"from":"2026-07-05T03:30Z","to":"2026-07-05T04:30Z"},
                       {"from":"2026-07-05T04:35Z","to":"2026-07-05T04:40Z"}]}"#,
    );
    assert_eq!(
        spans(&policy, "UTC", "2026-07-05T00:00Z", "2026-07-05T12:00Z"),
        [
            "05 02:00+00:00 - 05 02:50+00:00",
            "05 04:40+00:00 - 05 05:50+00:00"
        ]
    );
    let margin = ask(&policy, "UTC", at("2026-07-05T02:55Z"));
    assert_eq!(code(&margin), "frozen");
    let decision = policy.decide(&view(at("2026-07-05T02:30Z")), &[]);
    assert_eq!(decision.valid_until, at("2026-07-05T02:50Z") - 1);
}

#[test]
fn freezes_alone_leave_all_other_time() {
    let policy = open(
        r#"{"zone":"device","without_zone":"skip","last_start":"1h",
            "freezes":[{"from":"2026-07-05","to":"2026-07-05"}]}"#,
    );
    assert_eq!(
        spans(
            &policy,
            "Asia/Tokyo",
            "2026-07-04T12:00Z",
            "2026-07-06T12:00Z"
        ),
        ["04 21:00+09:00 - 04 23:00+09:00", "06 00:00+09:00 - ..."]
    );
    assert_eq!(
        spans(
            &policy,
            "America/New_York",
            "2026-07-04T12:00Z",
            "2026-07-06T12:00Z"
        ),
        ["04 08:00-04:00 - 04 23:00-04:00", "06 00:00-04:00 - ..."]
    );
    let margin = ask(&policy, "UTC", at("2026-07-04T23:30Z"));
    assert_eq!(
        (margin.not_before, code(&margin)),
        (Some(at("2026-07-06T00:00Z")), "frozen")
    );
}

#[test]
fn a_freeze_may_have_a_zone_of_its_own() {
    let policy = open(
        r#"{"zone":"device","without_zone":"skip",
            "freezes":[{"from":"2026-07-05","to":"2026-07-05","zone":"Asia/Tokyo"}]}"#,
    );
    for zone in ["UTC", "America/New_York"] {
        let frozen = ask(&policy, zone, at("2026-07-05T00:00+09:00"));
        assert_eq!(
            frozen.not_before,
            Some(at("2026-07-06T00:00+09:00")),
            "{zone}"
        );
    }
}

/// On the safe side: an hour that comes twice is frozen until the second time.
#[test]
fn a_freeze_that_ends_in_the_hour_that_comes_twice() {
    let policy = open(
        r#"{"zone":"Europe/Berlin","freezes":[{"from":"2026-10-25T02:15","to":"2026-10-25T02:30"}]}"#,
    );
    assert_eq!(
        spans(
            &policy,
            "Europe/Berlin",
            "2026-10-25T00:00+02:00",
            "2026-10-25T04:00+01:00"
        ),
        ["25 00:00+02:00 - 25 02:15+02:00", "25 02:30+01:00 - ..."]
    );
}

#[test]
fn a_freeze_without_an_end_is_one() {
    let policy = open(r#"{"zone":"UTC","freezes":[{"from":"2026-07-05","to":"9999-12-31"}]}"#);
    let frozen = ask(&policy, "UTC", at("2026-07-06T00:00Z"));
    assert!(frozen.never, "nothing ever starts again");
    assert_eq!(code(&frozen), "schedule-over");
}
