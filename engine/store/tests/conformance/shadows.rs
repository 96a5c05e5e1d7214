//! Policies in shadow (issue 4, "Shadow").

use std::time::Duration;

use windlass_model::{
    AssignmentState, AttemptOutcome, Change, Cohort, CohortIndex, Comparison, Covered, Decision,
    DecisionAnswer, EventKind, FailureKind, Inheritance, NewShadow, PluginName, PolicySwap,
    RolloutKey, RolloutState, SHADOWS_MAX, Sha256, ShadowChange, ShadowEnd, ShadowKey,
    ShadowOrigin, ShadowPlaces, Tallied, Timestamp, Verdict,
};
use windlass_store::{Retention, ShadowConflict};

use crate::{
    fixture::{Fixture, pin},
    reading::record,
};

const AT: Timestamp = Timestamp(50_000);
const WHO: (&str, &str) = ("ada", "stricter?");

/// Four devices: one updated, one failed, two pending.
fn under_way(f: &mut Fixture) -> RolloutKey {
    let devices = f.fleet(4);
    let rollout = f.rollout("r", &devices, 2);
    f.store.reserve_attempt_ids(10).expect("ids are left");
    let rows = f.assignments(rollout);
    let (outcome, state) = (AttemptOutcome::Delivered, AssignmentState::Succeeded);
    f.attempt(rollout, &rows[0], (1, 10_000), outcome, state);
    f.dead_letter(rollout, &rows[1], (2, 20_000), FailureKind::Corrupt);
    rollout
}

fn shadow(name: &str, members: &[u16]) -> NewShadow {
    let size = |of: u16| members.iter().filter(|cohort| **cohort == of).count() as u64;
    let cohort = |name: &str, size| Cohort {
        name: name.to_owned(),
        size,
    };
    NewShadow {
        pin: pin(name),
        origin: ShadowOrigin::Person,
        placed: Ok(ShadowPlaces {
            cohorts: vec![cohort("first", size(0)), cohort("rest", size(1))],
            members: members.to_vec(),
        }),
    }
}

fn add(f: &mut Fixture, rollout: RolloutKey, name: &str) -> ShadowKey {
    let new = shadow(name, &[1, 0, 1, 0]);
    let added = f.store.add_shadow(rollout, &new, WHO, AT);
    added.expect("it fits")
}

fn remove(f: &mut Fixture, rollout: RolloutKey, name: &str) -> Result<(), ShadowConflict> {
    let name = PluginName::new(name);
    f.store
        .remove_shadow(rollout, &name, ShadowEnd::Person, WHO, AT)
}

fn decided(memo: &[u8]) -> Change {
    let decision = Decision {
        ceilings: Vec::new(),
        valid_until: Timestamp(1),
        verdict: Verdict::Abort,
        reasons: Vec::new(),
        memo: memo.to_vec(),
        ask_at: None,
        triggers: Vec::new(),
        rechecks: Vec::new(),
    };
    let record = record("candidate", 60_000, DecisionAnswer::Decided(decision));
    Change::Shadow(ShadowKey(1), ShadowChange::Decided(Box::new(record)))
}

/// As whoever drives the rollout keeps them when the last target is counted.
fn counted(times: [(Option<u64>, Option<u64>); 2]) -> Vec<Change> {
    (0..)
        .map(CohortIndex)
        .zip(times)
        .map(|(cohort, (first, last))| ShadowChange::Times {
            cohort,
            first_started: first.map(Timestamp),
            last_ended: last.map(Timestamp),
        })
        .map(|change| Change::Shadow(ShadowKey(1), change))
        .collect()
}

/// What was started and ended before is counted in the shadow's own cohorts a page at a time, and so
/// are devices that join later. Once that was done it is counted whenever the rollout is read.
pub(crate) fn a_shadow_is_charged_with_what_was_started(f: &mut Fixture) {
    let rollout = under_way(f);
    add(f, rollout, "candidate");
    let more = f.fleet(6);
    f.store
        .extend_rollout(rollout, &mut more.into_iter(), AT)
        .expect("it grows");
    let snapshot = f.store.snapshot(rollout).expect("known");
    let [found] = snapshot.shadows.as_slice() else {
        panic!("one shadow: {snapshot:#?}");
    };
    let rows = f.assignments(rollout);
    assert_eq!(found.covered, Covered::Before(rows[0].id));
    assert!(found.cohorts.iter().all(|view| view.states.total() == 0));
    let tell = f.store.shadow_snapshots(rollout).expect("readable");
    assert_eq!(tell, snapshot.shadows, "as core is told of it");

    let read = |from, limit| {
        let page = f.store.tallied_targets(rollout, from, limit);
        page.expect("readable")
    };
    let all = read(rows[0].id, 100);
    assert_eq!(all.len(), rows.len(), "also those that joined");
    let pages = [read(rows[0].id, 4), read(rows[4].id, 4)].concat();
    assert_eq!(pages, all);
    let at = |at| Some(Timestamp(at));
    for (target, row) in all.iter().zip(&rows) {
        let tallied = Tallied {
            state: row.state.kind(),
            started: row.started_attempts > 0,
            first_failure: row.first_failure,
            last_failure: row.last_failure.map(|(kind, _)| kind),
        };
        assert_eq!((target.id, target.tallied), (row.id, tallied));
    }
    let instants: Vec<_> = all
        .iter()
        .map(|one| (one.first_started, one.ended))
        .collect();
    assert_eq!(
        instants[..3],
        [
            (at(10_000), at(11_000)),
            (at(20_000), at(21_000)),
            (None, None)
        ]
    );

    let times = [(Some(20_000), Some(21_000)), (Some(10_000), Some(11_000))];
    f.apply(rollout, counted(times));
    let snapshot = f.store.snapshot(rollout).expect("known");
    let found = &snapshot.shadows[0];
    assert_eq!(found.covered, Covered::All);
    let counts: Vec<_> = found
        .cohorts
        .iter()
        .map(|view| (view.size, view.started, view.ended, view.failures.len()))
        .collect();
    assert_eq!(counts, [(2, 1, 1, 1), (4, 1, 1, 0)]);
    let instants: Vec<_> = found
        .cohorts
        .iter()
        .map(|view| (view.first_started, view.last_ended))
        .collect();
    assert_eq!(
        instants,
        [(at(20_000), at(21_000)), (at(10_000), at(11_000))]
    );
    let quick = f.store.snapshot_but_shadows(rollout).expect("known");
    assert_eq!(quick.cohorts, snapshot.cohorts);
    assert_eq!(quick.shadows[0].covered, Covered::Before(rows[0].id));
    let homes: Vec<_> = rows
        .iter()
        .map(|row| found.members.cohort(row.id).0)
        .collect();
    assert_eq!(
        homes,
        [1, 0, 1, 0, 1, 1],
        "those that joined are in the last"
    );
    let cohorts: Vec<_> = rows.iter().map(|row| row.cohort).collect();
    assert_eq!(cohorts[..2], [CohortIndex(0); 2], "nothing else moved");
    let events = f.events();
    let added = events.iter().find_map(|(_, kind)| match kind {
        EventKind::ShadowAdded { actor, reason, .. } => Some((actor.as_str(), reason.as_str())),
        _ => None,
    });
    assert_eq!(added, Some(WHO));
}

/// What a shadow says is kept apart from what policies in force say, and found again.
pub(crate) fn a_shadow_goes_on_after_a_restart(f: &mut Fixture) {
    let rollout = under_way(f);
    let key = add(f, rollout, "candidate");
    assert_eq!(key, ShadowKey(1));
    f.apply(rollout, counted([(None, None), (Some(1), None)]));
    let comparison = Comparison {
        moments: 7,
        agreed: 3,
        ..Comparison::default()
    };
    let of = |change| Change::Shadow(key, change);
    f.apply(
        rollout,
        vec![
            decided(&[4]),
            of(ShadowChange::Repeated {
                times: 5,
                last: Timestamp(61_000),
            }),
            of(ShadowChange::Compared(Box::new(comparison.clone()))),
            of(ShadowChange::Times {
                cohort: CohortIndex(1),
                first_started: Some(Timestamp(1)),
                last_ended: Some(Timestamp(2)),
            }),
        ],
    );
    let snapshot = f.store.snapshot(rollout).expect("known");
    let found = &snapshot.shadows[0];
    assert_eq!(found.comparison, comparison);
    let record = found.decision.as_ref().expect("it decided");
    assert!(matches!(&record.answer, DecisionAnswer::Decided(one) if one.memo == [4]));
    assert_eq!(found.cohorts[1].last_ended, Some(Timestamp(2)));
    assert!(
        snapshot.decisions.iter().all(Option::is_none),
        "nothing in force decided"
    );
    let decisions = f.store.decisions(rollout, 0, 10).expect("readable");
    assert_eq!(decisions.len(), 1);
    assert_eq!((decisions[0].shadow, decisions[0].repeats), (Some(key), 5));
    assert_eq!(
        f.store.memos(rollout).expect("readable").0,
        0,
        "a swap need not wait for it"
    );
    let name = PluginName::new("candidate");
    let newest = f.store.newest_decision(rollout, &name, Timestamp(u64::MAX));
    assert_eq!(newest.expect("readable"), None, "it is nobody's reason");
}

/// Nothing is kept of what does not fit.
pub(crate) fn what_cannot_be_in_shadow_is_refused(f: &mut Fixture) {
    let rollout = under_way(f);
    let before = f.events();
    let mut refused = |new: &NewShadow| {
        let told = f.store.add_shadow(rollout, new, WHO, AT);
        told.expect_err("it does not fit")
    };
    let good = &[0, 1, 1, 1];
    assert!(matches!(
        refused(&shadow("careful", good)),
        ShadowConflict::InForce(_)
    ));
    for members in [&[0, 1, 1, 1, 1][..], &[0, 1, 2, 1]] {
        let mut wrong = shadow("candidate", good);
        if let Ok(places) = &mut wrong.placed {
            places.members = members.to_vec();
        }
        let told = refused(&wrong);
        assert!(matches!(told, ShadowConflict::TargetsMoved(_)), "{told}");
    }
    assert!(matches!(
        remove(f, rollout, "candidate"),
        Err(ShadowConflict::Absent(_))
    ));
    assert_eq!(f.events(), before);
    for number in 0..SHADOWS_MAX {
        add(f, rollout, &format!("candidate-{number}"));
    }
    let again = f
        .store
        .add_shadow(rollout, &shadow("candidate-0", good), WHO, AT);
    assert!(matches!(again, Err(ShadowConflict::Already(_))));
    let many = f
        .store
        .add_shadow(rollout, &shadow("one-more", good), WHO, AT);
    assert!(matches!(many, Err(ShadowConflict::TooMany)));
    f.apply(
        rollout,
        vec![Change::Rollout {
            state: RolloutState::Completed,
            started_at: Some(Timestamp(1)),
            ended_at: Some(Timestamp(2)),
            paused_for: Duration::ZERO,
            paused_since: None,
        }],
    );
    assert!(matches!(
        remove(f, rollout, "candidate-0"),
        Err(ShadowConflict::Ended(_))
    ));
}

/// One that cannot place the targets is noted once, and placed when it can.
pub(crate) fn a_shadow_that_cannot_place_is_noted_once(f: &mut Fixture) {
    let rollout = under_way(f);
    let mut new = shadow("candidate", &[0, 1, 1, 1]);
    let placed = std::mem::replace(&mut new.placed, Err("it trapped".to_owned()));
    let before = f.events().len();
    for _ in 0..3 {
        f.store
            .add_shadow(rollout, &new, WHO, AT)
            .expect("it is noted");
    }
    assert_eq!(f.events().len(), before + 1);
    assert_eq!(f.store.snapshot(rollout).expect("known").shadows, []);
    new.placed = placed;
    f.store
        .add_shadow(rollout, &new, WHO, AT)
        .expect("it is placed");
    assert_eq!(f.store.snapshot(rollout).expect("known").shadows.len(), 1);
    let all = f.store.shadows(rollout).expect("readable");
    assert_eq!((all.len(), all[0].trouble.clone()), (1, None));
}

/// What was mended has another component or other settings: it comes in without an order to take
/// the other one out first. One that was placed is in nobody's way but its own.
pub(crate) fn another_takes_the_place_of_one_that_cannot_place(f: &mut Fixture) {
    let rollout = under_way(f);
    let mut broken = shadow("candidate", &[0, 1, 1, 1]);
    broken.placed = Err("it trapped".to_owned());
    let mut mended = shadow("candidate", &[0, 1, 1, 1]);
    mended.pin.component = Sha256([7; 32]);
    let mut add = |new: &NewShadow| f.store.add_shadow(rollout, new, WHO, AT);
    let first = add(&broken).expect("it is noted");
    let second = add(&mended).expect("it is placed");
    assert_ne!(first, second);
    assert!(matches!(add(&broken), Err(ShadowConflict::Already(_))));
    let all = f.store.shadows(rollout).expect("readable");
    let ends: Vec<_> = all.iter().map(|one| one.ended).collect();
    assert_eq!(ends, [Some((AT, ShadowEnd::Configuration)), None]);
    let shadows = f.store.snapshot(rollout).expect("known").shadows;
    assert_eq!(shadows.len(), 1);
    assert_eq!(shadows[0].pin, mended.pin);
    let events = f.events();
    let told: Vec<_> = events
        .iter()
        .filter_map(|(_, kind)| match kind {
            EventKind::ShadowAdded { trouble, .. } => Some(format!("added {trouble}")),
            EventKind::ShadowRemoved { because, .. } => Some(format!("removed {because:?}")),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        ["added it trapped", "removed Configuration", "added "]
    );
}

/// A shadow that is put in force is none any more, and begins with what the swap gives it.
pub(crate) fn a_shadow_that_is_swapped_in_is_none_any_more(f: &mut Fixture) {
    let rollout = under_way(f);
    add(f, rollout, "candidate");
    f.apply(rollout, vec![decided(&[4])]);
    let plan = f.store.snapshot(rollout).expect("known").rollout.plan;
    let swap = PolicySwap {
        actor: "ada".to_owned(),
        reason: String::new(),
        replaces: plan.policies.clone(),
        policies: vec![pin("candidate")],
        decided: 0,
        memos: vec![Inheritance::Given(vec![9])],
        cohorts: plan.cohorts,
        moves: Vec::new(),
    };
    f.store.swap_policies(rollout, &swap, AT).expect("it fits");
    let snapshot = f.store.snapshot(rollout).expect("known");
    assert_eq!(snapshot.shadows, []);
    assert_eq!(snapshot.decisions, [None], "it decided nothing in force");
    assert_eq!(snapshot.memos, [Some(vec![9])]);
    let ended = f.store.shadows(rollout).expect("readable")[0].ended;
    assert_eq!(ended, Some((AT, ShadowEnd::InForce)));
}

/// Retention treats decisions of shadows as others, and components are kept while they are cited.
pub(crate) fn old_decisions_of_shadows_are_dropped(f: &mut Fixture) {
    let rollout = under_way(f);
    let component = Sha256([5; 32]);
    f.store.put_component(&component, b"wasm").expect("kept");
    let mut new = shadow("candidate", &[1, 0, 1, 0]);
    new.pin.component = component;
    let added = f.store.add_shadow(rollout, &new, WHO, AT);
    added.expect("it fits");
    f.apply(rollout, vec![decided(&[1]), decided(&[2]), decided(&[3])]);
    let retention = Retention {
        decisions: Some(Duration::from_secs(1)),
        events: None,
        attempts: None,
    };
    let now = Timestamp(1_000_000);
    let pruned = f.store.prune(&retention, now, 100).expect("pruned");
    assert_eq!(pruned.decisions, 2, "the newest is where it goes on from");
    assert!(f.store.component(&component).expect("readable").is_some());
}
