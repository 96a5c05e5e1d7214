//! Settings are read or refused at the right place, with a hint.

use std::collections::BTreeMap;

use windlass_sdk::{
    prelude::*,
    serde_json::{Value, from_str},
    settings::{self, Period},
};

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[serde(crate = "windlass_sdk::serde")]
#[schemars(crate = "windlass_sdk::schemars")]
struct Settings {
    /// Between two looks.
    #[serde(default)]
    every: Option<Period>,
    #[serde(default)]
    stages: Vec<Stage>,
    #[serde(default)]
    limits: BTreeMap<String, u32>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(crate = "windlass_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "windlass_sdk::schemars")]
struct Stage {
    #[serde(rename = "percent")]
    _percent: u32,
}

fn problem(text: &str) -> Problem {
    let mut problems = settings::parse::<Settings>(text).expect_err("it is wrong");
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems.remove(0)
}

fn every(text: &str) -> Problem {
    problem(&format!(r#"{{"every": {text}}}"#))
}

#[test]
fn durations_have_units_in_falling_order() {
    let read = |text: &str| {
        let text = format!(r#"{{"every": "{text}"}}"#);
        let settings = settings::parse::<Settings>(&text).expect("it is right");
        assert!(settings.stages.is_empty() && settings.limits.is_empty());
        settings.every.map(Period::millis)
    };
    assert_eq!(read("30s"), Some(30_000));
    assert_eq!(read("1h 30m"), Some(5_400_000));
    assert_eq!(read("7d12h"), Some(648_000_000));
    assert_eq!(read("250ms"), Some(250));
    assert_eq!(read("0s"), Some(0));

    let at = |message: &str, hint: &str| Problem::setting("/every", message).hint(hint);
    assert_eq!(every("30"), at("missing unit", "write \"30s\""));
    assert_eq!(every("\"30\""), at("missing unit", "write \"30s\""));
    assert_eq!(
        every("\"3 weeks\"").message,
        "not a duration",
        "no space stands before a unit"
    );
    assert_eq!(
        every("\"3w\""),
        at("unknown unit \"w\"", "the units are d, h, m, s and ms")
    );
    assert_eq!(
        every("\"30s1h\""),
        at(
            "units out of order",
            "longer units come first, each once, as in \"1h30m\""
        )
    );
    assert_eq!(every("\"99999999999999999999d\"").message, "too long");
    for text in ["\"\"", "\"s\"", "\"-1s\"", "\"1.5h\""] {
        assert_eq!(every(text).message, "not a duration", "{text}");
    }
}

#[test]
fn what_serde_refuses_is_shown_where_it_stands() {
    let place = |text| problem(text).place;
    let at = |pointer: &str| Problem::setting(pointer, "").place;
    assert_eq!(
        place(r#"{"stages": [{"percent": 5}, {"percent": "all"}]}"#),
        at("/stages/1/percent")
    );
    assert_eq!(place(r#"{"limits": {"a/b~c": -1}}"#), at("/limits/a~1b~0c"));
    assert_eq!(place(r#"{"evry": "1s"}"#), at("/evry"));
    assert_eq!(place("[]"), Problem::settings("").place);
    assert_eq!(place("{"), Problem::settings("").place);

    let message = problem(r#"{"stages": [{"percent": "all"}]}"#).message;
    assert_eq!(message, "invalid type: string \"all\", expected u32");
}

#[test]
fn the_schema_tells_keys_types_and_meanings() {
    let schema: Value = from_str(&settings::schema::<Settings>()).expect("it is JSON");
    assert_eq!(
        schema["$schema"],
        "https://json-schema.org/draft/2020-12/schema"
    );
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(
        schema["properties"]["every"]["description"],
        "Between two looks."
    );
}
