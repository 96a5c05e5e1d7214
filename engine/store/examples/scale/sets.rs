use std::num::NonZeroU32;

use windlass_model::{
    Assignment, AssignmentState, AttemptId, AttemptOutcome, Change, ChangeSet, Event, EventKind,
    RolloutKey, StateKind, Timestamp,
};

/// The start of an attempt and its success, as `windlass-core` writes them.
pub(crate) fn sets(rollout: RolloutKey, row: &Assignment, id: NonZeroU32) -> [ChangeSet; 2] {
    let attempt = AttemptId(id);
    let mut begun = row.clone();
    begun.state = AssignmentState::Transferring(attempt);
    begun.started_attempts = 1;
    begun.counted_attempts = 1;
    begun.attempt_started = Some(Timestamp(2_000));
    let mut ended = begun.clone();
    ended.state = AssignmentState::Succeeded;
    let moved = |from, row: &Assignment| Change::Assignment {
        from,
        row: Box::new(row.clone()),
    };
    let set = |changes, kind| ChangeSet {
        rollout,
        changes,
        events: vec![Event {
            at: Timestamp(2_000),
            rollout: Some(rollout),
            kind,
        }],
    };
    let device = row.device_id.clone();
    let start = vec![
        Change::AttemptStarted {
            attempt,
            assignment: row.id,
            device: row.device,
            number: 1,
            at: Timestamp(2_000),
        },
        moved(StateKind::Pending, &begun),
    ];
    let end = vec![
        Change::AttemptEnded {
            attempt,
            at: Timestamp(3_000),
            outcome: AttemptOutcome::Delivered,
            bytes: 1_024,
        },
        Change::AttemptSettled {
            attempt,
            at: Timestamp(3_000),
        },
        moved(StateKind::Transferring, &ended),
    ];
    [
        set(
            start,
            EventKind::AttemptStarted {
                device: device.clone(),
                attempt,
                number: 1,
            },
        ),
        set(end, EventKind::DeviceSucceeded { device }),
    ]
}
