use std::{collections::BTreeMap, time::Duration};

use windlass_model::{
    AssignmentState, Ceiling, Change, ChangeSet, CohortIndex, Decision, DecisionAnswer,
    DecisionRecord, Deferral, DeviceId, FailureKind, PluginName, Reason, RolloutKey, Sha256,
    Signal, SignalName, StateKind, Timestamp, Value, Verdict, View,
};
use windlass_store::StoreError;

use crate::fixture::{Fixture, attempt, event, moved, started};

pub(crate) fn a_snapshot_counts_what_was_committed(f: &mut Fixture) {
    let devices = f.fleet(8);
    let rollout = f.rollout("r", &devices, 3);
    f.store.reserve_attempt_ids(10).expect("ids are left");
    let rows = f.assignments(rollout);
    for (row, at) in [(&rows[0], 3_500), (&rows[1], 3_000), (&rows[3], 4_000)] {
        f.apply(rollout, started(row, row.id.0 as u32, at));
    }
    let rows = f.assignments(rollout);
    let mut failed = rows[0].clone();
    failed.state = AssignmentState::DeadLettered(FailureKind::Busy);
    failed.first_failure = Some(FailureKind::Corrupt);
    failed.last_failure = Some((FailureKind::Busy, Timestamp(5_000)));
    let failed = Change::Assignment {
        from: StateKind::Transferring,
        row: Box::new(failed),
    };
    let later = Deferral {
        until: Timestamp(9_000),
        needs_connection: true,
    };
    let changes = vec![
        failed,
        moved(&rows[4], AssignmentState::Admitted),
        moved(&rows[5], AssignmentState::Deferred(later)),
    ];
    let events = vec![event(rollout, 6_000)];
    f.commit(&ChangeSet {
        rollout,
        changes,
        events,
    })
    .expect("no conflict");

    let snapshot = f.store.snapshot(rollout).expect("known");
    let [canary, rest] = snapshot.cohorts.as_slice() else {
        panic!("there are two cohorts");
    };
    assert_eq!((canary.name.as_str(), canary.size), ("cohort-0", 3));
    assert_eq!(canary.states.total(), 3);
    assert_eq!(canary.states.get(StateKind::Transferring), 1);
    assert_eq!(
        (canary.started, canary.in_progress, canary.ended),
        (2, 1, 1)
    );
    assert_eq!(canary.first_started, Some(Timestamp(3_000)));
    assert_eq!(canary.last_ended, Some(Timestamp(6_000)));
    assert_eq!(
        canary.first_failures,
        BTreeMap::from([(FailureKind::Corrupt, 1)])
    );
    assert_eq!(canary.failures, BTreeMap::from([(FailureKind::Busy, 1)]));
    assert_eq!(rest.states.get(StateKind::Pending), 2);
    assert_eq!((rest.started, rest.in_progress, rest.ended), (1, 1, 0));
    assert_eq!(rest.last_ended, None);
    let live: Vec<_> = snapshot.live.iter().map(|row| row.id).collect();
    assert_eq!(live, [rows[1].id, rows[3].id, rows[4].id]);
    assert_eq!(
        snapshot.live[0].state,
        AssignmentState::Transferring(attempt(rows[1].id.0 as u32))
    );
    assert_eq!(snapshot.next_deferred, Some(Timestamp(9_000)));
    assert_eq!(snapshot.timed, 0, "it waits for its connection");
    assert_eq!(snapshot.decisions, [None, None]);
    let later = Deferral {
        needs_connection: false,
        ..later
    };
    let row = &f.assignments(rollout)[5];
    f.apply(rollout, vec![moved(row, AssignmentState::Deferred(later))]);
    let snapshot = f.store.snapshot(rollout).expect("known");
    assert_eq!(snapshot.timed, 1);
    let missing = f.store.snapshot(RolloutKey(99)).expect_err("unknown");
    assert!(matches!(missing, StoreError::Missing { key: 99, .. }));
}

pub(crate) fn pending_assignments_are_paged_in_rank_order(f: &mut Fixture) {
    let devices = f.fleet(10);
    let ranked: Vec<_> = devices.into_iter().rev().collect();
    let rollout = f.rollout("r", &ranked, 2);
    f.rollout("other", &ranked, 2);
    let rows = f.assignments(rollout);
    f.apply(rollout, vec![moved(&rows[4], AssignmentState::Admitted)]);
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page = f.store.pending(rollout, CohortIndex(1), after, 3);
        let page = page.expect("readable");
        let Some((last, _)) = page.last() else { break };
        after = Some(last.id);
        for (row, device) in page {
            assert_eq!(row.device_id, device.id);
            seen.push(row.id);
        }
    }
    let expected: Vec<_> = rows[2..].iter().map(|row| row.id).collect();
    let expected: Vec<_> = expected
        .into_iter()
        .filter(|id| *id != rows[4].id)
        .collect();
    assert_eq!(seen, expected);
}

pub(crate) fn deferred_assignments_come_back_when_due(f: &mut Fixture) {
    let devices = f.fleet(4);
    let rollout = f.rollout("r", &devices, 0);
    let rows = f.assignments(rollout);
    for (row, until) in rows.iter().zip([9_000, 7_000, 8_000]) {
        let deferral = Deferral {
            until: Timestamp(until),
            needs_connection: false,
        };
        f.apply(
            rollout,
            vec![moved(row, AssignmentState::Deferred(deferral))],
        );
    }
    let due = |now, limit| {
        let page = f.store.deferred_due(rollout, Timestamp(now), limit);
        let page = page.expect("readable");
        page.into_iter().map(|(row, _)| row.id).collect::<Vec<_>>()
    };
    assert!(due(6_999, 10).is_empty());
    assert_eq!(due(8_000, 10), [rows[1].id, rows[2].id]);
    assert_eq!(due(9_999, 1), [rows[1].id]);
    let next = |now| {
        f.store
            .next_deferred_after(rollout, Timestamp(now))
            .expect("readable")
    };
    assert_eq!(next(0), Some(Timestamp(7_000)));
    assert_eq!(next(8_000), Some(Timestamp(9_000)));
    assert_eq!(next(9_000), None);
}

pub(crate) fn record(policy: &str, at: u64, answer: DecisionAnswer) -> DecisionRecord {
    DecisionRecord {
        policy: PluginName::new(policy),
        component: Sha256([1; 32]),
        settings: Sha256([2; 32]),
        at: Timestamp(at),
        view: View {
            now: Timestamp(at),
            started_at: Timestamp(1),
            paused_for: Duration::from_nanos(1_500_000_001),
            cohorts: Vec::new(),
            starts_last_minute: u64::MAX,
            approvals: Vec::new(),
            advances: Vec::new(),
            signals: vec![Signal {
                name: SignalName::new("errors"),
                // Read back one unit in the last place off by a quicker parser.
                value: Some(122.416_294_033_786_58),
                observed_at: None,
            }],
        },
        memo_before: (0..=255).collect(),
        answer,
    }
}

/// Design §8: any decision can be replayed byte for byte.
pub(crate) fn decisions_come_back_byte_for_byte(f: &mut Fixture) {
    let devices = f.fleet(1);
    let rollout = f.rollout("r", &devices, 1);
    let decided = |memo: &[u8]| {
        DecisionAnswer::Decided(Decision {
            ceilings: Vec::new(),
            valid_until: Timestamp(u64::MAX),
            verdict: Verdict::RollBack,
            reasons: vec![Reason {
                code: "error-rate".to_owned(),
                cohort: Some(CohortIndex(0)),
                parameters: BTreeMap::from([("rate".to_owned(), Value::Real(1.0 / 3.0))]),
                text: "too many errors".to_owned(),
            }],
            memo: memo.to_vec(),
            ask_at: None,
            triggers: Vec::new(),
            rechecks: Vec::new(),
        })
    };
    let records = [
        record("careful", 1, decided(b"\x00\xff")),
        record("careful", 2, decided(b"")),
        record(
            "elsewhere",
            3,
            DecisionAnswer::Failed("it trapped".to_owned()),
        ),
    ];
    let changes = records
        .iter()
        .cloned()
        .map(|record| Change::Decision(Box::new(record)));
    f.apply(rollout, changes.collect());
    let stored = f.store.decisions(rollout, 0, 10).expect("readable");
    let kept: Vec<_> = stored.iter().map(|stored| stored.record.clone()).collect();
    assert_eq!(kept, records);
    let page = f
        .store
        .decisions(rollout, stored[0].id, 1)
        .expect("readable");
    assert_eq!(page, stored[1..2]);
    for (newest, before) in [(0, stored[2].id), (2, stored[0].id), (3, 0), (9, 0)] {
        let found = f.store.decision_before(rollout, newest, false);
        assert_eq!(found.expect("readable"), before, "{newest}");
    }
    let snapshot = f.store.snapshot(rollout).expect("known");
    assert_eq!(snapshot.decisions, [Some(records[1].clone()), None]);
}

/// Issue 4, `replay`: rows are read in pages of bounded size, and an answer is compared as it is
/// written.
pub(crate) fn decisions_are_read_and_compared_as_they_are_kept(f: &mut Fixture) {
    let devices = f.fleet(1);
    let rollout = f.rollout("r", &devices, 1);
    let decision = Decision {
        ceilings: vec![Ceiling {
            started: u64::MAX,
            in_progress: 1,
        }],
        valid_until: Timestamp(7),
        verdict: Verdict::Hold,
        reasons: vec![Reason {
            code: "error-rate".to_owned(),
            cohort: None,
            parameters: BTreeMap::from([("rate".to_owned(), Value::Real(1.0 / 3.0))]),
            text: "too many \"errors\"\n".to_owned(),
        }],
        memo: vec![0, 255],
        ask_at: None,
        triggers: Vec::new(),
        rechecks: Vec::new(),
    };
    let decided = DecisionAnswer::Decided(decision.clone());
    let failed = DecisionAnswer::Failed("it \"trapped\"".to_owned());
    let records = [
        record("careful", 1, decided.clone()),
        record("careful", 2, failed),
        record("elsewhere", 3, decided),
    ];
    let changes = records
        .iter()
        .cloned()
        .map(|record| Change::Decision(Box::new(record)));
    f.apply(rollout, changes.collect());
    let stored = f.store.decisions(rollout, 0, 10).expect("readable");

    let all = f
        .store
        .decision_rows(rollout, 0, 1 << 20)
        .expect("readable");
    let whole: Vec<_> = all
        .iter()
        .map(|row| row.decision().expect("sound"))
        .collect();
    assert_eq!(whole, stored);
    let mut after = 0;
    for stored in &stored {
        let one = f.store.decision_rows(rollout, after, 1).expect("readable");
        after = one.last().expect("there is one").id();
        assert_eq!((one.iter().count(), after), (1, stored.id));
    }
    let none = f.store.decision_rows(rollout, after, 1).expect("readable");
    assert!(none.last().is_none());

    let (mut room, mut written) = (Vec::new(), Vec::new());
    for (row, record) in all.iter().zip(&records) {
        let question = row.question(&mut room).expect("sound");
        assert_eq!(
            (&question.policy, question.component, question.settings),
            (&record.policy, record.component, record.settings)
        );
        assert_eq!(
            (&question.view, question.memo),
            (&record.view, record.memo_before.as_slice())
        );
        let DecisionAnswer::Decided(recorded) = &record.answer else {
            assert!(question.answer.is_none());
            continue;
        };
        let answer = question.answer.expect("it decided");
        let mut same = recorded.clone();
        assert!(answer.is_written_as(&mut same, &mut written));
        assert_eq!(&same, recorded);
        let mut others = vec![recorded.clone(); 4];
        others[0].memo.push(1);
        others[1].verdict = Verdict::Pause;
        others[2].reasons[0].text.push('!');
        others[3].reasons.clear();
        for mut other in others {
            let before = other.clone();
            assert!(!answer.is_written_as(&mut other, &mut written), "{other:?}");
            assert_eq!(other, before);
        }
    }
}

pub(crate) fn components_and_settings_are_kept(f: &mut Fixture) {
    let digest = Sha256([9; 32]);
    assert_eq!(f.store.component(&digest).expect("readable"), None);
    for _ in 0..2 {
        f.store.put_component(&digest, b"\0asm").expect("kept");
    }
    let kept = f.store.component(&digest).expect("readable");
    assert_eq!(kept.as_deref(), Some(b"\0asm".as_slice()));
    assert_eq!(f.store.settings(&digest).expect("readable"), None);
    for _ in 0..2 {
        f.store.put_settings(&digest, "{}").expect("kept");
    }
    let kept = f.store.settings(&digest).expect("readable");
    assert_eq!(kept.as_deref(), Some("{}"));
}

pub(crate) fn assignments_are_found_by_the_names_of_their_devices(f: &mut Fixture) {
    let devices = f.fleet(4);
    let rollout = f.rollout("r", &devices[..3], 1);
    f.rollout("s", &devices, 1);
    let names = ["d-3", "d-4", "nobody", "d-1"].map(DeviceId::new);
    let found = f.store.assignments_of(rollout, &names).expect("readable");
    let rows = f.assignments(rollout);
    assert_eq!(found, [rows[2].clone(), rows[0].clone()]);
}
