//! Settings that are refused, and where.

use windlass_sdk::{Place, settings};

use crate::fleet::try_open;

#[test]
fn each_problem_points_at_its_setting() {
    for (settings, pointer, message) in [
        (
            r#"{"cohorts":[{"name":"a","percent":50},{"name":"b","percent":10},{"name":"c"}]}"#,
            "/cohorts/1/percent",
            "percent must rise: 10 comes after 50",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":0},{"name":"b"}]}"#,
            "/cohorts/0/percent",
            "percent must be above 0 and at most 100, not 0",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":50},{"name":"b","percent":90}]}"#,
            "/cohorts/1/percent",
            "the last cohort ends at 100 percent, not at 90",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":50},{"name":"b","count":90}]}"#,
            "/cohorts/1/count",
            "the last cohort holds all devices that are left",
        ),
        (
            r#"{"cohorts":[{"name":"a"},{"name":"b"}]}"#,
            "/cohorts/0",
            "cohort `a` says neither percent nor count",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"count":5},{"name":"b"}]}"#,
            "/cohorts/0/count",
            "a cohort has a percent or a count, not both",
        ),
        (
            r#"{"cohorts":[{"name":"a","count":5},{"name":"b","count":5},{"name":"c"}]}"#,
            "/cohorts/1/count",
            "count must rise: 5 comes after 5",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5},{"name":"a"}]}"#,
            "/cohorts/1/name",
            "the name `a` is taken by an earlier cohort",
        ),
        (
            r#"{"cohorts":[{"name":"","percent":5},{"name":"b"}]}"#,
            "/cohorts/0/name",
            "a name has 1 to 64 bytes, and this one has 0",
        ),
        (
            r#"{"analysis":[{"signal":"s","success":{}}]}"#,
            "/analysis/0/success",
            "success says one of at_most, at_least and between",
        ),
        (
            r#"{"analysis":[{"signal":"s","success":{"between":[2,1]}}]}"#,
            "/analysis/0/success/between",
            "between goes from the lower to the higher, and 2 is above 1",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"analysis":[{"signal":"","success":{"at_most":1},"measurements":1}]},{"name":"b"}]}"#,
            "/cohorts/0/analysis/0/signal",
            "a signal's name has 1 to 256 bytes, and this one has 0",
        ),
        (
            r#"{"analysis":[{"signal":"s","success":{"at_least":1},"measurements":0}]}"#,
            "/analysis/0/measurements",
            "measurements must be at least 1: without one nothing is known of the signal",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"success_rate":95},{"name":"b"}]}"#,
            "/cohorts/0/success_rate",
            "a share is between 0 and 1, and 95 is not",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"quorum":-1},{"name":"b"}]}"#,
            "/cohorts/0/quorum",
            "a share is between 0 and 1, and -1 is not",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"min_sample":5},{"name":"b"}]}"#,
            "/cohorts/0/min_sample",
            "min_sample is the sample of success_rate, which is not set",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"on_deadline":"pass"},{"name":"b"}]}"#,
            "/cohorts/0/on_deadline",
            "on_deadline needs a deadline",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"soak":"30"},{"name":"b"}]}"#,
            "/cohorts/0/soak",
            "missing unit",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5},{"name":"b","soak":"1h"}]}"#,
            "/cohorts/1/soak",
            "no cohort comes after the last one, so there is nothing to wait for",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"abort":{}},{"name":"b"}]}"#,
            "/cohorts/0/abort",
            "abort says neither rate nor count",
        ),
        (
            r#"{"abort":{"rate":0}}"#,
            "/abort/rate",
            "rate must be above 0: a rate of 0 is always reached",
        ),
        (
            r#"{"stratify_by":"region"}"#,
            "/stratify_by",
            "devices are not stratified by `region`",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"quorum":0},{"name":"b"}]}"#,
            "/cohorts/0/quorum",
            "quorum must be above 0: the next cohort would open before a device was updated",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"on_failure":"abort"},{"name":"b"}]}"#,
            "/cohorts/0/on_failure",
            "on_failure is the end of success_rate, which is not set",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"kinds":["busy"]},{"name":"b"}]}"#,
            "/cohorts/0/kinds",
            "kinds are those of success_rate, which is not set",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"success_rate":1,"kinds":[]},{"name":"b"}]}"#,
            "/cohorts/0/kinds",
            "no kind is named, so no failure would count",
        ),
        (
            r#"{"abort":{"count":1,"kinds":["busy"],"count_network":true}}"#,
            "/abort/count_network",
            "count_network and kinds both say which failures count",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5},{"name":"b","approval":true}]}"#,
            "/cohorts/1/approval",
            "no cohort comes after the last one, so there is nothing to approve",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"approval":"b"},{"name":"b","percent":9,"approval":true},{"name":"c"}]}"#,
            "/cohorts/1/approval",
            "the approval `b` is asked for at an earlier gate already",
        ),
        (
            r#"{"start_approval":"qa","cohorts":[{"name":"a","percent":5,"approval":"qa"},{"name":"b"}]}"#,
            "/cohorts/0/approval",
            "the approval `qa` is asked for at an earlier gate already",
        ),
        (
            r#"{"start_approval":""}"#,
            "/start_approval",
            "a name has 1 to 64 bytes, and this one has 0",
        ),
        (
            r#"{"cohorts":[{"name":"a","percent":5,"approval":3},{"name":"b"}]}"#,
            "/cohorts/0/approval",
            "an approval is a name, or true for the cohort's name",
        ),
        (
            r#"{"quarantine":{"failures":0,"penalty":"1h"}}"#,
            "/quarantine/failures",
            "failures must be at least 1: a device that never failed did nothing wrong",
        ),
        (
            r#"{"quarantine":{"failures":2,"penalty":"0s"}}"#,
            "/quarantine/penalty",
            "a penalty must be longer than nothing",
        ),
    ] {
        let problems = try_open(settings)
            .err()
            .unwrap_or_else(|| panic!("{settings} is taken"));
        let found = problems
            .iter()
            .map(|problem| (problem.place.clone(), problem.message.as_str()))
            .next();
        assert_eq!(
            found,
            Some((Place::Setting(pointer.to_owned()), message)),
            "{settings}"
        );
    }
}

#[test]
fn every_problem_is_found_at_once() {
    let problems = try_open(
        r#"{"cohorts":[{"name":"a","percent":50,"quorum":2},{"name":"a","percent":10}],"abort":{"rate":7}}"#,
    );
    assert_eq!(problems.err().map(|problems| problems.len()), Some(4));
}

#[test]
fn the_schema_knows_every_key_and_no_other() {
    let schema: serde_json::Value =
        serde_json::from_str(&settings::schema::<windlass_policy_progressive::Settings>())
            .expect("a schema is JSON");
    assert_eq!(schema["additionalProperties"], false);
    assert!(schema["properties"]["cohorts"].is_object());
    for part in ["CohortSettings", "AbortSettings", "QuarantineSettings"] {
        assert_eq!(
            schema["$defs"][part]["additionalProperties"], false,
            "{part}"
        );
    }
}

#[test]
fn failures_of_the_engine_cannot_be_named() {
    for kind in ["plugin", "source", "shutdown", "ours"] {
        let problems = try_open(&format!(
            r#"{{"abort":{{"count":1,"kinds":["busy","{kind}"]}}}}"#
        ));
        assert_eq!(
            problems.err().map(|problems| problems[0].place.clone()),
            Some(Place::Setting("/abort/kinds/1".to_owned()))
        );
    }
}
