//! The settings that the README shows.

use std::collections::BTreeSet;

use windlass_policy_window::Settings;
use windlass_sdk::{
    serde_json::{Value, from_str},
    settings,
};

use crate::fleet::try_open;

const README: &str = include_str!("../../README.md");

/// The blocks of TOML.
fn examples() -> Vec<&'static str> {
    README
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| rest.split("```").next())
        .collect()
}

/// As the engine reads settings: TOML's own dates and times become text.
fn json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(flag) => (*flag).into(),
        toml::Value::Datetime(datetime) => datetime.to_string().into(),
        toml::Value::Array(items) => items.iter().map(json).collect(),
        toml::Value::Table(table) => table
            .iter()
            .map(|(key, value)| (key.clone(), json(value)))
            .collect(),
    }
}

#[test]
fn every_example_is_taken() {
    let examples = examples();
    assert!(examples.len() >= 5);
    for example in examples {
        let file: toml::Table = example
            .parse()
            .unwrap_or_else(|error| panic!("{example}: {error}"));
        let plugins = file["plugins"].as_table().expect("it names plugins");
        for plugin in plugins.values() {
            assert_eq!(plugin["component"].as_str(), Some("builtin:policy-window"));
            let settings = json(&plugin["settings"]).to_string();
            if let Err(problems) = try_open(&settings) {
                panic!("{settings}: {problems:?}");
            }
        }
    }
}

#[test]
fn every_setting_is_in_the_tables() {
    let schema: Value = from_str(&settings::schema::<Settings>()).expect("it is JSON");
    let keys = |schema: &Value| -> Vec<String> {
        let properties = schema["properties"].as_object().expect("it has properties");
        properties.keys().cloned().collect()
    };
    let mut wanted: BTreeSet<String> = keys(&schema).into_iter().collect();
    wanted.extend(keys(&schema["$defs"]["WindowSettings"]));
    wanted.extend(keys(&schema["$defs"]["FreezeSettings"]));
    let tables: String = README
        .lines()
        .filter(|line| line.starts_with('|'))
        .collect();
    for key in wanted {
        assert!(tables.contains(&format!("`{key}`")), "{key}");
    }
}
