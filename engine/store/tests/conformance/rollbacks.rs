use windlass_model::{
    Assignment, AssignmentState, AttemptOutcome, Change, DeviceId, DeviceKey, EventKind,
    FailureKind, Rollback, RolloutKey, RolloutName, RolloutPlan, StateKind, Timestamp,
};
use windlass_store::{CreateConflict, RollbackTarget, StoreError};

use crate::fixture::{Fixture, failure, moved, observation, plan, started};

fn observe_version(f: &mut Fixture, rollout: RolloutKey, device: DeviceKey, at: u64) {
    let mut seen = observation(device, at);
    seen.version = Some(format!("at-{at}"));
    f.observe(rollout, seen);
}

/// GO-61: a device goes back to what it ran before, not to what an attempt left.
pub(crate) fn the_version_before_the_first_attempt_is_remembered(f: &mut Fixture) {
    let devices = f.fleet(2);
    f.store.reserve_attempt_ids(10).expect("ids are left");
    let rollout = f.rollout("r", &devices, 0);
    let retry_at = Timestamp(9_000);
    observe_version(f, rollout, devices[0], 2_000);
    let row = f.assignments(rollout).remove(0);
    let outcome = AttemptOutcome::Failed(failure(FailureKind::DeviceError));
    let waiting = AssignmentState::Waiting { retry_at };
    f.attempt(rollout, &row, (1, 3_000), outcome, waiting);
    observe_version(f, rollout, devices[0], 5_000);
    let row = f.assignments(rollout).remove(0);
    f.apply(rollout, started(&row, 2, 6_000));
    let targets = f.store.rollback_targets(rollout).expect("readable");
    let target = RollbackTarget {
        device: devices[0],
        id: DeviceId::new("d-1"),
        previous: Some("at-2000".to_owned()),
    };
    assert_eq!(targets, [target]);
}

/// Design §7.9: over the devices that succeeded or are unsettled.
pub(crate) fn targets_are_those_that_may_run_the_release(f: &mut Fixture) {
    use AssignmentState::{Cancelled, DeadLettered, Rejected, Succeeded, Waiting};
    let failed = |kind| AttemptOutcome::Failed(failure(kind));
    let retry_at = Timestamp(9_000);
    let offer = || AttemptOutcome::Offered("action 5".to_owned());
    let cases = [
        (AttemptOutcome::Delivered, Succeeded, true),
        (failed(FailureKind::Busy), Waiting { retry_at }, true),
        (
            failed(FailureKind::Unreachable),
            DeadLettered(FailureKind::Unreachable),
            false,
        ),
        (
            failed(FailureKind::Interrupted),
            DeadLettered(FailureKind::Interrupted),
            true,
        ),
        (
            AttemptOutcome::Delivered,
            DeadLettered(FailureKind::Silent),
            true,
        ),
        (offer(), Cancelled, true),
        (AttemptOutcome::Cancelled, Cancelled, true),
        (failed(FailureKind::Rejected), Rejected, false),
        (failed(FailureKind::Corrupt), Cancelled, false),
    ];
    let devices = f.fleet(cases.len() + 3);
    f.store.reserve_attempt_ids(20).expect("ids are left");
    let rollout = f.rollout("r", &devices, 0);
    let rows = f.assignments(rollout);
    let mut expected = Vec::new();
    for ((id, row), (outcome, state, is_target)) in (1..).zip(&rows).zip(cases) {
        f.attempt(rollout, row, (id, 3_000), outcome, state);
        expected.extend(is_target.then_some(row.device));
    }
    // In flight, cancelled before it began, not looked at.
    let [.., flying, never, _] = rows.as_slice() else {
        panic!("there are more");
    };
    f.apply(rollout, started(flying, 19, 3_000));
    f.apply(rollout, vec![moved(never, Cancelled)]);
    expected.push(flying.device);
    let targets = f.store.rollback_targets(rollout).expect("readable");
    let found: Vec<_> = targets.into_iter().map(|target| target.device).collect();
    assert_eq!(found, expected);
    // One that a person requeued counts no attempts, and still may run the release.
    let silent = &rows[4];
    let requeued = Assignment {
        started_attempts: 0,
        state: DeadLettered(FailureKind::Silent),
        ..silent.clone()
    };
    let change = Change::Assignment {
        from: StateKind::DeadLettered,
        row: Box::new(requeued),
    };
    f.apply(rollout, vec![change]);
    let targets = f.store.rollback_targets(rollout).expect("readable");
    let found: Vec<_> = targets.into_iter().map(|target| target.device).collect();
    assert_eq!(found, expected);
}

fn back(f: &mut Fixture, name: &str, devices: &[DeviceKey]) -> (RolloutPlan, Vec<DeviceKey>) {
    (plan(name, f.release(), &[devices.len()]), devices.to_vec())
}

fn state(f: &Fixture, rollout: RolloutKey) -> Rollback {
    f.store.snapshot(rollout).expect("known").rollout.rollback
}

/// A rollback is a rollout, or several where the devices ran different versions.
pub(crate) fn rollbacks_are_created_once(f: &mut Fixture) {
    let devices = f.fleet(4);
    let of = f.rollout("r", &devices, 0);
    f.rollout("s", &devices, 0);
    let plans = [
        back(f, "r-back-1", &[devices[2], devices[0]]),
        back(f, "r-back-2", &[devices[1]]),
    ];
    let impossible = [(DeviceId::new("d-4"), "it never told its version".to_owned())];
    let mut create = || {
        f.store
            .create_rollbacks(of, &plans, &impossible, Timestamp(9_000))
            .expect("created")
    };
    let keys = create();
    assert_eq!(create(), keys, "asked again, nothing is made twice");
    assert_eq!(f.store.rollbacks_of(of).expect("readable"), keys);
    assert_eq!(f.store.rollouts().expect("readable").len(), 4);
    assert_eq!(state(f, of), Rollback::Made);
    let made = f.store.snapshot(keys[0]).expect("known").rollout;
    assert_eq!(made.plan.takes_back, Some(of));
    assert_eq!(made.rollback, Rollback::NotWanted);
    let order: Vec<_> = f
        .assignments(keys[0])
        .iter()
        .map(|row| row.device)
        .collect();
    assert_eq!(order, [devices[2], devices[0]]);
    let begun = |name: &str, targets| EventKind::RollbackStarted {
        rollout: RolloutName::new(name),
        targets,
    };
    let impossible = EventKind::RollbackImpossible {
        device: DeviceId::new("d-4"),
        reason: "it never told its version".to_owned(),
    };
    let events = [begun("r-back-1", 2), begun("r-back-2", 1), impossible];
    assert_eq!(f.events(), events.map(|kind| (Some(of), kind)));

    // Other settings do not make another rollout of it.
    let mut changed = made.plan.clone();
    changed.takes_back = None;
    f.store.replace_plan(keys[0], &changed).expect("replaced");
    assert_eq!(f.store.rollbacks_of(of).expect("readable"), keys);
}

pub(crate) fn a_refused_rollback_leaves_nothing_behind(f: &mut Fixture) {
    let devices = f.fleet(2);
    let of = f.rollout("r", &devices, 0);
    let plans = [
        back(f, "r-back-1", &devices[..1]),
        back(f, "r", &devices[1..]),
    ];
    let refused = f.store.create_rollbacks(of, &plans, &[], Timestamp(9_000));
    assert!(matches!(refused, Err(CreateConflict::NameTaken(name)) if name.as_str() == "r"));
    assert_eq!(f.store.rollouts().expect("readable").len(), 1);
    assert_eq!(state(f, of), Rollback::NotWanted);
    assert_eq!(f.events(), []);
    let missing = f
        .store
        .create_rollbacks(RolloutKey(99), &plans[..1], &[], Timestamp(9_000));
    assert!(matches!(
        missing,
        Err(CreateConflict::Storage(StoreError::Missing { key: 99, .. }))
    ));
    f.store
        .create_rollbacks(of, &plans[..1], &[], Timestamp(9_000))
        .expect("the name is free");
    assert_eq!(f.events().len(), 1);
}

pub(crate) fn a_rollback_is_wanted_until_it_is_made(f: &mut Fixture) {
    let devices = f.fleet(1);
    let (of, other) = (f.rollout("r", &devices, 0), f.rollout("s", &devices, 0));
    f.apply(of, vec![Change::RollbackWanted]);
    assert_eq!(
        (state(f, of), state(f, other)),
        (Rollback::Wanted, Rollback::NotWanted)
    );
    // There may be nothing to take back.
    let none = f.store.create_rollbacks(of, &[], &[], Timestamp(9_000));
    assert_eq!(none.expect("made"), []);
    f.apply(of, vec![Change::RollbackWanted]);
    assert_eq!(state(f, of), Rollback::Made);
}
