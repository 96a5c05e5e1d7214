//! Whose clock counts.

use windlass_sdk::{Connectivity, DeviceFields, Policy, Value};

use crate::fleet::{ask, at, candidate, code, may_start, open, parameter, spans};

/// GX-15: 2 AM is 2 AM where the device stands. On that night of 2026 the four zones are
/// 4, 5, 6 and 7 hours behind UTC.
#[test]
fn two_in_the_morning_is_the_devices_own() {
    let policy = open(
        r#"{"zone":"device","without_zone":"skip","windows":[{"from":"02:00","to":"04:00"}]}"#,
    );
    assert_eq!(policy.reads().fields, DeviceFields::TIMEZONE);
    for (zone, opens) in [
        ("America/New_York", "2026-07-08T06:00Z"),
        ("America/Chicago", "2026-07-08T07:00Z"),
        ("America/Denver", "2026-07-08T08:00Z"),
        ("America/Los_Angeles", "2026-07-08T09:00Z"),
    ] {
        let noon = ask(&policy, zone, at("2026-07-07T17:00Z"));
        assert_eq!(noon.not_before, Some(at(opens)), "{zone}");
        assert!(!noon.never && !noon.needs_connection);
        assert_eq!(code(&noon), "window-closed");
        assert_eq!(
            noon.reason.map(|reason| reason.text),
            Some(format!(
                "the window `02:00-04:00` opens at 2026-07-08 02:00 in {zone}"
            ))
        );
        assert!(!may_start(&policy, zone, at(opens) - 1));
        assert!(may_start(&policy, zone, at(opens)));
        assert!(may_start(&policy, zone, at(opens) + 7_199_999));
        assert!(!may_start(&policy, zone, at(opens) + 7_200_000));
    }
}

/// GO-127, GO-138: with the operator's zone the device's own counts for nothing.
#[test]
fn the_operators_clock_counts_for_all() {
    let policy = open(r#"{"zone":"europe/berlin","windows":[{"from":"02:00","to":"04:00"}]}"#);
    assert_eq!(policy.reads().fields, DeviceFields::empty());
    for zone in [None, Some("America/New_York"), Some("Mars/Olympus")] {
        let device = candidate(zone, Connectivity::Unknown);
        let admission = policy.admit(at("2026-07-07T12:00+02:00"), &device);
        assert_eq!(admission.not_before, Some(at("2026-07-08T02:00+02:00")));
        assert_eq!(
            parameter(&admission, "zone"),
            Some(&Value::Text("Europe/Berlin".to_owned()))
        );
        assert_eq!(
            parameter(&admission, "window"),
            Some(&Value::Text("02:00-04:00".to_owned()))
        );
        assert_eq!(
            parameter(&admission, "opens_at"),
            Some(&Value::Integer(at("2026-07-08T02:00+02:00") as i64))
        );
    }
}

#[test]
fn devices_without_a_zone_are_skipped_or_taken_to_be_somewhere() {
    let settings = |without: &str| {
        format!(
            r#"{{"zone":"device","without_zone":"{without}","windows":[{{"from":"02:00","to":"04:00"}}]}}"#
        )
    };
    let skips = open(&settings("skip"));
    let takes = open(&settings("Asia/Tokyo"));
    let noon = at("2026-07-07T12:00Z");
    for (zone, text) in [
        (None, "the device has no time zone"),
        (
            Some("Mars/Olympus"),
            "the device's time zone `Mars/Olympus` is unknown",
        ),
        (Some(""), "the device's time zone `` is unknown"),
    ] {
        let device = candidate(zone, Connectivity::Unknown);
        let skipped = skips.admit(noon, &device);
        assert!(skipped.never);
        assert_eq!(code(&skipped), "no-zone");
        assert_eq!(
            skipped.reason.map(|reason| reason.text).as_deref(),
            Some(text)
        );
        let taken = takes.admit(noon, &device);
        assert!(!taken.never);
        assert_eq!(taken.not_before, Some(at("2026-07-08T02:00+09:00")));
    }
    let known = ask(&takes, "UTC", noon);
    assert_eq!(known.not_before, Some(at("2026-07-08T02:00Z")));
}

/// GO-163: cron expressions, by days, lists, steps and the last and nth weekday.
#[test]
fn windows_by_cron() {
    for (window, from, to, wanted) in [
        (
            r#"{"cron":"0 2 * * SUN","duration":"2h"}"#,
            "2026-07-01T00:00Z",
            "2026-07-14T00:00Z",
            vec![
                "05 02:00+00:00 - 05 04:00+00:00",
                "12 02:00+00:00 - 12 04:00+00:00",
            ],
        ),
        (
            r#"{"cron":"*/5 2-4 * * *","duration":"1m"}"#,
            "2026-07-01T04:44Z",
            "2026-07-02T02:03Z",
            vec![
                "01 04:45+00:00 - 01 04:46+00:00",
                "01 04:50+00:00 - 01 04:51+00:00",
                "01 04:55+00:00 - 01 04:56+00:00",
                "02 02:00+00:00 - 02 02:01+00:00",
            ],
        ),
        // Firings within a window or at its end prolong it.
        (
            r#"{"cron":"*/5 2-3 * * *","duration":"7m"}"#,
            "2026-07-01T00:00Z",
            "2026-07-01T12:00Z",
            vec!["01 02:00+00:00 - 01 04:02+00:00"],
        ),
        (
            r#"{"cron":"*/5 2-3 * * *","duration":"5m"}"#,
            "2026-07-01T00:00Z",
            "2026-07-01T12:00Z",
            vec!["01 02:00+00:00 - 01 04:00+00:00"],
        ),
        (
            r#"{"cron":"0 3 ? * 2#2","duration":"1h"}"#,
            "2026-07-01T00:00Z",
            "2026-07-31T00:00Z",
            vec!["14 03:00+00:00 - 14 04:00+00:00"],
        ),
        (
            r#"{"cron":"0 23 L * *","duration":"90m"}"#,
            "2026-02-02T00:00Z",
            "2026-03-02T00:00Z",
            vec!["28 23:00+00:00 - 01 00:30+00:00"],
        ),
        (
            r#"{"cron":"@weekly","duration":"10m"}"#,
            "2026-07-01T00:00Z",
            "2026-07-08T00:00Z",
            vec!["05 00:00+00:00 - 05 00:10+00:00"],
        ),
    ] {
        let policy = open(&format!(r#"{{"zone":"UTC","windows":[{window}]}}"#));
        assert_eq!(spans(&policy, "UTC", from, to), wanted, "{window}");
    }
}

#[test]
fn windows_by_days_and_several_of_them() {
    let policy = open(
        r#"{"zone":"UTC","windows":[
            {"days":["mon","sat"],"from":"02:00","to":"04:00"},
            {"days":["mon"],"from":"03:30","to":"05:00"},
            {"days":["mon"],"from":"05:00","to":"06:00"},
            {"cron":"0 12 * * TUE","duration":"30m"}]}"#,
    );
    assert_eq!(
        spans(&policy, "UTC", "2026-07-05T00:00Z", "2026-07-12T00:00Z"),
        [
            "06 02:00+00:00 - 06 06:00+00:00",
            "07 12:00+00:00 - 07 12:30+00:00",
            "11 02:00+00:00 - 11 04:00+00:00",
        ]
    );
    let closed = ask(&policy, "UTC", at("2026-07-06T06:00Z"));
    assert_eq!(
        closed.reason.map(|reason| reason.text).as_deref(),
        Some("the window `0 12 * * TUE for 30m` opens at 2026-07-07 12:00 in UTC")
    );
}

/// Design §7.12: `last_start` keeps a margin before a window's end, and windows that another one
/// continues have no end there.
#[test]
fn the_last_start_is_before_the_end() {
    let policy = open(
        r#"{"zone":"UTC","last_start":"15m","windows":[
            {"from":"02:00","to":"04:00"},
            {"from":"12:00","to":"13:00"},
            {"from":"13:00","to":"14:00"}]}"#,
    );
    assert_eq!(
        spans(&policy, "UTC", "2026-07-05T00:00Z", "2026-07-05T23:00Z"),
        [
            "05 02:00+00:00 - 05 03:45+00:00",
            "05 12:00+00:00 - 05 13:45+00:00",
        ]
    );
}
