use windlass_model::{
    CohortIndex, DeviceKey, ReleaseKey, RolloutKey, RolloutName, RolloutState, StateKind, Timestamp,
};
use windlass_store::{CreateConflict, StoreError};

use crate::fixture::{Fixture, kinds, plan, release, targets};

pub(crate) fn a_rollout_is_created_whole(f: &mut Fixture) {
    let devices = f.fleet(5);
    let key = f.rollout("first", &devices, 2);
    let stored = f
        .store
        .rollout(&RolloutName::new("first"))
        .expect("readable");
    let stored = stored.expect("known");
    assert_eq!(stored.key, key);
    assert_eq!(stored.state, RolloutState::Draft);
    assert_eq!(stored.plan, plan("first", stored.plan.release, &[2, 3]));
    assert_eq!(stored.plan.unselected, 5);
    let rows = f.assignments(key);
    assert!(rows.is_sorted_by_key(|row| row.id), "ids ascend with ranks");
    let ranked: Vec<_> = rows.iter().map(|row| (row.device, row.cohort)).collect();
    assert_eq!(ranked, targets(&devices, 2));
    assert_eq!(kinds(&rows), [StateKind::Pending; 5]);
    assert_eq!(rows[0].device_id.as_str(), "d-1");
    let second = f.rollout("second", &devices, 0);
    let names: Vec<_> = f
        .store
        .rollouts()
        .expect("readable")
        .into_iter()
        .map(|rollout| rollout.key)
        .collect();
    assert_eq!(names, [key, second]);
    assert_eq!(f.assignments(key).len(), 5);
    assert_eq!(f.assignments(second).len(), 5);
}

pub(crate) fn refused_rollouts_leave_nothing_behind(f: &mut Fixture) {
    let devices = f.fleet(3);
    let key = f.rollout("taken", &devices, 1);
    let release = f.release();
    let mut create = |name: &str, release, sizes: &[usize], devices: &[DeviceKey]| {
        let mut targets = targets(devices, sizes[0]).into_iter();
        let plan = plan(name, release, sizes);
        f.store
            .create_rollout(&plan, &mut targets, Timestamp(1))
            .expect_err("the rollout is refused")
    };
    let error = create("taken", release, &[1, 2], &devices);
    assert!(matches!(error, CreateConflict::NameTaken(name) if name.as_str() == "taken"));
    let error = create("new", ReleaseKey(99), &[1, 2], &devices);
    assert!(matches!(
        error,
        CreateConflict::NoSuchRelease(ReleaseKey(99))
    ));
    let error = create("new", release, &[1], &devices);
    assert!(matches!(
        error,
        CreateConflict::NoSuchCohort(CohortIndex(1))
    ));
    let error = create("new", release, &[1, 3], &devices);
    assert!(matches!(
        error,
        CreateConflict::CohortSize {
            cohort: CohortIndex(1),
            planned: 3,
            given: 2
        }
    ));
    let error = create(
        "new",
        release,
        &[1, 2],
        &[devices[0], DeviceKey(99), devices[1]],
    );
    assert!(matches!(error, CreateConflict::NoSuchDevice(DeviceKey(99))));
    let error = create(
        "new",
        release,
        &[1, 2],
        &[devices[0], devices[1], devices[0]],
    );
    assert!(matches!(error, CreateConflict::RepeatedDevice(device) if device == devices[0]));
    let rollouts = f.store.rollouts().expect("readable");
    assert_eq!(rollouts.len(), 1);
    assert_eq!(rollouts[0].key, key);
}

pub(crate) fn a_release_has_one_row(f: &mut Fixture) {
    let key = f.release();
    assert_eq!(f.release(), key);
    assert_eq!(f.store.release(key).expect("known"), release());
    let mut other = release();
    other.version = "2.3.1".to_owned();
    let second = f.store.put_release(&other, Timestamp(1)).expect("kept");
    assert_ne!(second, key);
    let missing = f.store.release(ReleaseKey(99)).expect_err("unknown");
    assert!(matches!(missing, StoreError::Missing { key: 99, .. }));
}

pub(crate) fn a_changed_plan_keeps_its_targets(f: &mut Fixture) {
    let devices = f.fleet(3);
    let key = f.rollout("r", &devices, 1);
    let mut changed = plan("other", ReleaseKey(99), &[7]);
    changed.filter_expression = None;
    changed.settings.retry.attempts = 9;
    f.store.replace_plan(key, &changed).expect("replaced");
    let kept = f.store.snapshot(key).expect("known").rollout.plan;
    assert_eq!(kept.settings.retry.attempts, 9);
    assert_eq!(kept.filter_expression, None);
    assert_eq!(kept.name.as_str(), "r");
    assert_eq!(kept.cohorts.len(), 2);
    let missing = f.store.replace_plan(RolloutKey(99), &changed);
    assert!(matches!(missing, Err(StoreError::Missing { key: 99, .. })));
}
