//! From what a plugin says of its settings and expressions back to the file.

use proptest::prelude::*;
use windlass_model::PluginName;

use super::support::{ISSUE, Place, issue_with};

#[test]
fn a_json_pointer_leads_to_the_line_of_the_setting() {
    let place = Place::with("rollout.toml", ISSUE);
    let (config, _) = place.load().expect("it is normative");
    let careful = PluginName::new("careful");
    let shown = |span| place.stable(config.error_at(span, "percent must rise"));
    let value = shown(config.locate(&careful, "/cohorts/1/percent"));
    insta::assert_snapshot!("pointer_to_a_value", value);
    let key = shown(config.locate_key(&careful, "/cohorts/0/success_rate"));
    insta::assert_snapshot!("pointer_to_a_key", key);

    let line = |plugin: &str, pointer: &str| {
        let span = config.locate(&PluginName::new(plugin), pointer);
        let (_, line, column) = config.position(span);
        (line, column)
    };
    assert_eq!(line("http", "/allow_plain_http"), (15, 33));
    assert_eq!(
        line("careful", "/cohorts/7/name"),
        (22, 20),
        "as far as it leads"
    );
    assert_eq!(
        line("old-ones", "/paths"),
        (17, 1),
        "no settings: the table"
    );
}

#[test]
fn a_column_of_an_expression_is_a_column_of_the_line_it_is_written_in() {
    let expression = r#"expression = 'semver(device.version).isLessThan(semver("2.3.0"))'"#;
    let escaped = r#"expression = "device.kind == \"caf\u00e9\" && devise.name == \"x\"""#;
    let place = Place::with("rollout.toml", issue_with(&[(expression, escaped)]));
    let (config, _) = place.load().expect("only the plugin can judge it");
    let filter = config.rollout.filter.as_ref().expect("there is one");
    let expression = filter.expression.as_ref().expect("it has one");
    let start = expression.text.find("devise").expect("it is in the text");
    let start = u32::try_from(start).expect("it is short");
    let span = config.locate_in(expression, start..start + 6);
    let problem = config
        .error_at(span, "no variable is called `devise`")
        .help("did you mean `device`?");
    insta::assert_snapshot!("place_in_an_expression", place.stable(problem));
}

fn literal() -> impl Strategy<Value = String> {
    let unit = prop_oneof![
        "[a-z .]",
        Just(r"\n".to_owned()),
        Just(r#"\""#.to_owned()),
        Just(r"\\".to_owned()),
        Just(r"\u00e9".to_owned()),
        Just(r"\U0001F600".to_owned()),
        Just(r"\x41".to_owned()),
        Just("ü".to_owned()),
    ];
    let lines = prop_oneof![
        4 => unit.clone(),
        1 => Just("\n".to_owned()),
        1 => Just("\\\n   ".to_owned()),
    ];
    prop_oneof![
        prop::collection::vec(unit, 1..20).prop_map(|units| format!("\"{}\"", units.concat())),
        prop::collection::vec(lines, 1..20)
            .prop_map(|units| format!("\"\"\"\n{}x\"\"\"", units.concat())),
        "[a-zü \\\\]{1,20}".prop_map(|text| format!("'{text}'")),
        "[a-zü \n\\\\]{1,20}x".prop_map(|text| format!("'''\n{text}'''")),
    ]
}

proptest! {
    /// What stands at the place of a character means that character.
    #[test]
    fn every_character_of_an_expression_is_found_where_it_is_written(literal in literal()) {
        let written = r#"expression = 'semver(device.version).isLessThan(semver("2.3.0"))'"#;
        let text = issue_with(&[(written, &format!("expression = {literal}"))]);
        let place = Place::with("rollout.toml", &text);
        let (config, _) = place.load().expect("any string will do");
        let filter = config.rollout.filter.as_ref().expect("there is one");
        let expression = filter.expression.as_ref().expect("it has one");
        let quote = if literal.starts_with('"') { "\"\"\"" } else { "'''" };
        for (offset, character) in expression.text.char_indices() {
            let offset = u32::try_from(offset).expect("it is short");
            let end = offset + u32::try_from(character.len_utf8()).expect("at most four");
            let span = config.locate_in(expression, offset..end);
            // A line break after the opening quotes is not part of the value.
            let part = format!("value = {quote}\n{}{quote}", &text[span.start..span.end]);
            let meant: toml::Table = part.parse().expect("a part of a string is a string");
            let meant = meant["value"].as_str().expect("it is one").to_owned();
            prop_assert_eq!(meant, character.to_string());
        }
    }
}
