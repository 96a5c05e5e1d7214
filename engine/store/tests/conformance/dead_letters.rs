use windlass_model::{
    AssignmentState, AttemptOutcome, DeviceId, FailureKind, RolloutName, Timestamp,
};
use windlass_store::DeadLetter;

use crate::fixture::{Fixture, attempt, failure};

pub(crate) fn dead_letters_are_listed_with_what_was_said_last(f: &mut Fixture) {
    let devices = f.fleet(4);
    f.store.reserve_attempt_ids(20).expect("ids are left");
    let (first, second) = (f.rollout("r", &devices, 0), f.rollout("s", &devices, 0));
    let rows = f.assignments(second);
    f.dead_letter(second, &rows[0], (1, 3_000), FailureKind::Silent);
    let rows = f.assignments(first);
    f.dead_letter(first, &rows[2], (2, 5_000), FailureKind::Busy);
    f.dead_letter(first, &rows[1], (3, 6_000), FailureKind::Corrupt);
    let outcome = AttemptOutcome::Failed(failure(FailureKind::Rejected));
    f.attempt(
        first,
        &rows[0],
        (4, 6_000),
        outcome,
        AssignmentState::Rejected,
    );

    let list = |rollout, limit| {
        let letters = f
            .store
            .dead_letters(rollout, None, limit)
            .expect("readable");
        let letters = letters.into_iter();
        letters
            .map(|letter| (letter.rollout, letter.device.as_str().to_owned()))
            .collect::<Vec<_>>()
    };
    let name = |device: &str| device.to_owned();
    let all = [
        (first, name("d-2")),
        (first, name("d-3")),
        (second, name("d-1")),
    ];
    assert_eq!(list(None, 10), all);
    assert_eq!(list(None, 2), all[..2]);
    assert_eq!(list(Some(first), 10), all[..2]);
    assert_eq!(list(Some(second), 10), all[2..]);
    let of_kind = |rollout, kind| {
        let letters = f.store.dead_letters(rollout, Some(kind), 10);
        let letters = letters.expect("readable").into_iter();
        letters.map(|letter| letter.kind).collect::<Vec<_>>()
    };
    assert_eq!(of_kind(None, FailureKind::Busy), [FailureKind::Busy]);
    assert_eq!(of_kind(Some(second), FailureKind::Busy), []);
    let letters = f
        .store
        .dead_letters(Some(second), None, 10)
        .expect("readable");
    let letter = DeadLetter {
        rollout: second,
        rollout_name: RolloutName::new("s"),
        assignment: f.assignments(second)[0].id,
        device: DeviceId::new("d-1"),
        kind: FailureKind::Silent,
        at: Some(Timestamp(4_000)),
        attempts: 1,
        message: Some("the device said: no".to_owned()),
    };
    assert_eq!(letters, [letter]);
}

pub(crate) fn a_dead_letter_is_shown_with_its_attempts(f: &mut Fixture) {
    let devices = f.fleet(2);
    f.store.reserve_attempt_ids(20).expect("ids are left");
    let rollout = f.rollout("r", &devices, 0);
    let retry_at = Timestamp(9_000);
    for (id, message) in [(1, "first"), (2, "second")] {
        let row = f.assignments(rollout).remove(0);
        let mut failure = failure(FailureKind::Busy);
        failure.message = message.to_owned();
        let state = AssignmentState::Waiting { retry_at };
        let outcome = AttemptOutcome::Failed(failure);
        f.attempt(rollout, &row, (id, 3_000 * u64::from(id)), outcome, state);
    }
    // A device that took everything and then fell silent has said nothing.
    let row = f.assignments(rollout).remove(0);
    let letter = AssignmentState::DeadLettered(FailureKind::Silent);
    f.attempt(rollout, &row, (3, 9_000), AttemptOutcome::Delivered, letter);

    let show = |device: &str| {
        let shown = f.store.dead_letter(rollout, &DeviceId::new(device));
        shown.expect("readable")
    };
    let (letter, attempts) = show("d-1").expect("it is one");
    assert_eq!((letter.kind, letter.attempts), (FailureKind::Silent, 3));
    assert_eq!(letter.message.as_deref(), Some("second"));
    let ids: Vec<_> = attempts.iter().map(|attempt| attempt.id).collect();
    assert_eq!(ids, [attempt(1), attempt(2), attempt(3)]);
    assert_eq!(show("d-2"), None);
    assert_eq!(show("nobody"), None);
}
