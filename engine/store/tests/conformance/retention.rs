use std::time::Duration;

use windlass_model::{
    Assignment, AssignmentState, AttemptOutcome, Change, ChangeSet, DecisionAnswer, Deferral,
    Event, EventKind, FailureKind, PluginName, Reason, Repetition, RolloutKey, RolloutState,
    Sequence, Sha256, StateKind, Timestamp,
};
use windlass_store::{Pruned, Retention};

use crate::{
    fixture::{Fixture, event},
    reading::record,
};

const NOW: Timestamp = Timestamp(1_000_000);
/// Drops what is older than 100 s.
const ALL: Retention = Retention {
    decisions: Some(Duration::from_secs(100)),
    events: Some(Duration::from_secs(100)),
    attempts: Some(Duration::from_secs(100)),
};
const NOTHING: Retention = Retention {
    decisions: None,
    events: None,
    attempts: None,
};

fn failed() -> DecisionAnswer {
    DecisionAnswer::Failed("it trapped".to_owned())
}

fn decide(f: &mut Fixture, rollout: RolloutKey, policy: &str, at: u64) {
    let decision = Change::Decision(Box::new(record(policy, at, failed())));
    f.apply(rollout, vec![decision]);
}

fn repeat(f: &mut Fixture, rollout: RolloutKey, policy: &str, times: u64, last: u64) {
    let repetition = Repetition {
        policy: PluginName::new(policy),
        times,
        last: Timestamp(last),
    };
    f.apply(rollout, vec![Change::DecisionRepeated(repetition)]);
}

fn end(f: &mut Fixture, rollout: RolloutKey, at: u64) {
    f.apply(
        rollout,
        vec![Change::Rollout {
            state: RolloutState::Completed,
            started_at: Some(Timestamp(1)),
            ended_at: Some(Timestamp(at)),
            paused_for: Duration::ZERO,
            paused_since: None,
        }],
    );
}

/// Policy, instant and repetitions of every decision.
fn kept(f: &Fixture, rollout: RolloutKey) -> Vec<(String, u64, u64)> {
    let decisions = f.store.decisions(rollout, 0, 100).expect("readable");
    decisions
        .into_iter()
        .map(|stored| {
            let record = stored.record;
            (record.policy.to_string(), record.at.0, stored.repeats)
        })
        .collect()
}

fn prune(f: &mut Fixture, retention: &Retention, limit: u32) -> Pruned {
    let pruned = f.store.prune(retention, NOW, limit).expect("pruned");
    f.assert_whole();
    pruned
}

/// Design §6.
pub(crate) fn repeated_decisions_are_counted_with_the_newest(f: &mut Fixture) {
    let devices = f.fleet(1);
    let rollout = f.rollout("r", &devices, 1);
    for (policy, at) in [("careful", 1), ("nights", 2), ("careful", 3)] {
        decide(f, rollout, policy, at);
    }
    repeat(f, rollout, "careful", 2, 7);
    repeat(f, rollout, "careful", 40, 9);
    let decisions = f.store.decisions(rollout, 0, 10).expect("readable");
    let counts: Vec<_> = decisions
        .iter()
        .map(|stored| (stored.repeats, stored.repeated_at))
        .collect();
    assert_eq!(counts, [(0, None), (0, None), (42, Some(Timestamp(9)))]);
}

pub(crate) fn old_decisions_go_but_for_the_newest_of_each_policy(f: &mut Fixture) {
    let devices = f.fleet(1);
    let rollout = f.rollout("r", &devices, 1);
    for (policy, at) in [
        ("careful", 1_000),
        ("nights", 2_000),
        ("careful", 3_000),
        ("careful", 4_000),
        ("careful", 950_000),
    ] {
        decide(f, rollout, policy, at);
        if at == 4_000 {
            // It was in force until a short while ago.
            repeat(f, rollout, policy, 5, 940_000);
        }
    }
    assert!(prune(f, &NOTHING, 10).is_nothing());
    let first = Pruned {
        decisions: 1,
        ..Pruned::default()
    };
    assert_eq!(prune(f, &ALL, 1), first, "the oldest first");
    assert_eq!(prune(f, &ALL, 10).decisions, 1);
    assert!(prune(f, &ALL, 10).is_nothing());
    let rest = [
        ("nights", 2_000, 0),
        ("careful", 4_000, 5),
        ("careful", 950_000, 0),
    ];
    assert_eq!(
        kept(f, rollout),
        rest.map(|(policy, at, repeats)| (policy.to_owned(), at, repeats))
    );
}

pub(crate) fn the_log_stays_whole_when_old_events_go(f: &mut Fixture) {
    let devices = f.fleet(2);
    let (over, lately, live) = (
        f.rollout("over", &devices, 0),
        f.rollout("lately", &devices, 0),
        f.rollout("live", &devices, 0),
    );
    for rollout in [over, lately, live] {
        let events = vec![event(rollout, 10), event(rollout, 20)];
        let set = ChangeSet {
            rollout,
            changes: Vec::new(),
            events,
        };
        f.commit(&set).expect("no conflict");
    }
    end(f, over, 800_000);
    end(f, lately, 950_000);
    let seqs = |f: &Fixture| {
        let events = f.store.events(Sequence(0), 100, None).expect("readable");
        events
            .into_iter()
            .map(|logged| (logged.seq.0, logged.event.rollout))
            .collect::<Vec<_>>()
    };
    let before = seqs(f);
    let of_over = before.iter().filter(|(_, of)| *of == Some(over)).count() as u64;
    assert!(of_over >= 2);
    assert_eq!(prune(f, &ALL, 1).events, 1);
    assert_eq!(prune(f, &ALL, 100).events, of_over - 1);
    let mut rest = before;
    rest.retain(|(_, of)| *of != Some(over));
    assert_eq!(seqs(f), rest);

    // The next event has the next number, also when the newest ones are old.
    end(f, live, 1);
    end(f, lately, 1);
    prune(f, &ALL, 100);
    let last = f.store.last_event().expect("readable");
    assert_eq!(Some(last.0), rest.last().map(|(seq, _)| *seq));
    let set = ChangeSet {
        rollout: live,
        changes: Vec::new(),
        events: vec![event(live, 30)],
    };
    let committed = f.commit(&set).expect("no conflict");
    assert_eq!(committed.first, Sequence(last.0 + 1));
}

pub(crate) fn attempts_of_rollouts_long_over_go_but_for_dead_letters(f: &mut Fixture) {
    let devices = f.fleet(2);
    f.store.reserve_attempt_ids(20).expect("ids are left");
    let rollout = f.rollout("r", &devices, 0);
    let rows = f.assignments(rollout);
    f.attempt(
        rollout,
        &rows[0],
        (1, 3_000),
        AttemptOutcome::Delivered,
        AssignmentState::Succeeded,
    );
    f.dead_letter(rollout, &rows[1], (2, 3_000), FailureKind::Busy);
    assert!(prune(f, &ALL, 10).is_nothing(), "it goes on");
    end(f, rollout, 10_000);
    assert_eq!(prune(f, &ALL, 10).attempts, 1);
    let letters = f.store.dead_letters(None, None, 10).expect("readable");
    assert_eq!(letters.len(), 1);
    let attempts = f.store.attempts(letters[0].assignment).expect("readable");
    assert_eq!(attempts.len(), 1);
    assert!(f.store.attempts(rows[0].id).expect("readable").is_empty());
}

/// Design §6: component bytes are kept while a decision cites them, or a rollout will.
pub(crate) fn a_component_goes_with_the_last_that_cites_it(f: &mut Fixture) {
    let devices = f.fleet(1);
    let rollout = f.rollout("r", &devices, 1);
    let (cited, planned, former) = (Sha256([9; 32]), Sha256([1; 32]), Sha256([8; 32]));
    for digest in [cited, planned, former] {
        f.store.put_component(&digest, b"\0asm").expect("kept");
    }
    for (component, at) in [(former, 1_000), (cited, 2_000)] {
        let mut record = record("careful", at, failed());
        record.component = component;
        f.apply(rollout, vec![Change::Decision(Box::new(record))]);
    }
    let pruned = prune(f, &ALL, 10);
    assert_eq!((pruned.decisions, pruned.components), (1, 1));
    let is_kept = |digest| f.store.component(digest).expect("readable").is_some();
    assert_eq!(
        [&cited, &planned, &former].map(is_kept),
        [true, true, false]
    );
}

/// What put devices off goes when nothing cites it any more, a stretch at a time; what a
/// rollout that goes on cites stays (issue 4).
pub(crate) fn reasons_go_with_the_last_that_cites_them(f: &mut Fixture) {
    let devices = f.fleet(4);
    let over = f.rollout("over", &devices, 1);
    let rows = f.assignments(over);
    put_off(f, over, &rows[0], "the depot is closed");
    put_off(f, over, &rows[1], "in repair");
    put_off(f, over, &rows[2], "in repair");
    let live = f.rollout("live", &devices, 1);
    let rows = f.assignments(live);
    put_off(f, live, &rows[3], "the depot is closed");
    put_off(f, live, &rows[1], "lent out");
    f.apply(over, vec![Change::CancelRemaining]);
    end(f, over, 800_000);

    let mut calls = 0;
    let mut all = Pruned::default();
    loop {
        let pruned = prune(f, &ALL, 1);
        assert!(pruned.reasons <= 1, "{pruned:?}");
        all.add(pruned);
        if pruned.is_nothing() {
            break;
        }
        calls += 1;
    }
    assert_eq!(all.reasons, 1, "{all:?}");
    // An event a call, then a reason a call.
    assert_eq!(calls, all.events + 3);
    assert!(prune(f, &ALL, 1).is_nothing());
    let kept = f.assignments(live);
    let texts: Vec<_> = kept
        .iter()
        .filter_map(|row| row.blocker.as_ref().map(|why| &*why.text))
        .collect();
    assert_eq!(texts, ["lent out", "the depot is closed"]);
}

fn put_off(f: &mut Fixture, rollout: RolloutKey, row: &Assignment, text: &str) {
    let why = Reason {
        code: "hold".to_owned(),
        cohort: None,
        parameters: Default::default(),
        text: text.to_owned(),
    };
    let until = Timestamp(9_000);
    let mut put_off = row.clone();
    put_off.state = AssignmentState::Deferred(Deferral {
        until,
        needs_connection: false,
    });
    put_off.blocker = Some(Box::new(why.clone()));
    let set = ChangeSet {
        rollout,
        changes: vec![Change::Assignment {
            from: StateKind::Pending,
            row: Box::new(put_off),
        }],
        events: vec![Event {
            at: Timestamp(5_000),
            rollout: Some(rollout),
            kind: EventKind::DeviceDeferred {
                device: row.device_id.clone(),
                until,
                needs_connection: false,
                reason: Some(why),
            },
        }],
    };
    f.commit(&set).expect("no conflict");
}
