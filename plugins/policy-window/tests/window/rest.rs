//! What becomes of devices that are left when a window ends (GO-106, GX-07).

use windlass_sdk::{Admission, Connectivity, DeviceFields, Policy, Timestamp, Verdict};

use crate::fleet::{DAY, HOUR, at, candidate, code, open, spans, view};

fn settings(rest: &str) -> String {
    format!(
        r#"{{"zone":"device","without_zone":"skip","last_start":"15m","not_before":"2026-07-05",
            "windows":[{{"from":"02:00","to":"04:00"}}],{rest}}}"#
    )
}

fn asked(rest: &str, now: Timestamp, status: Connectivity) -> Admission {
    open(&settings(rest)).admit(now, &candidate(Some("UTC"), status))
}

const OVER: &str = "2026-07-05T04:00Z";

#[test]
fn the_rest_waits_for_the_next_night() {
    for rest in [r#""carry_over":"next-window""#, r#""freezes":[]"#] {
        let waits = asked(rest, at(OVER), Connectivity::Online);
        assert_eq!(waits.not_before, Some(at("2026-07-06T02:00Z")), "{rest}");
        assert!(!waits.never && !waits.needs_connection);
    }
}

#[test]
fn the_rest_is_skipped() {
    let stop = r#""carry_over":"stop","max_windows":2"#;
    assert_eq!(
        spans(
            &open(&settings(stop)),
            "UTC",
            "2026-07-04T00:00Z",
            "2026-07-10T00:00Z"
        ),
        [
            "05 02:00+00:00 - 05 03:45+00:00",
            "06 02:00+00:00 - 06 03:45+00:00"
        ]
    );
    let between = asked(stop, at(OVER), Connectivity::Online);
    assert!(!between.never);
    // As soon as nothing can start any more.
    let over = asked(stop, at("2026-07-06T03:45Z"), Connectivity::Online);
    assert!(over.never);
    assert_eq!(code(&over), "schedule-over");
    let once = asked(r#""carry_over":"stop""#, at(OVER), Connectivity::Online);
    assert!(once.never, "one window unless more are asked for");
}

#[test]
fn the_rest_starts_when_it_connects() {
    let rest = r#""carry_over":"on-connect","freezes":[{"from":"2026-07-06","to":"2026-07-06"}]"#;
    assert_eq!(
        open(&settings(rest)).reads().fields,
        DeviceFields::TIMEZONE | DeviceFields::STATUS
    );
    let in_window = asked(rest, at("2026-07-05T03:00Z"), Connectivity::Offline);
    assert!(!in_window.needs_connection && in_window.not_before.is_none());
    let after_last_start = asked(rest, at("2026-07-05T03:50Z"), Connectivity::Online);
    assert_eq!(
        (after_last_start.not_before, code(&after_last_start)),
        (Some(at(OVER)), "window-closed")
    );
    for status in [Connectivity::Offline, Connectivity::Unknown] {
        let after = asked(rest, at(OVER), status);
        assert!(after.needs_connection && !after.never && after.not_before.is_none());
        assert_eq!(code(&after), "waits-for-connection");
    }
    let connected = asked(rest, at(OVER), Connectivity::Online);
    assert!(connected.needs_connection && connected.not_before.is_none());
    assert_eq!(code(&connected), "now");
    let frozen = asked(rest, at("2026-07-06T12:00Z"), Connectivity::Online);
    assert!(frozen.needs_connection);
    assert_eq!(
        (frozen.not_before, code(&frozen)),
        (Some(at("2026-07-07T00:00Z")), "frozen")
    );
}

/// Each device counts the nights of its own clock.
#[test]
fn windows_are_counted_in_each_zone() {
    let policy = open(&settings(r#""carry_over":"stop","max_windows":1"#));
    for zone in ["Pacific/Kiritimati", "America/Los_Angeles"] {
        let found = spans(&policy, zone, "2026-07-03T00:00Z", "2026-07-10T00:00Z");
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("05 02:00"), "{found:?}");
    }
}

/// A window in which nothing could start is no window, and one that is begun is one.
#[test]
fn what_counts_as_a_window() {
    let count = |not_before: &str, freezes: &str| {
        let policy = open(&format!(
            r#"{{"zone":"UTC","last_start":"15m","not_before":"{not_before}","freezes":{freezes},
                "windows":[{{"from":"02:00","to":"04:00"}}],"carry_over":"stop"}}"#
        ));
        spans(&policy, "UTC", "2026-07-04T00:00Z", "2026-07-10T00:00Z")
    };
    for (not_before, freezes, wanted) in [
        (
            "2026-07-05T03:00",
            "[]",
            vec!["05 03:00+00:00 - 05 03:45+00:00"],
        ),
        (
            "2026-07-05T03:50",
            "[]",
            vec!["06 02:00+00:00 - 06 03:45+00:00"],
        ),
        (
            "2026-07-05",
            r#"[{"from":"2026-07-05","to":"2026-07-06"}]"#,
            vec!["07 02:00+00:00 - 07 03:45+00:00"],
        ),
        (
            "2026-07-05",
            r#"[{"from":"2026-07-05T03:00","to":"2026-07-05T03:20"}]"#,
            vec![
                "05 02:00+00:00 - 05 02:45+00:00",
                "05 03:20+00:00 - 05 03:45+00:00",
            ],
        ),
    ] {
        assert_eq!(count(not_before, freezes), wanted, "{not_before} {freezes}");
    }
}

#[test]
fn decisions_follow_the_windows_and_let_the_rest_pass() {
    let policy = |rest: &str| {
        open(&settings(rest).replace(
            r#""zone":"device","without_zone":"skip""#,
            r#""zone":"UTC""#,
        ))
    };
    let stop = policy(r#""carry_over":"stop""#);
    let connect = policy(
        r#""carry_over":"on-connect","freezes":[{"from":"2026-07-07T00:00Z","to":"2026-07-08T00:00Z"}]"#,
    );
    let over = at(OVER);
    for policy in [&stop, &connect] {
        let before = policy.decide(&view(over - 3 * HOUR), &[]);
        assert_eq!(before.verdict, Verdict::Hold);
        assert_eq!(before.ask_at, Some(over - 2 * HOUR));
        let open = policy.decide(&view(over - HOUR), &[]);
        assert_eq!(open.verdict, Verdict::Continue);
        assert_eq!(open.valid_until, at("2026-07-05T03:45Z") - 1);
        let after = policy.decide(&view(over), &[]);
        assert_eq!(after.verdict, Verdict::Continue);
        assert_eq!(after.valid_until, over + DAY);
    }
    let margin = connect.decide(&view(over - 1), &[]);
    assert_eq!((margin.verdict, margin.ask_at), (Verdict::Hold, Some(over)));
    let frozen = connect.decide(&view(at("2026-07-07T12:00Z")), &[]);
    assert_eq!(frozen.verdict, Verdict::Hold);
    assert_eq!(frozen.ask_at, Some(at("2026-07-08T00:00Z")));
}
