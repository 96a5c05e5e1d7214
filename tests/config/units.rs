use std::time::Duration;

use proptest::prelude::*;
use windlass_cli::units::{UnitError, format_duration, format_size, parse_duration, parse_size};

proptest! {
    #[test]
    fn a_duration_is_read_back_as_it_was_written(millis: u64) {
        let duration = Duration::from_millis(millis);
        prop_assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
    }

    #[test]
    fn a_size_is_read_back_as_it_was_written(bytes: u64) {
        prop_assert_eq!(parse_size(&format_size(bytes)), Ok(bytes));
    }

    #[test]
    fn no_text_makes_the_readers_of_units_fail_in_another_way(text: String) {
        let _ = parse_duration(&text);
        let _ = parse_size(&text);
    }
}

#[test]
fn durations_and_sizes_mean_what_people_mean() {
    let seconds = |text| parse_duration(text).map(|duration| duration.as_secs_f64());
    assert_eq!(seconds("500ms"), Ok(0.5));
    assert_eq!(seconds("1h30m"), Ok(5_400.0));
    assert_eq!(seconds("2d"), Ok(172_800.0));
    assert_eq!(parse_size("64MiB"), Ok(67_108_864));
    assert_eq!(parse_size("10MB"), Ok(10_000_000));
    assert_eq!(format_size(1536), "1536B");
    assert_eq!(format_size(3 << 30), "3GiB");
}

#[test]
fn what_is_no_duration_is_refused_with_what_to_write() {
    let said = |text| parse_duration(text).map_err(|why| why.to_string());
    assert_eq!(said("30"), Err("missing unit: write \"30s\"".to_owned()));
    let order = Err(UnitError::Order.to_string());
    assert_eq!(said("1m1h"), order);
    assert_eq!(said("1s1s"), order);
    let unknown = "unknown unit \"sec\": the units are d, h, m, s, ms";
    assert_eq!(said("30sec"), Err(unknown.to_owned()));
    let malformed = Err("expected a whole number with a unit, such as \"30s\"".to_owned());
    for text in ["", "s", "-1s", "1.5h", " 1s", "1 s"] {
        assert_eq!(said(text), malformed, "{text:?}");
    }
    assert_eq!(said("18446744073709551615d"), Err("too large".to_owned()));
}
