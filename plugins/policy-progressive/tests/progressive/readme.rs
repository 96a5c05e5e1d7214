//! What the README shows works.

use crate::fleet::try_open;

#[test]
fn every_example_is_taken() {
    let readme = include_str!("../../README.md");
    let examples: Vec<&str> = readme
        .split("```toml\n")
        .skip(1)
        .filter_map(|rest| Some(rest.split_once("```")?.0))
        .collect();
    assert!(examples.len() >= 3, "{examples:?}");
    for example in examples {
        let file: toml::Table = example.parse().expect("an example is TOML");
        let plugins = file["plugins"].as_table().expect("plugins are a table");
        for plugin in plugins.values() {
            let settings =
                serde_json::to_string(&plugin["settings"]).expect("TOML has a JSON form");
            if let Err(problems) = try_open(&settings) {
                panic!("{example}: {problems:?}");
            }
        }
    }
}
