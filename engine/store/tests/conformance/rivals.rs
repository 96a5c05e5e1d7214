use std::time::Duration;

use windlass_model::{
    AssignmentState, AttemptOutcome, Change, DeviceKey, Rival, RolloutKey, RolloutName,
    RolloutState, StateKind, Timestamp,
};
use windlass_store::StoreError;

use crate::fixture::{Fixture, moved};

fn rivals(f: &Fixture, of: RolloutKey, devices: &[DeviceKey]) -> Vec<(DeviceKey, RolloutKey)> {
    let rivals = f.store.rivals(of, devices).expect("readable").into_iter();
    rivals.map(|rival| (rival.device, rival.rollout)).collect()
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

/// Design §7.8.
pub(crate) fn rivals_are_what_has_not_ended_or_succeeded_elsewhere(f: &mut Fixture) {
    let devices = f.fleet(2);
    f.store.reserve_attempt_ids(10).expect("ids are left");
    let own = f.rollout_to("2.0.0", &devices, |_| {});
    let same = f.rollout_to("2.0.0", &devices, |plan| {
        plan.name = RolloutName::new("same")
    });
    let newer = f.rollout_to("3.0.0", &devices, |plan| plan.settings.priority = -7);
    for (id, rollout) in [(1, newer), (2, same)] {
        let row = f.assignments(rollout).remove(0);
        let at = (id, 3_000 * u64::from(id));
        let state = AssignmentState::Succeeded;
        f.attempt(rollout, &row, at, AttemptOutcome::Delivered, state);
        let row = f.assignments(rollout).remove(1);
        f.apply(rollout, vec![moved(&row, AssignmentState::Rejected)]);
    }
    // What succeeded with the version that this rollout brings is no reason to stay away.
    let found = f.store.rivals(own, &devices).expect("readable");
    let succeeded = Rival {
        device: devices[0],
        rollout: newer,
        rollout_state: RolloutState::Draft,
        priority: -7,
        release: "pos-app".to_owned(),
        version: "3.0.0".to_owned(),
        state: StateKind::Succeeded,
    };
    assert_eq!(found, [succeeded]);
    // It counts after its rollout, too.
    end(f, newer, RolloutState::Aborted);
    assert_eq!(rivals(f, own, &devices), [(devices[0], newer)]);
    // Until its release was taken back: who knows what the device runs then.
    let at = Timestamp(5_000);
    f.store
        .create_rollbacks(newer, &[], &[], at)
        .expect("it has ended");
    assert_eq!(rivals(f, own, &devices), []);
    let missing = f.store.rivals(RolloutKey(99), &devices);
    assert!(matches!(missing, Err(StoreError::Missing { key: 99, .. })));
}

pub(crate) fn an_ended_rollout_contends_for_nothing(f: &mut Fixture) {
    let devices = f.fleet(1);
    let own = f.rollout_to("2.0.0", &devices, |_| {});
    let other = f.rollout_to("3.0.0", &devices, |_| {});
    let contends = |f: &Fixture| !rivals(f, own, &devices).is_empty();
    assert!(contends(f));
    for (state, expected) in [
        (RolloutState::Aborting, true),
        (RolloutState::Aborted, false),
        (RolloutState::Running, true),
        (RolloutState::Completed, false),
    ] {
        end(f, other, state);
        assert_eq!(contends(f), expected, "{state:?}");
    }
}

pub(crate) fn rivals_come_device_by_device_the_older_first(f: &mut Fixture) {
    let devices = f.fleet(3);
    let own = f.rollout_to("2.0.0", &devices, |_| {});
    let first = f.rollout_to("3.0.0", &devices[..2], |_| {});
    let second = f.rollout_to("4.0.0", &devices[1..], |_| {});
    let asked = [devices[2], devices[1], DeviceKey(99)];
    assert_eq!(
        rivals(f, own, &asked),
        [
            (devices[2], second),
            (devices[1], first),
            (devices[1], second)
        ]
    );
    assert_eq!(rivals(f, own, &[]), []);
}
