//! Planning through the public surface: placement, the table, identity.

use std::{collections::BTreeSet, time::Duration};

use proptest::{collection::vec, prelude::*};
use windlass_core::{identity, placement::Placer, table};
use windlass_model::{
    Cohort, CohortIndex, Connection, DeviceId, DeviceKey, OfflineDevices, OnUncertain, Placement,
    PluginName, PluginPin, ReleaseKey, RetrySettings, RolloutName, RolloutPlan, RolloutSettings,
    SettleSettings, Sha256, StateKind, Timeouts, VerifyMode,
};

fn cohort(name: &str, size: u64) -> Cohort {
    Cohort {
        name: name.to_owned(),
        size,
    }
}

fn placed(order: &[i64], strata: i64, sizes: &[u64]) -> Vec<(DeviceKey, CohortIndex)> {
    let mut placer = Placer::new(42, RolloutName::new("r"));
    for key in order {
        let placement = Placement {
            tier: 0,
            stratum: (key % strata).to_string(),
        };
        placer.add(
            DeviceKey(*key),
            &DeviceId::new(format!("d{key}")),
            placement,
        );
    }
    let cohorts: Vec<_> = sizes.iter().map(|size| cohort("c", *size)).collect();
    placer.cut(&cohorts).expect("sizes add up")
}

proptest! {
    /// Design §7.1: cohorts are exact, do not depend on the order of the file, and hold
    /// their share of every stratum.
    #[test]
    fn cohorts_are_exact_stable_and_proportional(
        order in Just((0..300_i64).collect::<Vec<_>>()).prop_shuffle(),
        strata in 1..6_i64,
        canary in 0..=300_u64,
    ) {
        let ranked = placed(&order, strata, &[canary, 300 - canary]);
        let sorted: Vec<_> = (0..300).collect();
        prop_assert_eq!(&ranked, &placed(&sorted, strata, &[canary, 300 - canary]));
        let first: Vec<_> = ranked.iter().filter(|(_, cohort)| cohort.0 == 0).collect();
        prop_assert_eq!(first.len() as u64, canary);
        for stratum in 0..strata {
            let size = sorted.iter().filter(|key| *key % strata == stratum).count() as f64;
            let share = first.iter().filter(|(key, _)| key.0 % strata == stratum).count() as f64;
            let fair = size * canary as f64 / 300.0;
            prop_assert!((share - fair).abs() <= 1.0, "{share} for {fair}");
        }
        let distinct: BTreeSet<_> = ranked.iter().map(|(key, _)| key).collect();
        prop_assert_eq!(distinct.len(), 300);
    }

    #[test]
    fn tiers_come_one_after_the_other(tiers in vec(0..4_u32, 1..200)) {
        let mut placer = Placer::new(1, RolloutName::new("r"));
        for (key, tier) in (0..).zip(&tiers) {
            let placement = Placement { tier: *tier, stratum: String::new() };
            placer.add(DeviceKey(key), &DeviceId::new(format!("d{key}")), placement);
        }
        let counts = placer.tiers();
        let cohorts: Vec<_> = counts.iter().map(|count| cohort("c", count.devices)).collect();
        let ranked = placer.cut(&cohorts).expect("tiers hold every device");
        for (key, cohort) in ranked {
            let tier = tiers[usize::try_from(key.0).expect("a position")];
            prop_assert_eq!(counts[cohort.0 as usize].tier, tier);
        }
    }
}

/// The order is part of what an operator accepted: another release of the engine must
/// give the same.
#[test]
fn the_order_of_devices_is_pinned() {
    let ranked = placed(&[1, 2, 3, 4, 5, 6, 7, 8], 1, &[8]);
    let keys: Vec<_> = ranked.iter().map(|(key, _)| key.0).collect();
    assert_eq!(keys, PINNED);
}

const PINNED: [i64; 8] = [3, 8, 5, 7, 4, 2, 1, 6];

#[test]
fn sizes_that_do_not_add_up_are_refused() {
    let mut placer = Placer::new(1, RolloutName::new("r"));
    placer.add(DeviceKey(1), &DeviceId::new("d"), Placement::default());
    let error = placer
        .cut(&[cohort("all", 2)])
        .expect_err("one device, two places");
    assert_eq!(
        error.to_string(),
        "the cohorts hold 2 devices, but 1 are to be placed"
    );
}

/// Design §6: ended states are final, only a transfer holds a slot, and whatever fences
/// a device counts as in progress.
#[test]
fn the_table_is_consistent() {
    for kind in StateKind::ALL {
        let meaning = table::meaning(kind);
        assert_eq!(meaning.holds_slot, kind == StateKind::Transferring);
        assert!(!meaning.fences || meaning.counts_in_progress);
        assert!(!meaning.holds_slot || meaning.fences);
        // A dead letter goes on if a person wants it, and a success may not last.
        let goes_on = [StateKind::DeadLettered, StateKind::Succeeded].contains(&kind);
        let is_final = kind.is_ended() && !goes_on;
        assert_eq!(table::successors(kind).is_empty(), is_final);
        for next in table::successors(kind) {
            let starts = *next == StateKind::Transferring;
            let ready = matches!(kind, StateKind::Admitted | StateKind::Waiting);
            assert!(!starts || ready, "{kind:?} starts");
        }
    }
}

fn settings() -> RolloutSettings {
    RolloutSettings {
        retry: RetrySettings {
            attempts: 3,
            backoff: Duration::from_secs(1),
            max_backoff: Duration::from_secs(30),
        },
        timeouts: Timeouts {
            idle: Duration::from_secs(30),
            attempt: Duration::from_secs(600),
        },
        settle: SettleSettings {
            grace: Duration::from_secs(60),
            on_uncertain: OnUncertain::DeadLetter,
        },
        offline: OfflineDevices::Defer,
        probe_interval: Duration::from_secs(10),
        verify: VerifyMode::WhenPossible,
        allow_downgrade: false,
        seed: 3,
        priority: 0,
        concurrency: None,
        connection: Connection::Assumed,
        dynamic: false,
    }
}

fn pin(settings: u8) -> PluginPin {
    PluginPin {
        name: PluginName::new("careful"),
        component: Sha256([1; 32]),
        settings: Sha256([settings; 32]),
    }
}

fn plan() -> RolloutPlan {
    RolloutPlan {
        name: RolloutName::new("r"),
        release: ReleaseKey(1),
        settings: settings(),
        cohorts: vec![cohort("canary", 1), cohort("all", 9)],
        filter_expression: None,
        filter: None,
        policies: vec![pin(1)],
        deliveries: Vec::new(),
        unselected: 0,
        fleet: None,
        takes_back: None,
    }
}

/// Design §6, "identity of a run".
#[test]
fn differences_between_plans_are_told_in_words() {
    let stored = plan();
    assert!(identity::differences(&stored, &stored).is_empty());
    let mut new = stored.clone();
    new.settings.retry.attempts = 9;
    assert!(identity::differences(&stored, &new).is_empty());
    new.filter_expression = Some("true".to_owned());
    new.policies = vec![pin(2)];
    new.cohorts[1].size = 10;
    assert_eq!(
        identity::differences(&stored, &new),
        [
            "the filter's expression: stored none, now `true`",
            "plugin `careful`: the settings changed",
            "the cohorts: stored `canary 1, all 9`, now `canary 1, all 10`",
        ]
    );
}

/// Design §7.2: a dynamic rollout grows, so other sizes are no other plan.
#[test]
fn a_dynamic_rollout_is_the_same_when_it_has_grown() {
    let mut stored = plan();
    stored.settings.dynamic = true;
    let mut new = stored.clone();
    new.cohorts[1].size += 5;
    new.unselected += 1;
    assert!(identity::differences(&stored, &new).is_empty());
    new.cohorts[1].name = "rest".to_owned();
    new.settings.dynamic = false;
    assert_eq!(
        identity::differences(&stored, &new),
        [
            "the cohorts: stored `canary 1, all 9`, now `canary 1, rest 14`",
            "devices that match later are no longer taken",
        ]
    );
}
