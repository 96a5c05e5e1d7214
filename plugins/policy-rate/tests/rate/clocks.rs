//! Clocks that leap, pauses, and answers that come twice or never (design §4:
//! ceilings are absolute).

use windlass_sdk::{Policy, Verdict};

use crate::fleet::{Fleet, MINUTE, SECOND, START, codes, most_within, open};

const HOUR: u64 = 60 * MINUTE;

#[test]
fn an_answer_given_twice_admits_nobody_twice() {
    let mut fleet = Fleet::new(r#"{"maximum_per_minute":600}"#, &[1_000]);
    assert_eq!(fleet.start(u64::MAX), 10);
    let decision = fleet.decision.clone();
    assert_eq!(fleet.start(u64::MAX), 0);
    fleet.ask();
    assert_eq!(fleet.start(u64::MAX), 0, "no time has passed");
    fleet.decision = decision;
    assert_eq!(fleet.start(u64::MAX), 0);
}

#[test]
fn an_engine_that_asks_no_more_starts_no_more_than_it_was_given() {
    let mut fleet = Fleet::new(r#"{"maximum_per_minute":600}"#, &[1_000]);
    for _ in 0..3_600 {
        fleet.start(u64::MAX);
        fleet.wait(SECOND);
    }
    assert_eq!(fleet.starts.len(), 10);
    let valid = fleet.decision.valid_until - START;
    assert_eq!(valid, 30 * SECOND);
}

/// How many devices may start at once after it: a clock that stood still or went back
/// brings nothing, one that leapt ahead what the bucket holds.
#[test]
fn neither_a_leap_nor_a_halt_of_the_clock_makes_a_burst() {
    type Leap = fn(&mut Fleet);
    let leaps: [(&str, u64, Leap); 5] = [
        ("back", 0, |fleet| fleet.view.now -= HOUR),
        ("to the beginning of time", 0, |fleet| fleet.view.now = 0),
        ("paused", 0, |fleet| {
            fleet.wait(HOUR);
            fleet.view.paused_for += HOUR;
        }),
        ("ahead", 0, |fleet| fleet.view.now += HOUR),
        ("down", 21, |fleet| fleet.wait(HOUR)),
    ];
    for (what, burst, leap) in leaps {
        let mut fleet = Fleet::new(r#"{"maximum_per_minute":600}"#, &[100_000]);
        fleet.minutes(2);
        fleet.start(u64::MAX);
        fleet.ask();
        leap(&mut fleet);
        fleet.ask();
        assert_eq!(fleet.start(u64::MAX), burst, "{what}");
        // And it goes on.
        let starts: usize = fleet.minutes(2).iter().sum();
        assert!(starts >= 1_170, "{what}: {starts}");
        assert_eq!(most_within(&fleet.starts, MINUTE), 600, "{what}");
    }
}

/// Slots that were taken for an hour do not let an hour's devices start at once.
#[test]
fn what_was_not_used_is_not_saved_up() {
    let mut fleet = Fleet::new(r#"{"maximum_per_minute":600}"#, &[100_000]);
    for _ in 0..3_600 {
        fleet.wait(SECOND);
        fleet.ask();
    }
    assert_eq!(fleet.start(u64::MAX), 21, "two seconds' worth and one");
}

/// Decisions are kept when they differ (design §6), so waiting must not make them differ.
#[test]
fn a_rollout_that_waits_repeats_its_decision() {
    let mut fleet = Fleet::new(r#"{"maximum_per_minute":600}"#, &[100, 100]);
    fleet.shut = vec![true, true];
    (0..10).for_each(|_| fleet.second());
    let before = fleet.decision.clone();
    for _ in 0..3_600 {
        fleet.second();
        assert_eq!(
            (&fleet.decision.ceilings, &fleet.decision.memo),
            (&before.ceilings, &before.memo)
        );
        assert_eq!(fleet.decision.ask_at, None);
    }
}

#[test]
fn a_memo_that_is_not_its_own_holds_and_is_left_alone() {
    let mut fleet = Fleet::new(r#"{"maximum_per_minute":600}"#, &[100]);
    let policy = open(r#"{"maximum_per_minute":60}"#);
    let memo = fleet.decision.memo.clone();
    assert_eq!(policy.migrate("an older build", &memo), Ok(memo));
    fleet.decision.memo = b"{\"v\":99}".to_vec();
    fleet.ask();
    assert_eq!(fleet.decision.verdict, Verdict::Hold);
    assert_eq!(codes(&fleet.decision), ["memo-unreadable"]);
    assert_eq!(fleet.start(u64::MAX), 0);
    assert_eq!(fleet.decision.memo, b"{\"v\":99}");
    assert!(policy.migrate("another", b"{\"v\":99}").is_err());
}
