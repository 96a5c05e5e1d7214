//! What bad input gets (issue 2), as far as the configuration alone tells.

use super::support::{ISSUE, Place, config_errors, issue_with};

/// The errors of the issue's configuration with one text replaced.
macro_rules! mistakes {
    ($($(#[$doc:meta])* $test:ident: $before:expr => $after:expr;)*) => {$(
        $(#[$doc])*
        #[test]
        fn $test() {
            let errors = config_errors(&issue_with(&[($before, $after)]));
            insta::assert_snapshot!(stringify!($test), errors);
        }
    )*};
}

mistakes! {
    a_misspelt_key_is_told_with_the_nearest_one: "concurrency" => "concurency";
    an_unknown_key_is_told_with_those_there_are: "state =" => "colour =";
    a_misspelt_table_is_told_with_the_nearest_one: "[rollout]" => "[rolout]";
    a_value_of_the_wrong_type_is_told_with_the_right_one: "\"2.3.0\"" => "2.3";
    a_number_without_unit_is_told_what_to_write: "\"30s\", attempt" => "30, attempt";
    a_text_without_unit_is_told_what_to_write: "\"30s\", attempt" => "\"30\", attempt";
    a_duration_of_nothing_is_refused: "backoff = \"1s\"" => "backoff = \"0s\"";
    a_backoff_above_its_bound_is_refused: "backoff = \"1s\"" => "backoff = \"1m\"";
    no_concurrency_is_refused: "concurrency = 100" => "concurrency = 0";
    no_attempts_are_refused: "attempts = 3" => "attempts = 0";
    a_negative_number_is_refused: "concurrency = 100" => "concurrency = -3";
    an_unknown_plugin_is_told_with_the_nearest_one: "[\"careful\"]" => "[\"carefull\"]";
    an_unknown_builtin_is_told_with_the_nearest_one: "builtin:filter-cel" => "builtin:filter-sell";
    a_policy_named_twice_is_refused: "[\"careful\"]" => "[\"careful\", \"careful\"]";
    an_empty_name_is_refused: "name = \"pos-app\"" => "name = \"\"";
    a_name_with_a_line_break_is_refused: "name = \"pos-app\"" => "name = \"pos\\napp\"";
    a_payload_of_another_scheme_is_refused:
        "pos-app-2.3.0.img" => "ftp://example.com/pos-app.img";
    a_digest_of_the_wrong_length_is_refused:
        "[plugins.http]" => "sha256 = \"e3b0c442\"\n[plugins.http]";
    a_word_that_is_no_choice_is_refused: "policies" => "offline = \"wait\"\npolicies";
    a_delivery_that_takes_every_device_before_the_last_is_refused:
        "delivery = \"http\"" => "delivery = [{ use = \"http\" }, { use = \"old-ones\" }]";
    a_last_delivery_with_a_condition_is_refused:
        "delivery = \"http\"" => "delivery = [{ when = \"true\", use = \"http\" }]";
    an_empty_list_of_deliveries_is_refused: "delivery = \"http\"" => "delivery = []";
    a_setting_that_is_not_finite_is_refused: "success_rate = 0.95" => "success_rate = inf";
    broken_toml_is_told_where_it_breaks: "concurrency = 100" => "concurrency = ";
    a_bandwidth_without_unit_is_told_what_to_write:
        "concurrency = 100" => "bandwidth = 50";
    a_bandwidth_of_nothing_is_refused: "concurrency = 100" => "bandwidth = \"0B\"";
    a_limit_by_an_unknown_field_is_told_with_the_nearest_one:
        "concurrency = 100" => "limits = [{ by = \"locaton\", transfers = 1 }]";
    a_limit_that_bounds_nothing_is_refused:
        "concurrency = 100" => "limits = [{ by = \"kind\" }]";
    two_limits_of_one_field_are_refused:
        "concurrency = 100" => "limits = [\n  { by = \"kind\", transfers = 1 },\n  { by = \"kind\", unavailable = 1 },\n]";
    a_signal_without_a_source_is_refused: "[rollout]" => "[signals.errors]\n[rollout]";
    a_signal_with_several_sources_is_refused:
        "[rollout]" => "[signals.errors]\nurl = \"https://x\"\nfile = \"x\"\n[rollout]";
    a_signal_with_keys_of_another_source_is_refused:
        "[rollout]" => "[signals.errors]\nfile = \"x\"\nquery = \"up\"\nbearer = { env = \"T\" }\n[rollout]";
    a_signal_of_prometheus_needs_a_query:
        "[rollout]" => "[signals.errors]\nprometheus = \"https://x\"\n[rollout]";
    a_signal_that_is_polled_too_often_is_refused:
        "[rollout]" => "[signals.errors]\nfile = \"x\"\nevery = \"999ms\"\n[rollout]";
    a_signal_whose_times_do_not_fit_is_refused:
        "[rollout]" => "[signals.errors]\nfile = \"x\"\ntimeout = \"30s\"\nstale = \"29s\"\n[rollout]";
    a_signal_with_a_bad_pointer_or_password_is_refused:
        "[rollout]" => "[signals.errors]\nurl = \"https://me:secret@x\"\npointer = \"rate\"\n[rollout]";
    a_secret_in_two_places_is_refused:
        "[rollout]" => "[signals.errors]\nurl = \"https://x\"\nheaders = { \"a b\" = { env = \"T\" }, ok = { env = \"T\", file = \"t\" } }\n[rollout]";
    a_priority_out_of_range_is_refused: "policies" => "priority = 3000000000\npolicies";
    a_rollback_to_a_version_that_is_not_there_is_told_with_the_nearest_one:
        "[rollout]" => "[rollback]\nto = \"2.2.1\"\nreleases = [{ version = \"2.2.0\", payload = \"old.img\" }]\n[rollout]";
    a_rollback_without_any_release_is_told_what_to_write:
        "[rollout]" => "[rollback]\nto = \"1.0.0\"\n[rollout]";
    /// A rollback that goes back to what it takes back would never end.
    a_rollback_to_the_release_itself_is_refused:
        "[rollout]" => "[[rollback.releases]]\nversion = \"2.3.0\"\npayload = \"old.img\"\n[rollout]";
    two_releases_of_one_version_to_go_back_to_are_refused:
        "[rollout]" => "[[rollback.releases]]\nversion = \"2.2.0\"\npayload = \"old.img\"\n[[rollback.releases]]\nversion = \"2.2.0\"\npayload = \"older.img\"\n[rollout]";
    a_release_to_go_back_to_without_payload_is_refused:
        "[rollout]" => "[[rollback.releases]]\nversion = \"2.2.0\"\n[rollout]";
    a_key_given_twice_is_refused: "concurrency = 100" => "concurrency = 100\nstate = \"b\"";
}

#[test]
fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_lines() {
    let errors = config_errors(&issue_with(&[
        ("concurrency = 100", "concurrency = 0"),
        ("\"2.3.0\"", "2.3"),
        ("component = \"builtin:filter-cel\"", "settings = 4"),
        ("delivery = \"http\"", "delivery = \"htpp\""),
        ("attempts = 3", "attempts = \"3\""),
    ]));
    insta::assert_snapshot!("everything_at_once", errors);
}

#[test]
fn an_empty_file_is_told_what_it_lacks() {
    insta::assert_snapshot!("an_empty_file", config_errors(""));
}

#[test]
fn a_file_that_is_not_there_or_no_text_is_told_so() {
    let place = Place::with("rollout.toml", b"name = \"caf\xe9\"");
    let problems = place.load().expect_err("it is not UTF-8");
    insta::assert_snapshot!("a_file_that_is_no_text", place.stable(problems));
}

#[test]
fn control_characters_of_the_file_do_not_reach_the_terminal() {
    let text = issue_with(&[("\"careful\"]", "\"\\u001b[2Jcareful\"]")]);
    assert!(!config_errors(&text).contains('\u{1b}'));
    assert!(!config_errors(&ISSUE.replace("state =", "\"\\u001b[2J\" =")).contains('\u{1b}'));
}
