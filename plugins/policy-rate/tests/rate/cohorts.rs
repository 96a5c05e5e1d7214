//! Whose devices start, where another policy has cut cohorts (design §4: policies compose).

use windlass_sdk::TierCount;

use crate::fleet::{Fleet, MINUTE, cohorts, most_within, open};

#[test]
fn alone_it_cuts_one_cohort_of_all_devices() {
    let tier = |tier, devices| TierCount { tier, devices };
    let policy = open(r#"{"maximum_per_minute":60}"#);
    assert_eq!(cohorts(&policy, &[tier(0, 70), tier(3, 30)]), [100]);
    assert_eq!(cohorts(&policy, &[]), [0]);
}

#[test]
fn cohorts_are_served_in_their_order() {
    let mut fleet = Fleet::new(r#"{"maximum_per_minute":60}"#, &[30, 0, 100]);
    for _ in 0..30 {
        assert_eq!(fleet.view.cohorts[2].started, 0);
        fleet.second();
    }
    fleet.minutes(1);
    assert_eq!(fleet.started(), [30, 0, 60]);
}

/// The allowance is one for all cohorts, not one for each.
#[test]
fn cohorts_share_the_rate() {
    let mut fleet = Fleet::new(r#"{"maximum_per_minute":600}"#, &[3; 200]);
    assert_eq!(fleet.start(u64::MAX), 10);
    fleet.minutes(1);
    assert_eq!(most_within(&fleet.starts, MINUTE), 600);
    assert_eq!(fleet.started().iter().sum::<u64>(), 600);
}

/// A cohort behind another policy's gate does not starve the others, and has the rate
/// back when its gate opens.
#[test]
fn a_cohort_that_another_policy_shuts_gives_way() {
    for rate in [6, 60, 6_000] {
        let settings = format!(r#"{{"maximum_per_minute":{rate}}}"#);
        let mut fleet = Fleet::new(&settings, &[1_000_000; 3]);
        fleet.shut = vec![true, false, true];
        let started: usize = fleet.minutes(10).iter().sum();
        assert!(started as u64 >= rate * 8, "{rate}: {started}");
        assert_eq!(fleet.started()[1], started as u64);
        fleet.shut = vec![false, true, false];
        let before = fleet.starts.len();
        fleet.minutes(10);
        assert!((fleet.starts.len() - before) as u64 >= rate * 7, "{rate}");
        assert!(fleet.started()[0] > 0);
        assert!(most_within(&fleet.starts, MINUTE) <= rate, "{rate}");
    }
}

/// At a rate too low for one device a cohort, those that wait take turns.
#[test]
fn each_of_many_shut_cohorts_has_its_turn() {
    let mut fleet = Fleet::new(r#"{"maximum_per_minute":2}"#, &[10; 8]);
    for open in (0..8).rev() {
        fleet.shut = vec![true; 8];
        fleet.minutes(3);
        fleet.shut[open] = false;
        fleet.minutes(20);
        assert_eq!(fleet.started()[open], 10, "{open}: {:?}", fleet.started());
    }
}

/// A clock that went back makes nobody wait until it is where it was.
#[test]
fn a_shut_cohort_gives_way_though_the_clock_went_back() {
    let mut fleet = Fleet::new(r#"{"maximum_per_minute":60}"#, &[1_000; 2]);
    fleet.shut = vec![true, false];
    fleet.view.now -= 60 * MINUTE;
    fleet.minutes(2);
    assert!(fleet.started()[1] > 100, "{:?}", fleet.started());
}

/// An answer takes time, and until it has arrived the one before it is in force.
#[test]
fn what_one_cohort_may_still_take_is_not_given_to_another() {
    let mut fleet = Fleet::new(r#"{"maximum_per_minute":600}"#, &[1_000; 2]);
    fleet.shut = vec![true, false];
    while fleet.started()[1] == 0 {
        let before = fleet.decision.clone();
        fleet.wait(1_000);
        fleet.ask();
        let ceilings = before.ceilings.iter().zip(&fleet.decision.ceilings);
        let both: u64 = ceilings
            .map(|(old, new)| old.started.max(new.started))
            .sum();
        assert!(both <= 21, "{both}");
        fleet.start(u64::MAX);
    }
}
