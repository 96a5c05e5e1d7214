//! Settings that are refused, and where.

use windlass_sdk::{Place, settings};

use crate::fleet::try_open;

#[test]
fn each_problem_points_at_its_setting_and_says_what_to_write() {
    let ramp = |rest: &str| format!(r#"{{"base_rate_per_minute":50,{rest}}}"#);
    let abort = |rest: &str| format!(r#"{{"abort":[{{{rest}}}]}}"#);
    for (settings, pointer, message) in [
        (
            r#"{"maximum_per_minute":0}"#.to_owned(),
            "/maximum_per_minute",
            "a rate is 1 to 1000000 devices a minute, not 0",
        ),
        (
            r#"{"maximum_per_minute":1000001}"#.to_owned(),
            "/maximum_per_minute",
            "a rate is 1 to 1000000 devices a minute, not 1000001",
        ),
        (
            r#"{"maximum_per_minute":50,"increment_factor":2}"#.to_owned(),
            "/increment_factor",
            "increment_factor needs the rate that is to grow",
        ),
        (
            r#"{"rate_increase":{"notified":5}}"#.to_owned(),
            "/rate_increase",
            "rate_increase needs the rate that is to grow",
        ),
        (
            ramp(r#""rate_increase":{"notified":5}"#),
            "/base_rate_per_minute",
            "base_rate_per_minute needs increment_factor",
        ),
        (
            ramp(r#""increment_factor":2"#),
            "/base_rate_per_minute",
            "base_rate_per_minute needs rate_increase",
        ),
        (
            ramp(r#""increment_factor":1.0,"rate_increase":{"notified":5}"#),
            "/increment_factor",
            "a rate grows by a factor of 1.1 to 5, not 1",
        ),
        (
            ramp(r#""increment_factor":5.1,"rate_increase":{"notified":5}"#),
            "/increment_factor",
            "a rate grows by a factor of 1.1 to 5, not 5.1",
        ),
        (
            ramp(r#""increment_factor":1.55,"rate_increase":{"notified":5}"#),
            "/increment_factor",
            "a factor has at most one decimal, and 1.55 has more",
        ),
        (
            ramp(r#""increment_factor":2,"rate_increase":{}"#),
            "/rate_increase",
            "rate_increase says neither notified nor succeeded",
        ),
        (
            ramp(r#""increment_factor":2,"rate_increase":{"notified":5,"succeeded":5}"#),
            "/rate_increase",
            "rate_increase has notified or succeeded, not both",
        ),
        (
            ramp(r#""increment_factor":2,"rate_increase":{"succeeded":0}"#),
            "/rate_increase/succeeded",
            "succeeded must be at least 1",
        ),
        (
            ramp(r#""increment_factor":2,"rate_increase":{"notified":5},"maximum_per_minute":49"#),
            "/base_rate_per_minute",
            "the base rate 50 is above the maximum rate 49",
        ),
        (
            r#"{"base_rate_per_minute":1001,"increment_factor":2,"rate_increase":{"notified":5}}"#
                .to_owned(),
            "/base_rate_per_minute",
            "the base rate 1001 is above the maximum rate 1000",
        ),
        (
            abort(r#""failure":"all","threshold_percent":0,"min_executed":1"#),
            "/abort/0/threshold_percent",
            "a threshold is above 0 and at most 100 percent, not 0",
        ),
        (
            abort(r#""failure":"all","threshold_percent":100.01,"min_executed":1"#),
            "/abort/0/threshold_percent",
            "a threshold is above 0 and at most 100 percent, not 100.01",
        ),
        (
            abort(r#""failure":"all","threshold_percent":10.999,"min_executed":1"#),
            "/abort/0/threshold_percent",
            "a threshold has at most two decimals, and 10.999 has more",
        ),
        (
            abort(r#""failure":"all","threshold_percent":5,"min_executed":0"#),
            "/abort/0/min_executed",
            "min_executed must be at least 1: a share of no devices says nothing",
        ),
        (
            abort(r#""threshold_percent":5,"min_executed":1"#),
            "/abort/0",
            "the criterion does not say which failures count",
        ),
        (
            abort(r#""failure":"all","kinds":["busy"],"threshold_percent":5,"min_executed":1"#),
            "/abort/0/kinds",
            "a criterion has failure or kinds, not both",
        ),
        (
            abort(r#""kinds":[],"threshold_percent":5,"min_executed":1"#),
            "/abort/0/kinds",
            "no kind is named, so nothing would count",
        ),
        (
            abort(r#""kinds":["busy","busy"],"threshold_percent":5,"min_executed":1"#),
            "/abort/0/kinds/1",
            "this kind is named twice",
        ),
        (
            abort(r#""kinds":["plugin"],"threshold_percent":5,"min_executed":1"#),
            "/abort/0/kinds/0",
            "failures of the engine's own say nothing about the release",
        ),
    ] {
        let problems = try_open(&settings)
            .err()
            .unwrap_or_else(|| panic!("{settings} is taken"));
        let place = Place::Setting(pointer.to_owned());
        let found: Vec<_> = problems
            .iter()
            .map(|problem| (problem.place.clone(), problem.message.as_str()))
            .collect();
        assert_eq!(found, [(place, message)], "{settings}");
        assert!(problems[0].hint.is_some(), "{settings}");
    }
}

#[test]
fn settings_that_do_nothing_are_refused() {
    for settings in ["{}", r#"{"abort":[]}"#] {
        let problems = try_open(settings).err().expect("it does nothing");
        assert_eq!(
            problems[0].message,
            "the settings name neither a rate nor abort criteria"
        );
        assert_eq!(problems[0].place, Place::Settings);
    }
}

#[test]
fn every_problem_is_found_at_once() {
    let problems = try_open(
        r#"{"base_rate_per_minute":0,"increment_factor":9,"rate_increase":{},"abort":[
            {"kinds":["source"],"threshold_percent":101,"min_executed":0}]}"#,
    );
    assert_eq!(problems.err().map(|problems| problems.len()), Some(6));
}

#[test]
fn the_schema_knows_every_key_and_no_other() {
    let schema: serde_json::Value =
        serde_json::from_str(&settings::schema::<windlass_policy_rate::Settings>())
            .expect("a schema is JSON");
    assert_eq!(schema["additionalProperties"], false);
    for key in [
        "maximum_per_minute",
        "base_rate_per_minute",
        "increment_factor",
        "rate_increase",
        "abort",
    ] {
        assert!(schema["properties"][key].is_object(), "{key}");
    }
    for part in ["AbortCriterion", "RateIncrease"] {
        assert_eq!(schema["$defs"][part]["additionalProperties"], false);
    }
}
