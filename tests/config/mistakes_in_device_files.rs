//! What bad input gets (issue 2), as far as it is a file of devices.

use super::support::device_errors;

macro_rules! mistakes {
    ($($test:ident: $name:literal, $text:expr;)*) => {$(
        #[test]
        fn $test() {
            insta::assert_snapshot!(stringify!($test), device_errors($name, $text));
        }
    )*};
}

mistakes! {
    a_device_id_used_twice_is_told_with_both_lines: "devices.json", r#"[
  { "id": "a", "address": "http://a" },
  { "id": "b", "address": "http://b" },
  {
    "id": "a",
    "address": "http://c"
  }
]"#;
    an_id_used_twice_in_csv_is_told_with_both_lines: "devices.csv",
        "id,address\na,http://a\nb,http://b\na,http://c\n";
    a_device_without_id_or_address_is_told_so: "devices.json", r#"[{ "name": "till" }]"#;
    an_empty_id_is_refused: "devices.json", r#"[{ "id": "", "address": "http://a" }]"#;
    an_id_that_is_too_long_is_refused: "devices.json",
        format!(r#"[{{ "id": "{}", "address": "http://a" }}]"#, "x".repeat(257));
    an_id_with_a_control_character_is_refused: "devices.json",
        r#"[{ "id": "a\u0007", "address": "http://a" }]"#;
    an_id_that_is_a_number_is_told_what_to_write: "devices.json",
        r#"[{ "id": 17, "address": "http://a" }]"#;
    an_address_without_scheme_is_told_what_to_write: "devices.json",
        r#"[{ "id": "a", "address": "10.0.0.1:8443" }]"#;
    an_address_without_host_is_refused: "devices.ndjson",
        r#"{ "id": "a", "address": "https:///update" }"#;
    an_address_with_a_password_is_refused: "devices.ndjson",
        r#"{ "id": "a", "address": "https://root:geheim@a.example" }"#;
    a_bad_status_is_told_with_the_nearest: "devices.csv",
        "id,address,status\na,http://a,onlin\n";
    a_bad_time_is_told_with_a_good_one: "devices.ndjson",
        r#"{ "id": "a", "address": "http://a", "last_seen": "2026-01-31 08:00" }"#;
    a_misspelt_key_is_told_with_the_nearest: "devices.ndjson",
        r#"{ "id": "a", "adress": "http://a", "Name": "till" }"#;
    a_misspelt_column_is_told_once: "devices.csv", "id,adress\na,http://a\nb,http://b\n";
    a_column_that_is_lacking_is_told_once: "devices.csv", "name,address\na,http://a\n";
    a_row_of_the_wrong_length_is_told_so: "devices.csv", "id,address\na,http://a,x\n";
    a_quote_that_is_not_closed_is_told_where_it_opens: "devices.csv",
        "id,address\na,\"http://a\nb,http://b\n";
    broken_json_is_told_where_it_breaks: "devices.json", "[\n  { \"id\": \"a\",\n    \"address\": http://a }\n]";
    an_array_that_lacks_a_comma_is_told_where: "devices.json",
        "[\n  { \"id\": \"a\", \"address\": \"http://a\" }\n  { \"id\": \"b\" }\n]";
    an_array_that_does_not_end_is_told_so: "devices.json",
        "[\n  { \"id\": \"a\", \"address\": \"http://a\" }";
    a_closing_brace_that_is_lacking_is_told_where_it_should_be: "devices.json",
        "[\n  { \"id\": \"a\", \"address\": \"http://a\"\n]";
    an_array_on_one_line_is_told_with_its_columns: "devices.json",
        r#"[{"id":"a","address":"http://a"},{"id":"ü","address":"http://b"},{"id":"c","address":"c"}]"#;
    each_broken_line_of_ndjson_is_told: "devices.ndjson",
        "{\"id\": \"a\"\n{\"id\": \"b\", \"address\": \"http://b\"}\n[1]\n";
    a_file_that_is_no_list_is_told_so: "devices.json", "id;address";
    an_empty_file_of_devices_is_told_so: "devices.json", "";
    metadata_that_is_no_object_is_refused: "devices.ndjson",
        r#"{ "id": "a", "address": "http://a", "metadata": ["x"] }"#;
    an_attribute_given_twice_is_refused: "devices.ndjson",
        r#"{ "id": "a", "address": "http://a", "region": "x", "metadata": { "region": "y" } }"#;
}

#[test]
fn a_file_in_another_encoding_is_told_by_line() {
    let errors = device_errors("devices.csv", b"id,address\na,http://a\nb\xe9,http://b\n");
    insta::assert_snapshot!("another_encoding", errors);
}

#[test]
fn of_many_mistakes_the_first_are_shown_and_the_rest_is_counted() {
    let text: String = (0..1_000)
        .map(|number| format!("{{\"id\": \"{number}\", \"address\": \"a\"}}\n"))
        .collect();
    let errors = device_errors("devices.ndjson", text);
    assert_eq!(errors.matches("has no scheme").count(), 20);
    assert!(errors.ends_with("error: 980 more problems are not shown; mend these first"));
}
