use std::time::Duration;

use windlass_model::{
    Change, CohortIndex, DeviceKey, EventKind, RolloutKey, RolloutState, Timestamp,
};
use windlass_store::{ExtendConflict, StoreError};

use crate::fixture::{Fixture, targets};

fn extend(
    f: &mut Fixture,
    rollout: RolloutKey,
    devices: &[DeviceKey],
) -> Result<u64, ExtendConflict> {
    let mut devices = devices.iter().copied();
    f.store
        .extend_rollout(rollout, &mut devices, Timestamp(9_000))
}

fn end(f: &mut Fixture, rollout: RolloutKey, state: RolloutState) {
    let ended = Change::Rollout {
        state,
        started_at: Some(Timestamp(3_000)),
        ended_at: Some(Timestamp(4_000)),
        paused_for: Duration::ZERO,
        paused_since: None,
    };
    f.apply(rollout, vec![ended]);
}

/// Design §7.1, §7.2: members never change cohort, newcomers come last.
pub(crate) fn newcomers_join_the_last_cohort_in_order(f: &mut Fixture) {
    let devices = f.fleet(6);
    let rollout = f.rollout("r", &devices[..3], 1);
    f.rollout("s", &devices, 1);
    let asked = [devices[5], devices[0], devices[3], devices[5], devices[2]];
    assert_eq!(extend(f, rollout, &asked).expect("extended"), 2);
    let rows = f.assignments(rollout);
    let ranked: Vec<_> = rows.iter().map(|row| (row.device, row.cohort)).collect();
    let order = [devices[0], devices[1], devices[2], devices[5], devices[3]];
    assert_eq!(ranked, targets(&order, 1));
    assert!(rows.is_sorted_by_key(|row| row.id));
    let cohorts = f.store.snapshot(rollout).expect("known").cohorts;
    assert_eq!((cohorts[0].size, cohorts[1].size), (1, 4));
    assert_eq!(cohorts[1].states.total(), 4);
    assert_eq!(extend(f, rollout, &devices[..4]).expect("extended"), 0);
    let grown = EventKind::RolloutGrown { added: 2 };
    assert_eq!(f.events(), [(Some(rollout), grown)]);

    let page = f
        .store
        .pending(rollout, CohortIndex(1), Some(rows[2].id), 10);
    assert_eq!(page.expect("readable").len(), 2);
}

pub(crate) fn a_completed_rollout_is_reopened_by_newcomers(f: &mut Fixture) {
    let devices = f.fleet(2);
    let rollout = f.rollout("r", &devices[..1], 1);
    end(f, rollout, RolloutState::Completed);
    let state = |f: &Fixture| {
        let rollout = f.store.snapshot(rollout).expect("known").rollout;
        (rollout.state, rollout.started_at, rollout.ended_at)
    };
    let ended = (
        RolloutState::Completed,
        Some(Timestamp(3_000)),
        Some(Timestamp(4_000)),
    );
    assert_eq!(extend(f, rollout, &devices[..1]).expect("nobody"), 0);
    assert_eq!(state(f), ended);
    assert_eq!(extend(f, rollout, &devices).expect("extended"), 1);
    assert_eq!(
        state(f),
        (RolloutState::Running, Some(Timestamp(3_000)), None)
    );
    let events = [
        EventKind::RolloutGrown { added: 1 },
        EventKind::RolloutReopened,
    ];
    assert_eq!(f.events(), events.map(|kind| (Some(rollout), kind)));
}

pub(crate) fn refused_growth_leaves_nothing_behind(f: &mut Fixture) {
    let devices = f.fleet(2);
    let rollout = f.rollout("r", &devices[..1], 1);
    let unknown = extend(f, rollout, &[devices[1], DeviceKey(99)]);
    assert!(matches!(
        unknown,
        Err(ExtendConflict::NoSuchDevice(DeviceKey(99)))
    ));
    for state in [RolloutState::Aborting, RolloutState::Aborted] {
        end(f, rollout, state);
        let refused = extend(f, rollout, &devices);
        assert!(matches!(refused, Err(ExtendConflict::Aborted(key)) if key == rollout));
    }
    assert_eq!(f.assignments(rollout).len(), 1);
    let taken_back = f.rollout("t", &devices[..1], 1);
    end(f, taken_back, RolloutState::Completed);
    f.apply(taken_back, vec![Change::RollbackWanted]);
    let refused = extend(f, taken_back, &devices);
    assert!(matches!(refused, Err(ExtendConflict::TakenBack(key)) if key == taken_back));
    assert_eq!(f.events(), []);
    let missing = extend(f, RolloutKey(99), &devices);
    assert!(matches!(
        missing,
        Err(ExtendConflict::Storage(StoreError::Missing { key: 99, .. }))
    ));
    let empty = f.rollout_to("2.0.0", &[], |plan| plan.cohorts.clear());
    let refused = extend(f, empty, &devices);
    assert!(matches!(refused, Err(ExtendConflict::NoCohort(key)) if key == empty));
}
