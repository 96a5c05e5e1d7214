//! Schedules that begin and end (GO-59, GO-106).

use windlass_sdk::{Policy, Verdict};

use crate::fleet::{ask, at, code, may_start, open, spans, view};

/// GO-59: real execution at the time.
#[test]
fn a_rollout_starts_at_an_instant() {
    let policy = open(r#"{"zone":"UTC","not_before":"2026-07-05T12:00:05Z"}"#);
    let start = at("2026-07-05T12:00:05Z");
    let early = ask(&policy, "UTC", start - 5000);
    assert_eq!(
        (early.not_before, code(&early)),
        (Some(start), "not-scheduled-yet")
    );
    assert!(!may_start(&policy, "UTC", start - 1));
    assert!(may_start(&policy, "UTC", start));
    let held = policy.decide(&view(start - 5000), &[]);
    assert_eq!((held.verdict, held.ask_at), (Verdict::Hold, Some(start)));
    let goes = policy.decide(&view(start), &[]);
    assert_eq!(goes.verdict, Verdict::Continue);
}

#[test]
fn the_ways_to_write_a_moment() {
    for (text, zone, wanted) in [
        ("2026-07-05", "Europe/Berlin", "2026-07-05T00:00+02:00"),
        (
            "2026-07-05T08:30",
            "Europe/Berlin",
            "2026-07-05T08:30+02:00",
        ),
        (
            "2026-07-05T08:30:15",
            "Asia/Tokyo",
            "2026-07-05T08:30:15+09:00",
        ),
        ("2026-07-05T08:30Z", "Asia/Tokyo", "2026-07-05T08:30Z"),
        (
            "2026-07-05T08:30-05:00",
            "Asia/Tokyo",
            "2026-07-05T08:30-05:00",
        ),
        (
            "2026-07-05T08:30[America/New_York]",
            "Asia/Tokyo",
            "2026-07-05T08:30-04:00",
        ),
        // A day, and a time, that begin when the clock jumps over them.
        ("2026-03-29", "Asia/Beirut", "2026-03-29T01:00+03:00"),
        (
            "2026-03-29T02:30",
            "Europe/Berlin",
            "2026-03-29T03:00+02:00",
        ),
        // A time that comes twice.
        (
            "2026-10-25T02:30",
            "Europe/Berlin",
            "2026-10-25T02:30+02:00",
        ),
    ] {
        let policy = open(&format!(
            r#"{{"zone":"device","without_zone":"skip","not_before":"{text}"}}"#
        ));
        let early = ask(&policy, zone, at("2026-01-01T00:00Z"));
        assert_eq!(early.not_before, Some(at(wanted)), "{text} in {zone}");
    }
}

/// A date means the device's own, where its clock counts.
#[test]
fn a_schedule_waits_for_the_first_window_from_its_beginning_on() {
    let policy = open(
        r#"{"zone":"device","without_zone":"skip","windows":[{"from":"02:00","to":"04:00"}],
            "not_before":"2026-07-05T03:00","not_after":"2026-07-06"}"#,
    );
    for zone in ["Pacific/Auckland", "UTC", "America/Los_Angeles"] {
        let found = spans(&policy, zone, "2026-07-04T00:00Z", "2026-07-09T00:00Z");
        let shown: Vec<&str> = found.iter().map(|span| &span[..8]).collect();
        assert_eq!(shown, ["05 03:00", "06 02:00"], "{zone}");
    }
    let before = ask(&policy, "UTC", at("2026-07-05T02:30Z"));
    assert_eq!(
        (before.not_before, code(&before)),
        (Some(at("2026-07-05T03:00Z")), "not-scheduled-yet")
    );
    // No window opens on what is left of the day.
    let after = ask(&policy, "UTC", at("2026-07-06T04:00Z"));
    assert!(after.never);
    assert_eq!(code(&after), "schedule-over");
}

#[test]
fn a_schedule_is_over_in_the_middle_of_a_window() {
    let policy = open(
        r#"{"zone":"UTC","last_start":"15m","windows":[{"from":"02:00","to":"04:00"}],
            "not_after":"2026-07-05T03:00Z"}"#,
    );
    let end = at("2026-07-05T03:00Z");
    assert!(may_start(&policy, "UTC", end - 1));
    assert!(ask(&policy, "UTC", end).never);
    assert_eq!(policy.decide(&view(end - 10), &[]).valid_until, end - 1);
    // What is left is to be skipped: nothing holds the rollout.
    let over = policy.decide(&view(end), &[]);
    assert_eq!((over.verdict, over.ask_at), (Verdict::Continue, None));
}
