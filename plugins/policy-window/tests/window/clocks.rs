//! Windows in nights in which the clock is put forward or back (GO-164, design §7.12).

use windlass_sdk::{Policy, Verdict};

use crate::fleet::{ask, at, open, spans, view};

/// Settings of one window, each device's own clock.
fn settings(window: &str) -> String {
    format!(r#"{{"zone":"device","without_zone":"skip","windows":[{window}]}}"#)
}

fn check(window: &str, zone: &str, from: &str, to: &str, wanted: &[&str]) {
    let found = spans(&open(&settings(window)), zone, from, to);
    assert_eq!(found, wanted, "{window} in {zone} from {from}");
    // The operator's clock goes as the device's does.
    let operators = settings(window)
        .replace("device", zone)
        .replace(r#""without_zone":"skip","#, "");
    let found = spans(&open(&operators), zone, from, to);
    assert_eq!(found, wanted, "{operators} from {from}");
}

/// Spring of 2026 in Berlin: at 02:00+01:00 of 29 March it is 03:00+02:00.
#[test]
fn times_that_the_clock_skips_in_berlin() {
    for (window, wanted) in [
        // It opens when the clock jumps over its beginning.
        (
            r#"{"from":"02:30","to":"04:00"}"#,
            vec!["29 03:00+02:00 - 29 04:00+02:00"],
        ),
        (
            r#"{"cron":"30 2 * * *","duration":"2h"}"#,
            vec!["29 03:00+02:00 - 29 05:00+02:00"],
        ),
        // A range is over when the clock says so, a duration is time that passes.
        (
            r#"{"from":"01:00","to":"04:00"}"#,
            vec!["29 01:00+01:00 - 29 04:00+02:00"],
        ),
        (
            r#"{"cron":"0 1 * * *","duration":"3h"}"#,
            vec!["29 01:00+01:00 - 29 05:00+02:00"],
        ),
        (
            r#"{"from":"01:00","to":"02:30"}"#,
            vec!["29 01:00+01:00 - 29 03:00+02:00"],
        ),
        // All of it is skipped.
        (r#"{"from":"02:00","to":"03:00"}"#, vec![]),
        (r#"{"from":"02:15","to":"02:45"}"#, vec![]),
        // Firings that are skipped come together.
        (
            r#"{"cron":"*/15 2 * * *","duration":"5m"}"#,
            vec!["29 03:00+02:00 - 29 03:05+02:00"],
        ),
        (
            r#"{"cron":"0 1-3 * * *","duration":"10m"}"#,
            vec![
                "29 01:00+01:00 - 29 01:10+01:00",
                "29 03:00+02:00 - 29 03:10+02:00",
            ],
        ),
    ] {
        check(
            window,
            "Europe/Berlin",
            "2026-03-29T00:00+01:00",
            "2026-03-29T12:00+02:00",
            &wanted,
        );
    }
}

/// Autumn of 2026 in Berlin: at 03:00+02:00 of 25 October it is 02:00+01:00.
#[test]
fn times_that_come_twice_in_berlin() {
    for (window, wanted) in [
        // It opens once, the first time, and is an hour longer.
        (
            r#"{"from":"02:30","to":"04:00"}"#,
            vec!["25 02:30+02:00 - 25 04:00+01:00"],
        ),
        (
            r#"{"from":"02:00","to":"03:00"}"#,
            vec!["25 02:00+02:00 - 25 03:00+01:00"],
        ),
        (
            r#"{"cron":"30 2 * * *","duration":"1h"}"#,
            vec!["25 02:30+02:00 - 25 02:30+01:00"],
        ),
        (
            r#"{"cron":"30 2 * * *","duration":"20m"}"#,
            vec!["25 02:30+02:00 - 25 02:50+02:00"],
        ),
        // It closes the first time.
        (
            r#"{"from":"01:00","to":"02:30"}"#,
            vec!["25 01:00+02:00 - 25 02:30+02:00"],
        ),
        (
            r#"{"from":"02:10","to":"02:40"}"#,
            vec!["25 02:10+02:00 - 25 02:40+02:00"],
        ),
        (
            r#"{"cron":"0 * * * *","duration":"10m"}"#,
            vec![
                "25 01:00+02:00 - 25 01:10+02:00",
                "25 02:00+02:00 - 25 02:10+02:00",
                "25 03:00+01:00 - 25 03:10+01:00",
                "25 04:00+01:00 - 25 04:10+01:00",
            ],
        ),
    ] {
        check(
            window,
            "Europe/Berlin",
            "2026-10-25T00:30+02:00",
            "2026-10-25T04:30+01:00",
            &wanted,
        );
    }
}

/// New York: 8 March 2026 02:00-05:00 is 03:00-04:00; 1 November 02:00-04:00 is 01:00-05:00.
#[test]
fn both_turns_in_new_york() {
    let night = r#"{"from":"01:30","to":"03:30"}"#;
    let spring = ("2026-03-08T00:00-05:00", "2026-03-08T06:00-04:00");
    let autumn = ("2026-11-01T00:00-04:00", "2026-11-01T06:00-05:00");
    for (window, (from, to), wanted) in [
        (night, spring, vec!["08 01:30-05:00 - 08 03:30-04:00"]),
        (night, autumn, vec!["01 01:30-04:00 - 01 03:30-05:00"]),
        (
            r#"{"cron":"30 1 * * *","duration":"2h"}"#,
            autumn,
            vec!["01 01:30-04:00 - 01 02:30-05:00"],
        ),
        (
            r#"{"cron":"30 2 * * *","duration":"2h"}"#,
            spring,
            vec!["08 03:00-04:00 - 08 05:00-04:00"],
        ),
        (
            r#"{"from":"01:45","to":"02:15"}"#,
            spring,
            vec!["08 01:45-05:00 - 08 03:00-04:00"],
        ),
    ] {
        check(window, "America/New_York", from, to, &wanted);
    }
}

/// Lord Howe turns by half an hour: 4 October 2026 02:00+10:30 is 02:30+11:00, and
/// 5 April 02:00+11:00 is 01:30+10:30.
#[test]
fn half_an_hour_on_lord_howe() {
    let spring = ("2026-10-04T00:00+10:30", "2026-10-04T06:00+11:00");
    let autumn = ("2026-04-05T00:00+11:00", "2026-04-05T06:00+10:30");
    for (window, (from, to), wanted) in [
        (
            r#"{"from":"02:15","to":"04:00"}"#,
            spring,
            vec!["04 02:30+11:00 - 04 04:00+11:00"],
        ),
        (
            r#"{"cron":"15 2 * * *","duration":"1h"}"#,
            spring,
            vec!["04 02:30+11:00 - 04 03:30+11:00"],
        ),
        (r#"{"from":"02:00","to":"02:30"}"#, spring, vec![]),
        (
            r#"{"from":"01:45","to":"03:00"}"#,
            autumn,
            vec!["05 01:45+11:00 - 05 03:00+10:30"],
        ),
        (
            r#"{"from":"01:00","to":"01:45"}"#,
            autumn,
            vec!["05 01:00+11:00 - 05 01:45+11:00"],
        ),
        (
            r#"{"cron":"40 1 * * *","duration":"30m"}"#,
            autumn,
            vec!["05 01:40+11:00 - 05 01:40+10:30"],
        ),
    ] {
        check(window, "Australia/Lord_Howe", from, to, &wanted);
    }
}

/// In these zones no clock is turned, and by `America/Sao_Paulo` not any more.
#[test]
fn zones_whose_clocks_are_never_turned() {
    for (zone, offset) in [
        ("UTC", "+00:00"),
        ("Asia/Kolkata", "+05:30"),
        ("Asia/Kathmandu", "+05:45"),
        ("America/Phoenix", "-07:00"),
        ("America/Sao_Paulo", "-03:00"),
    ] {
        for day in ["2026-03-29", "2026-10-25", "2026-11-01"] {
            let date = &day[8..];
            check(
                r#"{"from":"01:30","to":"03:30"}"#,
                zone,
                &format!("{day}T00:00{offset}"),
                &format!("{day}T23:00{offset}"),
                &[&format!("{date} 01:30{offset} - {date} 03:30{offset}")],
            );
        }
    }
}

/// A day of 23 hours and one of 25; a duration of 24 hours leaves the 25th closed.
#[test]
fn windows_of_a_whole_day() {
    let whole = r#"{"days":["sun"],"from":"00:00","to":"24:00"}"#;
    let (from, to) = ("2026-03-28T12:00+01:00", "2026-03-30T12:00+02:00");
    check(
        whole,
        "Europe/Berlin",
        from,
        to,
        &["29 00:00+01:00 - 30 00:00+02:00"],
    );
    let (from, to) = ("2026-10-24T12:00+02:00", "2026-10-26T12:00+01:00");
    check(
        whole,
        "Europe/Berlin",
        from,
        to,
        &["25 00:00+02:00 - 26 00:00+01:00"],
    );
    check(
        r#"{"cron":"0 0 * * *","duration":"24h"}"#,
        "Europe/Berlin",
        from,
        to,
        &["24 12:00+02:00 - 25 23:00+01:00", "26 00:00+01:00 - ..."],
    );
    // Day after day without a gap is one window.
    check(
        r#"{"from":"00:00","to":"24:00"}"#,
        "Europe/Berlin",
        from,
        to,
        &["24 12:00+02:00 - ..."],
    );
}

/// A window across midnight that ends after the clock was turned.
#[test]
fn windows_across_midnight() {
    let late = r#"{"days":["sat"],"from":"22:00","to":"04:00"}"#;
    for (from, to, wanted) in [
        (
            "2026-03-28T00:00+01:00",
            "2026-03-30T00:00+02:00",
            "28 22:00+01:00 - 29 04:00+02:00",
        ),
        (
            "2026-10-24T00:00+02:00",
            "2026-10-26T00:00+01:00",
            "24 22:00+02:00 - 25 04:00+01:00",
        ),
        (
            "2026-06-05T00:00+02:00",
            "2026-06-09T00:00+02:00",
            "06 22:00+02:00 - 07 04:00+02:00",
        ),
    ] {
        check(late, "Europe/Berlin", from, to, &[wanted]);
    }
}

/// A clock that skips its midnight: in Beirut 29 March 2026 begins at 01:00.
#[test]
fn a_day_that_begins_late() {
    check(
        r#"{"days":["sun"],"from":"00:00","to":"02:00"}"#,
        "Asia/Beirut",
        "2026-03-28T12:00+02:00",
        "2026-03-29T12:00+03:00",
        &["29 01:00+03:00 - 29 02:00+03:00"],
    );
}

/// Rules hold for years to come, which the tables of zones do not list.
#[test]
fn turns_of_a_distant_year() {
    check(
        r#"{"from":"02:30","to":"04:00"}"#,
        "Europe/Berlin",
        "2060-03-28T00:00+01:00",
        "2060-03-28T12:00+02:00",
        &["28 03:00+02:00 - 28 04:00+02:00"],
    );
}

/// A week's only window that is skipped leaves the next week's.
#[test]
fn a_weekly_window_that_is_skipped() {
    let policy = open(&settings(r#"{"days":["sun"],"from":"02:00","to":"03:00"}"#));
    for now in [
        "2026-03-22T03:00+01:00",
        "2026-03-23T12:00+01:00",
        "2026-03-29T03:00+02:00",
    ] {
        let waits = ask(&policy, "Europe/Berlin", at(now));
        assert_eq!(
            waits.not_before,
            Some(at("2026-04-05T02:00+02:00")),
            "{now}"
        );
    }
}

/// While the clock shows the hour again, a decision holds until the window's true end.
#[test]
fn a_decision_in_the_hour_that_comes_twice() {
    let policy = open(r#"{"zone":"Europe/Berlin","windows":[{"from":"02:30","to":"04:00"}]}"#);
    for now in [
        "2026-10-25T02:40+02:00",
        "2026-10-25T02:10+01:00",
        "2026-10-25T02:40+01:00",
    ] {
        let decision = policy.decide(&view(at(now)), &[]);
        assert_eq!(decision.verdict, Verdict::Continue, "{now}");
        assert_eq!(
            decision.valid_until,
            at("2026-10-25T04:00+01:00") - 1,
            "{now}"
        );
    }
}
