//! The rates, as the vendor's documentation has them (issue 3, policy-rate;
//! GX-05…GX-18).

use crate::fleet::{Fleet, MINUTE, most_within};

/// AWS IoT Jobs' example: 50 a minute, twice as many after each 1000 notified.
#[test]
fn fifty_a_minute_doubles_after_each_thousand_notified() {
    let settings = r#"{"base_rate_per_minute":50,"increment_factor":2.0,"rate_increase":{"notified":1000},"maximum_per_minute":1000}"#;
    let mut fleet = Fleet::new(settings, &[10_000]);
    assert_eq!(fleet.minutes(20), [50; 20]);
    assert_eq!(fleet.minutes(10), [100; 10]);
    assert_eq!(fleet.minutes(5), [200; 5]);
    assert_eq!(fleet.minutes(2), [400; 2]);
}

#[test]
fn devices_that_succeeded_make_it_grow_if_so_told_and_others_do_not() {
    let settings =
        r#"{"base_rate_per_minute":60,"increment_factor":1.5,"rate_increase":{"succeeded":60}}"#;
    let mut fleet = Fleet::new(settings, &[10_000]);
    for _ in 0..120 {
        fleet.start(u64::MAX);
        fleet.wait(1_000);
        fleet.ask();
    }
    assert_eq!(fleet.starts.len(), 120, "none has succeeded");
    fleet.succeed();
    fleet.ask();
    assert_eq!(
        fleet.decision.reasons[0].text,
        "at most 135 devices start a minute"
    );
    assert!(fleet.minutes(1)[0] > 120, "{:?}", fleet.started());
}

#[test]
fn a_growing_rate_ends_at_the_maximum_and_at_a_thousand_if_none_is_set() {
    for (maximum, text) in [
        (
            r#","maximum_per_minute":120"#,
            "at most 120 devices start a minute",
        ),
        ("", "at most 1000 devices start a minute"),
    ] {
        let settings = format!(
            r#"{{"base_rate_per_minute":50,"increment_factor":1.1,"rate_increase":{{"notified":1}}{maximum}}}"#
        );
        let mut fleet = Fleet::new(&settings, &[100_000]);
        fleet.minutes(10);
        assert_eq!(fleet.decision.reasons[0].text, text);
    }
}

/// 50, 55, 60.5, 66.55, 73.205: whole devices come last, so nothing is lost on the way.
#[test]
fn a_factor_compounds_before_it_is_rounded() {
    let settings =
        r#"{"base_rate_per_minute":50,"increment_factor":1.1,"rate_increase":{"notified":10}}"#;
    let mut fleet = Fleet::new(settings, &[100_000]);
    let mut texts = Vec::new();
    while fleet.starts.len() < 45 {
        let text = fleet.decision.reasons[0].text.clone();
        if texts.last() != Some(&text) {
            texts.push(text);
        }
        fleet.second();
    }
    let rates: Vec<_> = texts
        .iter()
        .filter_map(|text| text.split(' ').nth(2))
        .collect();
    assert_eq!(rates, ["50", "55", "60", "66", "73"]);
}

#[test]
fn a_constant_rate_is_kept_in_every_minute_and_spread_over_it() {
    for rate in [1, 7, 50, 1_000, 100_000] {
        let mut fleet = Fleet::new(&format!(r#"{{"maximum_per_minute":{rate}}}"#), &[500_000]);
        assert_eq!(fleet.minutes(3), [rate as usize; 3], "{rate}");
        assert_eq!(most_within(&fleet.starts, MINUTE), rate);
        let second = most_within(&fleet.starts, 1_000);
        assert!(second <= rate / 60 + 1, "{second} of {rate} in a second");
    }
}

/// Retries cannot be held back by ceilings; first starts make room for them.
#[test]
fn retries_count_against_the_rate() {
    let mut fleet = Fleet::new(r#"{"maximum_per_minute":60}"#, &[1_000]);
    fleet.minutes(1);
    let retries = std::iter::repeat_n(fleet.monotonic - 1, 30);
    fleet.starts.extend(retries);
    fleet.ask();
    let before = fleet.view.cohorts[0].started;
    for _ in 0..30 {
        fleet.second();
    }
    assert_eq!(
        fleet.view.cohorts[0].started, before,
        "30 of 60 were first starts, and 30 retries"
    );
    fleet.minutes(1);
    assert!(fleet.view.cohorts[0].started > before + 30);
}

#[test]
fn without_a_rate_nothing_is_bounded() {
    let settings = r#"{"abort":[{"failure":"all","threshold_percent":10,"min_executed":10}]}"#;
    let mut fleet = Fleet::new(settings, &[70_000, 30_000]);
    assert_eq!(fleet.start(u64::MAX), 100_000);
}

/// The host asks at once a second at most, and at the time a policy names.
#[test]
fn it_asks_to_be_asked_when_the_next_device_may_start() {
    let mut fleet = Fleet::new(r#"{"maximum_per_minute":5}"#, &[100]);
    for _ in 0..20 {
        assert_eq!(fleet.start(u64::MAX), 1);
        fleet.succeed();
        fleet.ask();
        let at = fleet.decision.ask_at.expect("devices are left");
        let wait = at - fleet.view.now;
        assert!((1_000..=12_000).contains(&wait), "{wait}");
        fleet.wait(wait);
        fleet.ask();
    }
    assert_eq!(fleet.monotonic, 20 * 12_000, "one each 12 s");
}
