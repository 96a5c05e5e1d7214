//! Settings that are refused, where, and what to write instead.

use windlass_policy_window::Settings;
use windlass_sdk::{Place, Problem, serde_json::Value, settings};

use crate::fleet::try_open;

fn problems(settings: &str) -> Vec<Problem> {
    match try_open(settings) {
        Ok(_) => panic!("{settings} is taken"),
        Err(problems) => problems,
    }
}

fn check(settings: &str, pointer: &str, message: &str, hint: &str) {
    let problems = problems(settings);
    let [problem] = problems.as_slice() else {
        panic!("{settings}: {problems:?}");
    };
    assert_eq!(
        problem.place,
        Place::Setting(pointer.to_owned()),
        "{settings}"
    );
    assert_eq!(problem.message, message, "{settings}");
    let found = problem.hint.as_deref().expect("it says what to write");
    assert!(found.contains(hint), "{settings}: {found}");
}

#[test]
fn windows_that_never_open_or_never_close() {
    for (window, key, message, hint) in [
        (
            r#"{"cron":"0 2 30 2 *","duration":"1h"}"#,
            "/cron",
            "`0 2 30 2 *` names no day that exists",
            "30 February",
        ),
        (
            r#"{"cron":"0 2 * *","duration":"1h"}"#,
            "/cron",
            "`0 2 * *` has 4 fields, not 5",
            "five fields",
        ),
        (
            r#"{"cron":"0 0 2 * * *","duration":"1h"}"#,
            "/cron",
            "`0 0 2 * * *` has 6 fields, not 5",
            "five fields",
        ),
        (
            r#"{"cron":"0 25 * * *","duration":"1h"}"#,
            "/cron",
            "`0 25 * * *` is no cron expression: Number out of bounds",
            "five fields",
        ),
        (
            r#"{"cron":"0 2 * * SUN","duration":"0s"}"#,
            "/duration",
            "a window lasts longer than nothing, and at most 366 days",
            "2h",
        ),
        (
            r#"{"cron":"0 2 * * SUN","duration":"367d"}"#,
            "/duration",
            "a window lasts longer than nothing, and at most 366 days",
            "2h",
        ),
        (
            r#"{"cron":"0 2 * * SUN"}"#,
            "",
            "a window of cron needs a duration",
            "duration = \"2h\"",
        ),
        (
            r#"{"cron":"0 2 * * SUN","duration":"1h","to":"04:00"}"#,
            "",
            "a window has cron and duration, or days, from and to, and not both",
            "cron = ",
        ),
        (
            r#"{"from":"02:00"}"#,
            "",
            "the window says not when it ends",
            "to = \"04:00\"",
        ),
        (
            r#"{"to":"02:00"}"#,
            "",
            "the window says not when it begins",
            "from = \"02:00\"",
        ),
        (r#"{}"#, "", "the window says not when it begins", "from = "),
        (
            r#"{"from":"02:00","to":"02:00"}"#,
            "/to",
            "the window ends when it begins",
            "24:00",
        ),
        (
            r#"{"from":"24:00","to":"02:00"}"#,
            "/from",
            "a day ends at 24:00, and nothing begins then",
            "00:00",
        ),
        (
            r#"{"from":"2 am","to":"04:00"}"#,
            "/from",
            "`2 am` is no time of day",
            "02:00",
        ),
        (
            r#"{"from":"22:00","to":"24:01"}"#,
            "/to",
            "`24:01` is no time of day",
            "02:00",
        ),
        (
            r#"{"days":[],"from":"02:00","to":"04:00"}"#,
            "/days",
            "no day is listed, so the window never opens",
            "leave out days",
        ),
    ] {
        check(
            &format!(r#"{{"zone":"UTC","windows":[{{"from":"01:00","to":"02:00"}},{window}]}}"#),
            &format!("/windows/1{key}"),
            message,
            hint,
        );
    }
}

#[test]
fn zones_that_are_unknown() {
    for (zone, hint) in [
        ("Europe/Berln", "write \"Europe/Berlin\""),
        ("berlin", "write \"Europe/Berlin\""),
        ("New York", "write \"America/New_York\""),
        ("Europ/London", "write \"Europe/London\""),
        ("?", "an IANA name"),
    ] {
        let message = format!("`{zone}` is no time zone");
        let windows = r#""windows":[{"from":"02:00","to":"04:00"}]"#;
        check(
            &format!(r#"{{"zone":"{zone}",{windows}}}"#),
            "/zone",
            &message,
            hint,
        );
        check(
            &format!(r#"{{"zone":"device","without_zone":"{zone}",{windows}}}"#),
            "/without_zone",
            &message,
            hint,
        );
        check(
            &format!(
                r#"{{"zone":"UTC","freezes":[{{"from":"2026-12-18","to":"2026-12-19","zone":"{zone}"}}]}}"#
            ),
            "/freezes/0/zone",
            &message,
            hint,
        );
    }
}

#[test]
fn settings_that_do_not_fit_each_other() {
    let windows =
        r#""windows":[{"from":"02:00","to":"04:00"},{"cron":"0 12 * * *","duration":"30m"}]"#;
    for (settings, pointer, message, hint) in [
        (
            format!(r#"{{"zone":"device",{windows}}}"#),
            "/zone",
            "devices without a time zone are not provided for",
            "without_zone = \"skip\"",
        ),
        (
            format!(r#"{{"zone":"UTC","without_zone":"skip",{windows}}}"#),
            "/without_zone",
            "the time zones of devices are not looked at, as zone names one for all",
            "zone = \"device\"",
        ),
        (
            r#"{"zone":"UTC","windows":[]}"#.to_owned(),
            "/windows",
            "no window is listed, so nothing could ever start",
            "leave out windows",
        ),
        (
            format!(r#"{{"zone":"UTC","last_start":"30m",{windows}}}"#),
            "/last_start",
            "the window `0 12 * * * for 30m` is no longer than that, so nothing could start in it",
            "shorter last_start",
        ),
        (
            format!(r#"{{"zone":"UTC","not_before":"soon",{windows}}}"#),
            "/not_before",
            "`soon` is neither a date nor a date and time",
            "2026-12-18",
        ),
        (
            format!(r#"{{"zone":"UTC","not_after":"2026-02-30",{windows}}}"#),
            "/not_after",
            "`2026-02-30` is neither a date nor a date and time",
            "2026-12-18",
        ),
        (
            format!(r#"{{"zone":"UTC","not_before":"2026-07-05","not_after":"2026-07-04",{windows}}}"#),
            "/not_after",
            "not_after is before not_before",
            "later",
        ),
        (
            format!(
                r#"{{"zone":"UTC","not_before":"2026-07-05T05:00","not_after":"2026-07-05T11:00",{windows}}}"#
            ),
            "/not_after",
            "no window opens between not_before and not_after, so nothing could ever start",
            "windows",
        ),
        (
            r#"{"zone":"UTC","freezes":[{"from":"2026-12-18","to":"2026-12-17"}]}"#.to_owned(),
            "/freezes/0/to",
            "the freeze ends at 2026-12-17, before it begins",
            "one day",
        ),
        (
            r#"{"zone":"UTC","freezes":[{"from":"2026-12-18T02:00Z","to":"2026-12-18T02:00Z"}]}"#
                .to_owned(),
            "/freezes/0/to",
            "the freeze ends at 2026-12-18T02:00Z, before it begins",
            "later",
        ),
        (
            r#"{"zone":"device","without_zone":"skip","freezes":[{"from":"2026-12-18","to":"2026-12-18","zone":"device"}]}"#
                .to_owned(),
            "/freezes/0/zone",
            "a freeze is in the zone of each device if the policy's zone is `device`",
            "leave out",
        ),
        (
            format!(r#"{{"zone":"UTC","carry_over":"stop",{windows}}}"#),
            "/carry_over",
            "windows are counted from not_before on, which is not set",
            "not_before = ",
        ),
        (
            r#"{"zone":"UTC","carry_over":"on-connect","not_before":"2026-07-05"}"#.to_owned(),
            "/carry_over",
            "there is no window after which something could be carried over",
            "windows",
        ),
        (
            format!(r#"{{"zone":"UTC","max_windows":2,"not_before":"2026-07-05",{windows}}}"#),
            "/max_windows",
            "after the last window devices cannot wait for the next one",
            "carry_over = \"stop\"",
        ),
        (
            format!(
                r#"{{"zone":"UTC","carry_over":"stop","max_windows":0,"not_before":"2026-07-05",{windows}}}"#
            ),
            "/max_windows",
            "0 windows cannot be counted, only 1 to 366",
            "not_after",
        ),
        (
            r#"{"zone":"UTC","carry_over":"stop","not_before":"2026-07-05","windows":[{"from":"00:00","to":"24:00"}]}"#
                .to_owned(),
            "/carry_over",
            "the windows leave no gap between them, so the last one never ends",
            "not_after",
        ),
    ] {
        check(&settings, pointer, message, hint);
    }
}

#[test]
fn settings_that_say_nothing() {
    let problems = problems(r#"{"zone":"UTC"}"#);
    assert_eq!(problems[0].place, Place::Settings);
    assert!(
        problems[0]
            .message
            .contains("everything starts at any time")
    );
}

#[test]
fn lists_that_are_too_long() {
    let window = r#"{"from":"02:00","to":"04:00"}"#;
    let freeze = r#"{"from":"2026-12-18","to":"2026-12-18"}"#;
    for (key, item, most) in [("windows", window, 64), ("freezes", freeze, 256)] {
        let list = |count| vec![item; count].join(",");
        assert!(try_open(&format!(r#"{{"zone":"UTC","{key}":[{}]}}"#, list(most))).is_ok());
        check(
            &format!(r#"{{"zone":"UTC","{key}":[{}]}}"#, list(most + 1)),
            &format!("/{key}"),
            &format!("{} {key}, and at most {most} are allowed", most + 1),
            "",
        );
    }
    let long = "x".repeat(257);
    check(
        &format!(
            r#"{{"zone":"UTC","freezes":[{{"from":"2026-12-18","to":"2026-12-18","reason":"{long}"}}]}}"#
        ),
        "/freezes/0/reason",
        "a reason has at most 256 bytes, and this one has 257",
        "word",
    );
    let minutes = vec!["10"; 100].join(",");
    check(
        &format!(r#"{{"zone":"UTC","windows":[{{"cron":"{minutes} * * * *","duration":"1m"}}]}}"#),
        "/windows/0/cron",
        "an expression has at most 256 bytes, and this one has 307",
        "several",
    );
}

#[test]
fn every_problem_is_found_at_once() {
    let found = problems(
        r#"{"zone":"Mars/Olympus","last_start":"1d","not_before":"x","freezes":[{"from":"y","to":"z"}],
            "windows":[{"from":"02:00","to":"04:00"},{"from":"8","to":"9"},{"cron":"x","duration":"1h"}]}"#,
    );
    let places: Vec<&Place> = found.iter().map(|problem| &problem.place).collect();
    let wanted = [
        "/zone",
        "/windows/1/from",
        "/windows/1/to",
        "/windows/2/cron",
        "/last_start",
        "/not_before",
        "/freezes/0/from",
        "/freezes/0/to",
    ]
    .map(|pointer| Place::Setting(pointer.to_owned()));
    assert_eq!(places, wanted.iter().collect::<Vec<_>>());
}

#[test]
fn unknown_keys_and_values_are_the_schemas() {
    let schema: Value =
        windlass_sdk::serde_json::from_str(&settings::schema::<Settings>()).expect("it is JSON");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(
        schema["required"],
        windlass_sdk::serde_json::json!(["zone"])
    );
    for name in ["WindowSettings", "FreezeSettings"] {
        assert_eq!(schema["$defs"][name]["additionalProperties"], false);
    }
    for (settings, pointer) in [
        (r#"{"zone":"UTC","window":[]}"#, "/window"),
        (
            r#"{"zone":"UTC","windows":[{"days":["monday"],"from":"02:00","to":"04:00"}]}"#,
            "/windows/0/days/0",
        ),
        (r#"{"zone":"UTC","carry_over":"never"}"#, "/carry_over"),
        (r#"{"zone":"UTC","last_start":15}"#, "/last_start"),
    ] {
        assert_eq!(
            problems(settings)[0].place,
            Place::Setting(pointer.to_owned()),
            "{settings}"
        );
    }
}
